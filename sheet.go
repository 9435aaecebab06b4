package muster

import (
	"maps"
	"slices"
)

// A Sheet is the one document that tells a service of every feature that
// concerns it. Its revision is the version of its znode; the instances of the
// service watch it, and all their flags change in one step.
type Sheet struct {
	Service  string           `json:"service"`
	Revision int32            `json:"-"`        // given by the registry; -1 while there is no sheet yet
	Features map[string]Entry `json:"features"` // by feature key
}

// An Entry is what a sheet says about one feature.
type Entry struct {
	Stage        Stage        `json:"stage"`
	Epoch        int64        `json:"epoch"`
	Since        int32        `json:"since"` // the sheet revision that brought this epoch
	Spec         int64        `json:"spec"`  // spec revision
	Constraint   Constraint   `json:"constraint"`
	Gate         Gate         `json:"gate"`
	OnDisconnect OnDisconnect `json:"onDisconnect"`
}

// Equal lets entries be compared; a [Constraint] equals another that is
// written alike.
func (e Entry) Equal(o Entry) bool {
	same := e.Constraint.Equal(o.Constraint)
	e.Constraint, o.Constraint = Constraint{}, Constraint{}
	return same && e == o
}

// Keys returns the features' keys, sorted.
func (s Sheet) Keys() []string { return slices.Sorted(maps.Keys(s.Features)) }

// With returns a copy of the sheet in which feature has this entry.
func (s Sheet) With(feature string, e Entry) Sheet {
	features := maps.Clone(s.Features)
	if features == nil {
		features = make(map[string]Entry, 1)
	}
	features[feature] = e
	s.Features = features
	return s
}

// Without returns a copy of the sheet that does not know feature.
func (s Sheet) Without(feature string) Sheet {
	features := maps.Clone(s.Features)
	delete(features, feature)
	s.Features = features
	return s
}

// Admit returns nil when an instance of this version may become a member under
// this sheet, and otherwise each feature whose closed gate refuses it, sorted
// (G2).
func (s Sheet) Admit(version string) []Refusal {
	var refusals []Refusal
	for _, key := range s.Keys() {
		e := s.Features[key]
		if e.Gate == GateClosed && !e.Constraint.Satisfied(version) {
			refusals = append(refusals, Refusal{Feature: key, Stage: e.Stage, Constraint: e.Constraint, Version: version})
		}
	}
	return refusals
}
