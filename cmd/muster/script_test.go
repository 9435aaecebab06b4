package main

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// patience is how long a script waits for what must happen.
const patience = 30 * time.Second

// The scripts are what a user could have typed, run with real processes. Every
// script has its own addresses in the environment and no configuration.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			return setupAddresses(env.Setenv, env.WorkDir)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"until": until, "untilgrep": untilGrep, "untilshows": untilShows, "code": code,
		},
	})
}

// setupAddresses gives the commands of one test free addresses of their own.
func setupAddresses(setenv func(key, value string), dir string) error {
	addrs, err := freeAddresses(4)
	if err != nil {
		return err
	}
	for key, value := range map[string]string{
		"MUSTER_DEV_ZK": addrs[0], "MUSTER_ZK": addrs[0],
		"MUSTER_GRPC": addrs[1], "MUSTER_AGENT": addrs[1],
		"MUSTER_HTTP":     addrs[2],
		"SECOND":          addrs[3],
		"XDG_CONFIG_HOME": dir, "HOME": dir, "NO_COLOR": "1",
	} {
		setenv(key, value)
	}
	return nil
}

// freeAddresses returns addresses on which nobody listens. They lie below the
// ports that systems lend to whoever asks for any.
func freeAddresses(n int) ([]string, error) {
	const low, high, tries = 10_000, 30_000, 1000
	addrs := make([]string, 0, n)
	for range tries {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", low+rand.IntN(high-low)))
		if err != nil {
			continue
		}
		defer l.Close() // not before all are found, or one may be found twice
		if addrs = append(addrs, l.Addr().String()); len(addrs) == n {
			return addrs, nil
		}
	}
	return nil, fmt.Errorf("no %d free ports between %d and %d", n, low, high)
}

// until repeats a command until it succeeds, or with ! until it fails.
func until(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) == 0 {
		ts.Fatalf("usage: [!] until command [args…]")
	}
	var err error
	if !eventually(func() bool {
		err = ts.Exec(args[0], args[1:]...)
		return (err == nil) != neg
	}) {
		ts.Fatalf("%s: still %v after %v", strings.Join(args, " "), err, patience)
	}
}

// untilGrep waits until a file holds a line that matches a pattern.
func untilGrep(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: untilgrep pattern file")
	}
	pattern, err := regexp.Compile("(?m)" + args[0])
	ts.Check(err)
	text := ""
	if !eventually(func() bool {
		data, _ := os.ReadFile(ts.MkAbs(args[1])) // it may not be there yet
		text = string(data)
		return pattern.MatchString(text)
	}) {
		ts.Fatalf("%s does not match %s after %v:\n%s", args[1], args[0], patience, text)
	}
}

// untilShows repeats a command until its standard output matches a pattern.
func untilShows(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: untilshows pattern command [args…]")
	}
	pattern, err := regexp.Compile("(?m)" + args[0])
	ts.Check(err)
	if !eventually(func() bool {
		err := ts.Exec(args[1], args[2:]...)
		return err == nil && pattern.MatchString(ts.ReadFile("stdout"))
	}) {
		ts.Fatalf("%s does not show %s after %v:\n%s", strings.Join(args[1:], " "), args[0], patience, ts.ReadFile("stdout"))
	}
}

// code runs a command that must exit with a code.
func code(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: code N command [args…]")
	}
	err := ts.Exec(args[1], args[2:]...)
	got := "0"
	if err != nil {
		got = strings.TrimPrefix(err.Error(), "exit status ")
	}
	if got != args[0] {
		ts.Fatalf("%s: exit code %s, want %s", strings.Join(args[1:], " "), got, args[0])
	}
}

// eventually waits until a condition holds.
func eventually(condition func() bool) bool {
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(30 * time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-deadline.C:
			return false
		case <-tick.C:
		}
	}
	return true
}
