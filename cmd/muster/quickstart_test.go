package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// A block is one console block of the documentation. Its convention:
//
//	# terminal 2     what follows is typed in that terminal; without such a
//	                 line, in one where every command ends by itself
//	^C               ends what runs in the terminal
//	$ command        is typed; lines that begin with "> " belong to it
//	anything else    is shown; … stands for anything, also for whole lines
type block struct {
	line     int // in the file
	terminal string
	steps    []step
}

// A step is a command and what it shows. The first step of a terminal may have
// no command: then its output goes on.
type step struct {
	interrupt bool
	command   string
	shows     []string
}

// TestQuickStart does what the README tells a new user to do, as written. Only
// the addresses come from the environment.
func TestQuickStart(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	blocks := consoleBlocks(section(string(text), "## Quick start"))
	if len(blocks) < 5 {
		t.Fatalf("found %d console blocks in the README's quick start", len(blocks))
	}
	dir := t.TempDir()
	environ := os.Environ()
	if err := setupAddresses(func(key, value string) { environ = append(environ, key+"="+value) }, dir); err != nil {
		t.Fatal(err)
	}
	desk := desk{t: t, dir: dir, env: environ, terminals: make(map[string]*terminal)}
	defer desk.close()
	for _, b := range blocks {
		t.Logf("block in line %d of the quick start", b.line)
		for _, s := range b.steps {
			if b.terminal == "" {
				desk.run(s)
			} else {
				desk.background(b.terminal, s)
			}
		}
	}
}

// section returns what stands below a heading, up to the next of its rank.
func section(text, heading string) string {
	_, after, _ := strings.Cut(text, "\n"+heading+"\n")
	before, _, _ := strings.Cut(after, "\n## ")
	return before
}

// consoleBlocks finds the blocks that are marked as console.
func consoleBlocks(text string) []block {
	var blocks []block
	var b *block
	for i, line := range strings.Split(text, "\n") {
		switch {
		case line == "```console":
			b = &block{line: i + 1}
		case b == nil:
		case line == "```":
			blocks, b = append(blocks, *b), nil
		case strings.HasPrefix(line, "# terminal "):
			b.terminal = strings.TrimPrefix(line, "# terminal ")
		case line == "^C":
			b.steps = append(b.steps, step{interrupt: true})
		case strings.HasPrefix(line, "$ "):
			b.steps = append(b.steps, step{command: strings.TrimPrefix(line, "$ ")})
		default:
			if len(b.steps) == 0 {
				b.steps = []step{{}}
			}
			last := &b.steps[len(b.steps)-1]
			if more, ok := strings.CutPrefix(line, "> "); ok && len(last.shows) == 0 {
				last.command += "\n" + more
			} else {
				last.shows = append(last.shows, line)
			}
		}
	}
	return blocks
}

// A desk is where a user sits, with several terminals.
type desk struct {
	t         *testing.T
	dir       string
	env       []string
	terminals map[string]*terminal
}

// A terminal runs one process that goes on.
type terminal struct {
	cmd  *exec.Cmd
	out  *syncBuffer
	seen int // bytes of out that were compared already
}

func (d *desk) shell(command string, out *syncBuffer) *exec.Cmd {
	cmd := exec.Command("bash", "-c", command)
	cmd.Dir, cmd.Env = d.dir, d.env
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return cmd
}

// run types a command that ends by itself. A command that needs an agent waits
// until one answers, as a user does.
func (d *desk) run(s step) {
	d.t.Helper()
	var out *syncBuffer
	ok := eventually(func() bool {
		out = &syncBuffer{}
		_ = d.shell(s.command, out).Run() // its exit code is what it shows
		return !strings.Contains(out.String(), "no agent answers")
	})
	if !ok || !matches(out.String(), s.shows) {
		d.fail(s, out.String())
	}
}

// background types into a terminal, and waits until it shows what it should.
func (d *desk) background(name string, s step) {
	d.t.Helper()
	if s.interrupt {
		d.terminals[name].interrupt(d.t)
		return
	}
	if s.command != "" {
		out := &syncBuffer{}
		t := &terminal{cmd: d.shell("exec "+s.command, out), out: out}
		if err := t.cmd.Start(); err != nil {
			d.t.Fatal(err)
		}
		d.terminals[name] = t
	}
	t := d.terminals[name]
	if !eventually(func() bool { return matches(t.out.String()[t.seen:], s.shows) }) {
		d.fail(s, t.out.String()[t.seen:])
	}
	t.seen = len(t.out.String())
}

func (d *desk) fail(s step, got string) {
	d.t.Helper()
	var all strings.Builder
	for name, t := range d.terminals {
		fmt.Fprintf(&all, "--- terminal %s\n%s", name, t.out)
	}
	d.t.Fatalf("%s\nshows\n%s\nwant\n%s\n%s", s.command, got, strings.Join(s.shows, "\n"), &all)
}

// close ends all terminals, the first, where the server runs, last.
func (d *desk) close() {
	names := make([]string, 0, len(d.terminals))
	for name := range d.terminals {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range slices.Backward(names) {
		d.terminals[name].interrupt(d.t)
	}
}

// interrupt is Ctrl-C. Whatever runs must end by it, and without an error.
func (t *terminal) interrupt(tb testing.TB) {
	tb.Helper()
	_ = syscall.Kill(-t.cmd.Process.Pid, syscall.SIGINT)
	ended := make(chan error, 1)
	go func() { ended <- t.cmd.Wait() }()
	var err error
	if !eventually(func() bool {
		select {
		case err = <-ended:
			return true
		default:
			return false
		}
	}) {
		_ = syscall.Kill(-t.cmd.Process.Pid, syscall.SIGKILL)
		tb.Errorf("%v: does not end by Ctrl-C:\n%s", t.cmd.Args, t.out)
	} else if err != nil {
		tb.Errorf("%v: %v\n%s", t.cmd.Args, err, t.out)
	}
}

// matches compares output with what the documentation shows, from the first
// line on; what comes after it does not matter.
func matches(got string, want []string) bool {
	return matchLines(strings.Split(strings.TrimSuffix(got, "\n"), "\n"), want)
}

// matchLines matches line by line; a line … matches any number of lines.
func matchLines(got, want []string) bool {
	if len(want) == 0 {
		return true
	}
	if want[0] == "…" {
		for i := range len(got) + 1 {
			if matchLines(got[i:], want[1:]) {
				return true
			}
		}
		return false
	}
	return len(got) > 0 && matchLine(got[0], want[0]) && matchLines(got[1:], want[1:])
}

func matchLine(got, want string) bool {
	pattern := strings.ReplaceAll(regexp.QuoteMeta(want), "…", ".*")
	return regexp.MustCompile("^" + pattern + "$").MatchString(got)
}

// A syncBuffer is written by a process and read by the test.
type syncBuffer struct {
	mu sync.Mutex // guards b
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}
