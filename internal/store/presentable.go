package store

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/musterhq/muster"
)

// What lies in the registry is shown to people, on terminals and pages. Whatever
// our own writers would not have written is refused here, on the way in: so no
// face has to defend itself.

// presentable refuses an instance that no SDK would have written.
func presentable(path string, inst muster.Instance) error {
	return garbage(path, inst.Validate())
}

// presentableSheet refuses keys that name no feature, and entries without a
// constraint: whoever moves another feature writes them back, and then the whole
// sheet could not be read.
func presentableSheet(path string, sheet muster.Sheet) error {
	for _, key := range sheet.Keys() {
		if err := muster.ValidateFeature(key); err != nil {
			return garbage(path, err)
		}
		if sheet.Features[key].Constraint.IsZero() {
			return garbage(path, fmt.Errorf("feature %s has no constraint", key))
		}
	}
	return nil
}

// presentableStatus refuses what no command could have said.
func presentableStatus(path string, s muster.Status) error {
	return garbage(path, cmp.Or(
		muster.ValidateLine("by", s.By, muster.MaxText),
		muster.ValidateText("why", s.Why, muster.MaxText),
		muster.ValidateLine("operation", s.Operation, muster.MaxText),
	))
}

// presentableKnock refuses refusals that no gate could have given.
func presentableKnock(path string, k muster.Knock) error {
	if err := presentable(path, k.Instance); err != nil {
		return err
	}
	for _, r := range k.Refusals {
		if err := cmp.Or(muster.ValidateFeature(r.Feature), muster.ValidateLine("version", r.Version, muster.MaxVersion)); err != nil {
			return garbage(path, err)
		}
		if r.Constraint.IsZero() {
			return garbage(path, fmt.Errorf("the refusal by %s has no constraint", r.Feature))
		}
	}
	return nil
}

// presentableRecord refuses what no agent could have recorded.
func presentableRecord(path string, rec muster.Record) error {
	if rec.Action == "" {
		return garbage(path, errors.New("it names no action"))
	}
	err := cmp.Or(
		muster.ValidateLine("action", string(rec.Action), muster.MaxName),
		muster.ValidateLine("feature", rec.Feature, muster.MaxName),
		muster.ValidateLine("service", rec.Service, muster.MaxName),
		muster.ValidateLine("instance", rec.Instance, muster.MaxText),
		muster.ValidateLine("by", rec.By, muster.MaxText),
		muster.ValidateText("why", rec.Why, muster.MaxText),
		muster.ValidateLine("operation", rec.Operation, muster.MaxText),
	)
	for service, e := range rec.Evidence {
		err = cmp.Or(err, muster.ValidateService(service))
		for version := range e.Versions {
			err = cmp.Or(err, muster.ValidateLine("version", version, muster.MaxVersion))
		}
	}
	return garbage(path, err)
}

// garbage says of a path what is wrong with what lies there; nil is nothing.
func garbage(path string, err error) error {
	if err == nil {
		return nil
	}
	return &GarbageError{Path: path, Err: err}
}
