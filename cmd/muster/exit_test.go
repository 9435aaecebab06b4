package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/client"
)

func TestExitCode(t *testing.T) {
	t.Parallel()
	blocked := &muster.BlockedError{Feature: "a"}
	for _, test := range []struct {
		err  error
		want int
	}{
		{nil, exitDone},
		{errors.New("anything"), exitError},
		{&muster.InvalidError{Field: "feature"}, exitError},
		{muster.ErrNotFound, exitError},
		{client.ErrUnauthenticated, exitError},
		{client.ErrPermissionDenied, exitError},
		{usage("muster status", "missing argument KEY"), exitUsage},
		{&muster.RefusedError{Refusals: []muster.Refusal{{}}}, exitRefused},
		{muster.ErrFailedPrecondition, exitRefused},
		{muster.ErrConflict, exitRefused},
		{blocked, exitRefused}, // an agent's no, not a deadline of ours
		{errors.Join(blocked, context.DeadlineExceeded), exitWaiting},
		{&codeError{exitWaiting, blocked}, exitWaiting},
		{client.ErrUnavailable, exitUnreachable},
		{context.Canceled, exitInterrupted},
	} {
		for _, err := range []error{test.err, wrap(test.err)} {
			if got := exitCode(err); got != test.want {
				t.Errorf("%v: got %d, want %d", err, got, test.want)
			}
		}
	}
}

func wrap(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("apply: %w", err)
}

// When the context ends without a signal, the child is told to end.
func TestChildEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	ready, w := io.Pipe()
	ch := child{command: []string{"sh", "-c", "echo ready; exec sleep 60"}, stdout: w, stderr: io.Discard}
	go func() {
		_, _ = ready.Read(make([]byte, 1)) // it runs
		cancel()
		_, _ = io.Copy(io.Discard, ready)
	}()
	code, err := ch.run(ctx)
	_ = w.Close()
	if code != 128+15 || err != nil {
		t.Errorf("got %d, %v, want 143", code, err)
	}
}
