package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/internal/plan"
	"github.com/musterhq/muster/internal/zoo"
)

// Command carries an operator's command out, once: it applies it to the status
// as it is, and again where that has changed meanwhile. It returns the status
// that the command led to, and whether anything was written. agentNode is the
// agent's own node in the election: one that is gone may not write
// ([ErrDeposed]).
//
// A lost reply is settled by the request's id, or the operation's where there
// is none: it is remembered in the status, so a second application of the same
// command changes nothing.
func (s *Store) Command(ctx context.Context, agentNode, feature string, cmd plan.Command) (muster.Status, bool, error) {
	cmd.Feature = feature
	cmd.Request = cmp.Or(cmd.Request, cmd.Operation)
	if err := muster.ValidateFeature(feature); err != nil {
		return muster.Status{}, false, err
	}
	done, err := s.inTurn(ctx, cmd.Action)
	if err != nil {
		return muster.Status{}, false, commandError(cmd, err)
	}
	defer done()
	var next muster.Status
	var wrote bool
	unknown := false // the outcome of an attempt
	fresh := false   // what is read is no older than the command
	err = settle(func() (done bool, err error) {
		found, data, err := s.peek(ctx, s.at.feature(feature))
		if err != nil {
			return false, err
		}
		old, err := s.known(ctx, &cmd, found, data)
		if err != nil {
			return false, err
		}
		specs, err := s.others(ctx, &cmd)
		if err != nil {
			return false, err
		}
		var rec muster.Record
		next, rec, wrote, err = plan.Apply(old, cmd)
		if err != nil && !fresh { // perhaps it is so no more, and the server lags
			fresh = true
			return false, s.tree.Sync(ctx, found.path)
		}
		if err != nil || !wrote {
			wrote = unknown && next.HasRequest(cmd.Request)
			return true, err
		}
		outcome, err := s.commitCommand(ctx, agentNode, found, next, rec, cmd, specs)
		unknown = unknown || outcome == unsettled
		return outcome == settled, err
	})
	if err != nil {
		return next, false, commandError(cmd, err)
	}
	return next, wrote, nil
}

// inTurn waits for the turn of a command that reads all features and is decided
// anew when an apply comes in between: of many at once each would undo the work
// of all others. So one agent carries out one at a time, and only agents contend
// with each other. The others, a kill above all, wait for nobody.
func (s *Store) inTurn(ctx context.Context, action muster.Action) (done func(), err error) {
	switch action {
	case muster.ActionApply, muster.ActionDeactivate, muster.ActionDelete:
	default:
		return func() {}, nil
	}
	select {
	case s.turn <- struct{}{}:
		return func() { <-s.turn }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// commandError says what the command was, where the error does not.
func commandError(cmd plan.Command, err error) error {
	var invalid *muster.InvalidError
	if errors.As(err, &invalid) || errors.Is(err, muster.ErrNotFound) || errors.Is(err, muster.ErrFailedPrecondition) {
		return err
	}
	return fmt.Errorf("%s %s: %w", cmd.Action, cmd.Feature, err)
}

// An outcome of an attempt to write.
type outcome int

const (
	settled   outcome = iota // done
	moved                    // refused: what it was decided on has changed
	unsettled                // not known; a sync was made, so what is read next tells
)

// known returns the status that a command meets, nil for an unknown feature,
// and fills in what the command is compared with.
func (s *Store) known(ctx context.Context, cmd *plan.Command, found entryNode, data []byte) (*muster.Status, error) {
	cmd.Newest, cmd.InForce = nil, nil
	if !found.there {
		return nil, nil
	}
	status, err := decodeStatus(found.path, cmd.Feature, data)
	if err != nil {
		return nil, err // it is not overwritten
	}
	if status.Deleted || cmd.Action == muster.ActionKill { // a kill needs nothing else that can be read
		return &status, nil
	}
	if cmd.Newest, err = s.readable(ctx, cmd.Feature, status.DesiredSpec); err != nil {
		return nil, err
	}
	cmd.InForce, err = s.readable(ctx, cmd.Feature, status.Spec)
	return &status, err
}

// readable returns one revision of a spec; nil where there is none, or it is
// garbage: then a new one replaces it, and nothing is known to speak against a
// command.
func (s *Store) readable(ctx context.Context, key string, rev int64) (*muster.Spec, error) {
	if rev == 0 {
		return nil, nil
	}
	spec, err := s.spec(ctx, key, rev)
	_, err = problem(err)
	return spec, err
}

// commitCommand writes the status that a command led to, its spec if it brings
// one, and its record.
func (s *Store) commitCommand(
	ctx context.Context, agentNode string, found entryNode, next muster.Status, rec muster.Record, cmd plan.Command, specs int32,
) (outcome, error) {
	body, err := encode(next)
	if err != nil {
		return settled, err
	}
	var t zoo.Txn
	t.Check(s.at.agent(agentNode), -1)
	if found.there {
		t.Set(found.path, body, found.stat.Version)
	} else {
		t.Create(found.path, body, zoo.Persistent)
		t.Create(s.at.specs(next.Feature), nil, zoo.Persistent)
	}
	if rec.Action == muster.ActionApply {
		if err := s.addSpec(&t, *cmd.Spec, next); err != nil {
			return settled, err
		}
	}
	s.addOthers(&t, cmd, specs)
	if err := s.addRecord(&t, rec); err != nil {
		return settled, err
	}
	_, err = s.tree.Commit(ctx, t)
	var stale *StaleError
	switch err = s.stale(agentNode, err); {
	case err == nil:
		return settled, nil
	case errors.Is(err, zoo.ErrUnknown):
		return unsettled, s.tree.Sync(ctx, found.path)
	case errors.As(err, &stale):
		return moved, s.tree.Sync(ctx, found.path)
	default:
		return settled, err
	}
}

// addSpec adds a new revision of a spec.
func (s *Store) addSpec(t *zoo.Txn, spec muster.Spec, status muster.Status) error {
	spec.Revision = status.DesiredSpec
	body, err := encode(spec)
	if err != nil {
		return err
	}
	if len(body) > muster.MaxSpecSize {
		return &muster.InvalidError{
			Field: "spec", Problem: "takes " + strconv.Itoa(len(body)) + " bytes, more than " + strconv.Itoa(muster.MaxSpecSize),
		}
	}
	t.Create(s.at.spec(status.Feature, spec.Revision), body, zoo.Persistent)
	return nil
}
