package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"sync"
	"syscall"

	"golang.org/x/term"
)

// Exit codes by which shells say that a command did not start.
const (
	exitNotExecutable = 126
	exitNotFound      = 127
)

// A child is the command that join runs as an instance.
type child struct {
	command []string
	env     []string // beside our own environment
	stdin   io.Reader
	stdout  io.Writer
	stderr  io.Writer
}

// run runs the child until it ends and returns its exit code, which for a child
// that a signal ended is 128 and the signal, as shells have it. Signals are
// forwarded; the end of ctx without a signal is a SIGTERM. The error says why
// the child could not be started.
func (ch child) run(ctx context.Context) (code int, err error) {
	cmd := exec.Command(ch.command[0], ch.command[1:]...)
	cmd.Env = append(os.Environ(), ch.env...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = ch.stdin, ch.stdout, ch.stderr
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGUSR1, syscall.SIGUSR2)
	defer signal.Stop(signals)
	if err := cmd.Start(); err != nil {
		code := exitNotExecutable
		if errors.Is(err, exec.ErrNotFound) || errors.Is(err, os.ErrNotExist) {
			code = exitNotFound
		}
		return code, fmt.Errorf("run %s: %w", ch.command[0], err)
	}
	ended := make(chan struct{})
	var waiting sync.WaitGroup
	defer waiting.Wait()
	waiting.Go(func() {
		defer close(ended)
		_ = cmd.Wait() // how it ended is in its ProcessState
	})
	interrupted := ctx.Done()
	for {
		select {
		case s := <-signals:
			if s != syscall.SIGINT || !atTerminal() { // there, Ctrl-C has reached the child already
				_ = cmd.Process.Signal(s)
			}
		case <-interrupted:
			interrupted = nil
			if errors.Is(context.Cause(ctx), context.Canceled) { // no signal: that would be the cause
				_ = cmd.Process.Signal(syscall.SIGTERM)
			}
		case <-ended:
			return stateCode(cmd.ProcessState), nil
		}
	}
}

func atTerminal() bool { return term.IsTerminal(int(os.Stdin.Fd())) }

// stateCode returns the exit code of a process as shells report it.
func stateCode(state *os.ProcessState) int {
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return state.ExitCode()
}
