package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/client"
)

// The exit codes, a stable contract.
const (
	exitDone        = 0
	exitError       = 1   // anything that has no code of its own
	exitUsage       = 2   // the command line or the configuration is wrong
	exitRefused     = 3   // a gate, or the state of things, forbids it
	exitWaiting     = 4   // not there yet at the deadline
	exitUnreachable = 5   // no agent, or no ZooKeeper, answers
	exitInterrupted = 130 // by a signal, as shells report it
)

// A usageError is a mistake in the command line or the configuration.
type usageError struct {
	command string // as it is typed; "" when no command is to blame
	problem string
}

func (e *usageError) Error() string {
	if e.command == "" {
		return e.problem
	}
	return fmt.Sprintf("%s (see: %s --help)", e.problem, e.command)
}

func usage(command, format string, args ...any) error {
	return &usageError{command: command, problem: fmt.Sprintf(format, args...)}
}

// A codeError ends the process with a code; err may be nil when everything has
// been said.
type codeError struct {
	code int
	err  error
}

func (e *codeError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e *codeError) Unwrap() error { return e.err }

// hint says what to do about an error whose text does not say it.
func hint(err error) string {
	switch {
	case errors.Is(err, client.ErrUnavailable):
		return "is one running there? name others with --agent or MUSTER_AGENT; on a laptop: muster dev"
	case errors.Is(err, client.ErrUnauthenticated):
		return "give a token with --token-file or MUSTER_TOKEN"
	}
	return ""
}

// exitCode returns the code that stands for err.
func exitCode(err error) int {
	var (
		coded   *codeError
		wrong   *usageError
		refused *muster.RefusedError
		blocked *muster.BlockedError
	)
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &coded):
		return coded.code
	case errors.As(err, &wrong):
		return exitUsage
	case errors.Is(err, client.ErrUnavailable):
		return exitUnreachable
	case errors.As(err, &blocked) && errors.Is(err, context.DeadlineExceeded):
		return exitWaiting
	case errors.As(err, &blocked), errors.As(err, &refused),
		errors.Is(err, muster.ErrFailedPrecondition), errors.Is(err, muster.ErrConflict):
		return exitRefused
	case errors.Is(err, context.Canceled):
		return exitInterrupted
	default:
		return exitError
	}
}
