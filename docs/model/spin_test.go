package model

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A config is what of the model is checked.
type config struct {
	instances, agents int
	lag, lease        int    // in ticks
	wrong             string // the macro that makes the protocol wrong; "" for the right one
}

func (c config) macros() []string {
	macros := []string{
		fmt.Sprintf("-DINSTANCES=%d", c.instances), fmt.Sprintf("-DAGENTS=%d", c.agents),
		fmt.Sprintf("-DLAG=%d", c.lag), fmt.Sprintf("-DLEASE=%d", c.lease),
	}
	if c.wrong != "" {
		macros = append(macros, "-D"+c.wrong)
	}
	return macros
}

// A finding is what the search came to.
type finding struct {
	broken    string // the assertion that was violated; "" for none
	states    int
	depth     int
	cpu       time.Duration
	trail     []string // how it came to the violation
	unreached []string // what the model says or sets and never did
}

// check searches all that can happen. It goes breadth first for a wrong model,
// so that the counterexample is a shortest one. Whatever is neither a proof nor a
// counterexample is an error: a model that does not compile proves nothing.
func check(ctx context.Context, dir string, c config) (f finding, err error) {
	source, err := filepath.Abs("muster.pml")
	if err != nil {
		return f, err
	}
	spin := append([]string{"-a"}, append(c.macros(), source)...)
	cc := []string{"-O2", "-w", "-DSAFETY", "-DMEMLIM=12000", "-o", "pan", "pan.c"}
	depth := "-m5000000" // what is deeper is an error
	switch {
	case c.wrong != "":
		cc = append(cc, "-DBFS")
	case c.instances > 2:
		cc, depth = append(cc, "-DCOLLAPSE"), "-m40000000"
	}
	for _, step := range [][]string{append([]string{"spin"}, spin...), append([]string{"gcc"}, cc...)} {
		if out, _, err := run(ctx, dir, step...); err != nil || bytes.Contains(out, []byte("rror:")) {
			return f, fmt.Errorf("%s: %w\n%s", step[0], errors.Join(err, errors.New("the model does not compile")), out)
		}
	}
	out, state, err := run(ctx, dir, "./pan", depth, "-w24")
	if err != nil {
		return f, fmt.Errorf("pan: %w\n%s", err, out)
	}
	f, err = judge(string(out))
	if err != nil {
		return f, fmt.Errorf("pan: %w\n%s", err, out)
	}
	f.cpu = state.UserTime() + state.SystemTime()
	if f.broken == "" {
		return f, nil
	}
	name := filepath.Base(source) + ".trail"
	if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
		return f, fmt.Errorf("pan says that %s is broken and not how: %w", f.broken, err)
	}
	out, _, err = run(ctx, dir, append([]string{"spin", "-B", "-k", name}, append(c.macros(), source)...)...)
	if err != nil {
		return f, fmt.Errorf("replay: %w\n%s", err, out)
	}
	f.trail = tell(string(out))
	return f, nil
}

var (
	violated = regexp.MustCompile(`(?m)^pan:\d+: (.*) \(at depth \d+\)$`)
	named    = regexp.MustCompile(`^assertion violated (G\d)$`)
	summary  = regexp.MustCompile(`(?m)^State-vector \d+ byte, depth reached (\d+), errors: (\d+)$`)
	stored   = regexp.MustCompile(`(?m)^\s*(\d+) states, stored`)
	missed   = regexp.MustCompile(`(?m)^\s+\S+:\d+, state \d+, "(printf.*|assert.*|.* = .*)"$`)
)

// judge reads the verdict from what pan said.
func judge(out string) (f finding, err error) {
	end := summary.FindStringSubmatch(out)
	states := stored.FindStringSubmatch(out)
	if end == nil || states == nil {
		return f, errors.New("it did not come to an end")
	}
	f.depth, _ = strconv.Atoi(end[1])
	f.states, _ = strconv.Atoi(states[1])
	for _, m := range missed.FindAllStringSubmatch(out, -1) {
		f.unreached = append(f.unreached, m[1])
	}
	truncated := strings.Contains(out, "max search depth too small") || strings.Contains(out, "Search not completed")
	bug := violated.FindStringSubmatch(out)
	switch {
	case bug == nil && end[2] == "0" && !truncated:
		return f, nil
	case bug == nil:
		return f, errors.New("the search is not exhaustive")
	case named.MatchString(bug[1]):
		f.broken = named.FindStringSubmatch(bug[1])[1]
		return f, nil
	default:
		return f, errors.New("it fails for another reason than a promise: " + bug[1])
	}
}

// tell makes one line of each event.
func tell(replay string) (story []string) {
	for line := range strings.Lines(replay) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "spin:") {
			break
		}
		if line != "" {
			story = append(story, line)
		}
	}
	return story
}

// run runs a command to its end, which may not be a failure.
func run(ctx context.Context, dir string, args ...string) ([]byte, *os.ProcessState, error) {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	return out, cmd.ProcessState, err
}

// require skips the test where spin or gcc are missing, and fails it with
// CI=true, where nothing may be skipped unseen.
func require(t *testing.T) {
	t.Helper()
	for _, tool := range []string{"spin", "gcc"} {
		_, err := exec.LookPath(tool)
		switch {
		case err == nil:
		case os.Getenv("CI") == "true":
			t.Fatalf("CI=true, and there is no %s: %v", tool, err)
		default:
			t.Skipf("skipped: no %s to check the model with (install the Debian packages spin, gcc and libc6-dev, or run make test as root): %v", tool, err)
		}
	}
}
