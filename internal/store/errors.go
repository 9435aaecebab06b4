package store

import (
	"errors"
	"fmt"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/internal/zoo"
)

var (
	// ErrDeposed: the agent's own node in the election is gone, so it may not
	// write any more (G5).
	ErrDeposed = errors.New("this agent's node in the election is gone")
	// ErrNotMember: the instance has no live entry; it joins again.
	ErrNotMember = errors.New("not a member")
)

// A GarbageError says that a znode holds what cannot be understood. It is left
// as it is.
type GarbageError struct {
	Path string
	Err  error
}

func (e *GarbageError) Error() string {
	const most = 800 // what cannot be read has been written by anyone
	return muster.Harmless(e.Path+": cannot be read: "+e.Err.Error(), most)
}

// Unwrap returns the reason.
func (e *GarbageError) Unwrap() error { return e.Err }

// A StaleError says that something a write was decided on has changed
// meanwhile: read again and decide anew. It is a [muster.ErrConflict].
type StaleError struct {
	Path string
	// Roster: it was a roster's version, as when instances register in a
	// stream (G1: plan.State.Contended).
	Roster bool
}

func (e *StaleError) Error() string { return e.Path + " changed meanwhile: read again" }

// Unwrap returns [muster.ErrConflict].
func (e *StaleError) Unwrap() error { return muster.ErrConflict }

// stale translates the error of a transaction that checked an agent's node.
func (s *Store) stale(agent string, err error) error {
	var conflict *zoo.ConflictError
	switch {
	case !errors.As(err, &conflict):
		return err
	case conflict.Path == s.at.agent(agent):
		return fmt.Errorf("%s: %w", conflict.Path, ErrDeposed)
	default:
		return &StaleError{Path: conflict.Path}
	}
}

// mostRounds bounds how often a transaction is decided anew. Nobody but a hand
// that removed a folder makes so many fail.
const mostRounds = 100

// settle calls try until it is done.
func settle(try func() (done bool, err error)) error {
	for range mostRounds {
		done, err := try()
		if done || err != nil {
			return err
		}
	}
	return fmt.Errorf("it keeps changing, or folders are missing: %w", muster.ErrConflict)
}

// conflicts reports whether a transaction was refused because something is not
// as it was read, so that reading again is the way on.
func conflicts(err error) bool {
	var conflict *zoo.ConflictError
	return errors.As(err, &conflict)
}
