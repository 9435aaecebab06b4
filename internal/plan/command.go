package plan

import (
	"fmt"
	"reflect"
	"time"

	"github.com/musterhq/muster"
)

// A Command is what an operator asks of a feature.
type Command struct {
	Action  muster.Action // apply, activate, deactivate, kill or delete
	Feature string
	Spec    *muster.Spec // for apply: validated, with defaults
	Newest  *muster.Spec // the newest spec so far; nil before the first
	InForce *muster.Spec // nil before the first
	// Others holds what the command is judged by beside the feature: all other
	// features, or for activate those that Newest and InForce name. A kill is
	// judged by none.
	Others  map[string]Neighbour
	By, Why string
	// Request is the caller's id of the command; a command that was carried out
	// is not carried out again. "" for none.
	Request   string
	Operation string
	Now       time.Time
}

// Apply returns the status that the command leads to, and the record of it.
// changed is false when there is nothing to write: it is so already, or this
// very request was carried out. old is nil for an unknown feature.
//
// Errors wrap [muster.ErrNotFound] or [muster.ErrFailedPrecondition], or are an
// [*muster.InvalidError].
func Apply(old *muster.Status, cmd Command) (next muster.Status, rec muster.Record, changed bool, err error) {
	if err := muster.ValidateText("reason", cmd.Why, muster.MaxText); err != nil {
		return next, rec, false, err
	}
	known := old != nil && !old.Deleted
	if known && old.HasRequest(cmd.Request) {
		return *old, rec, false, nil
	}
	if cmd.Action == muster.ActionApply {
		next, changed, err = apply(old, cmd)
	} else {
		if !known {
			return next, rec, false, fmt.Errorf("%s %s: %w (see: muster feature list)", cmd.Action, cmd.Feature, muster.ErrNotFound)
		}
		next, changed, err = want(*old, cmd)
	}
	if err == nil && changed {
		err = cmd.judge(next)
	}
	if err != nil || !changed {
		return next, rec, false, err
	}
	next.Changed, next.By, next.Why, next.Operation = cmd.Now, cmd.By, cmd.Why, cmd.Operation
	next = next.WithRequest(cmd.Request)
	rec = muster.Record{
		Time: cmd.Now, Action: cmd.Action, Feature: cmd.Feature,
		From: next.Stage, To: next.Stage, Gate: next.Gate, Epoch: next.Epoch, Spec: next.DesiredSpec,
		By: cmd.By, Why: cmd.Why, Operation: cmd.Operation,
	}
	return next, rec, true, nil
}

// apply makes the spec the one that is wanted.
func apply(old *muster.Status, cmd Command) (muster.Status, bool, error) {
	if cmd.Spec == nil {
		return muster.Status{}, false, &muster.InvalidError{Field: "spec", Problem: "is missing"}
	}
	if old == nil {
		return muster.Status{Feature: cmd.Feature, DesiredSpec: 1, Since: cmd.Now}, true, nil
	}
	next := *old
	switch {
	case old.Deleting:
		return next, false, fmt.Errorf("apply %s: it is being deleted: %w (apply it again when it is gone)", cmd.Feature, muster.ErrFailedPrecondition)
	case old.Deleted: // the tombstone lives on, and its counts go on
		next.Deleted, next.Spec, next.Desired = false, 0, muster.Off
	case cmd.Newest != nil && sameSpec(*cmd.Newest, *cmd.Spec):
		return next, false, nil
	}
	next.DesiredSpec++
	return next, true, nil
}

func sameSpec(a, b muster.Spec) bool {
	if !a.SameTerms(b) {
		return false
	}
	for service, p := range a.Participants {
		if p.MinInstances != b.Participants[service].MinInstances {
			return false
		}
	}
	a.Revision, b.Revision = 0, 0
	a.Participants, b.Participants = nil, nil
	return reflect.DeepEqual(a, b)
}

// want changes what is wanted of a known feature.
func want(old muster.Status, cmd Command) (muster.Status, bool, error) {
	next := old
	switch cmd.Action {
	case muster.ActionActivate:
		if old.Deleting {
			return next, false, fmt.Errorf("activate %s: it is being deleted: %w", cmd.Feature, muster.ErrFailedPrecondition)
		}
		next.Desired = muster.On
	case muster.ActionDeactivate, muster.ActionKill:
		next.Desired = muster.Off
	case muster.ActionDelete:
		if old.Stage != muster.Off || old.Desired != muster.Off || old.Gate != muster.GateOpen {
			return next, false, fmt.Errorf("delete %s: it is at %s, gate %s, wanted %s: %w (first: muster deactivate %s --wait)",
				cmd.Feature, old.Stage, old.Gate, old.Desired, muster.ErrFailedPrecondition, cmd.Feature)
		}
		next.Deleting = true
	default:
		return next, false, &muster.InvalidError{Field: "action", Value: string(cmd.Action), Problem: "is not a command"}
	}
	return next, next.Desired != old.Desired || next.Deleting != old.Deleting, nil
}
