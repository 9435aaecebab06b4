package muster

import (
	"maps"
	"slices"
	"strconv"
)

// Limits of a spec.
const (
	MaxParticipants  = 200       // services in one spec
	MaxPrerequisites = 20        // features that one spec needs on
	MaxText          = 2 << 10   // bytes of a description, an owner or a reason
	MaxInstances     = 1_000_000 // the largest minInstances
	MaxSpecSize      = 256 << 10 // bytes of an encoded spec
)

// A Spec is what an operator writes about a feature: who takes part, and how
// it behaves when things go wrong. Specs are immutable; each change is a new
// revision.
type Spec struct {
	Feature      string                 `json:"feature"`
	Revision     int64                  `json:"revision,omitempty"` // 1, 2, …; given when it is applied
	Description  string                 `json:"description,omitempty"`
	Owner        string                 `json:"owner,omitempty"`
	Participants map[string]Participant `json:"participants"` // by service name
	// Prerequisites are the keys of features that must be on before this one
	// leaves off, and without which it is not wanted on; sorted.
	Prerequisites []string      `json:"prerequisites,omitempty"`
	OnDisconnect  OnDisconnect  `json:"onDisconnect"`
	OldInstance   OnOldInstance `json:"onOldInstance"`
	Vanished      Vanished      `json:"vanished"`
}

// A Participant is a service that implements its part of a feature.
type Participant struct {
	Version      Constraint `json:"version"`      // which versions are ready
	MinInstances int        `json:"minInstances"` // how many live, ready instances there must be; at least 1
}

// OnDisconnect says how an instance behaves that cannot prove contact within
// its lease (G4).
type OnDisconnect string

// The policies for [OnDisconnect].
const (
	FallToAccept OnDisconnect = "accept" // fall to accept, which neighbours off and on; the default
	Hold         OnDisconnect = "hold"   // keep the last value: availability before coordination
	Stop         OnDisconnect = "stop"   // report unready
)

// OnOldInstance says what happens when an instance that violates the
// constraint wants to join while the gate is closed (G2).
type OnOldInstance string

// The policies for [OnOldInstance].
const (
	Refuse   OnOldInstance = "refuse"   // it waits, unready; the default
	RollBack OnOldInstance = "rollback" // the feature goes off for it
)

// Vanished says what becomes of a member that is no longer live and has not
// left.
type Vanished string

// The policies for [Vanished].
const (
	Reap    Vanished = "reap"    // it is removed when its quarantine is over; the default
	Confirm Vanished = "confirm" // it blocks until somebody confirms that it is gone
)

// WithDefaults returns the spec with every empty policy and minimum filled in,
// and its prerequisites sorted.
func (s Spec) WithDefaults() Spec {
	if s.OnDisconnect == "" {
		s.OnDisconnect = FallToAccept
	}
	if s.OldInstance == "" {
		s.OldInstance = Refuse
	}
	if s.Vanished == "" {
		s.Vanished = Reap
	}
	participants := make(map[string]Participant, len(s.Participants))
	for service, p := range s.Participants {
		if p.MinInstances == 0 {
			p.MinInstances = 1
		}
		participants[service] = p
	}
	s.Participants = participants
	s.Prerequisites = slices.Sorted(slices.Values(s.Prerequisites)) // nil where there are none
	return s
}

// Services returns the names of the participants, sorted.
func (s Spec) Services() []string { return slices.Sorted(maps.Keys(s.Participants)) }

// SameTerms reports whether s and o ask the same of the same services, so that
// one can replace the other at any stage where its prerequisites allow it.
func (s Spec) SameTerms(o Spec) bool {
	return maps.EqualFunc(s.Participants, o.Participants, func(a, b Participant) bool {
		return a.Version.Equal(b.Version)
	})
}

// Validate checks a spec that has its defaults. The error is an
// [*InvalidError] that names the field.
func (s Spec) Validate() error {
	if err := ValidateFeature(s.Feature); err != nil {
		return err
	}
	if err := ValidateText("description", s.Description, MaxText); err != nil {
		return err
	}
	if err := ValidateText("owner", s.Owner, MaxText); err != nil {
		return err
	}
	if err := s.validatePolicies(); err != nil {
		return err
	}
	switch n := len(s.Participants); {
	case n == 0:
		return &InvalidError{Field: "participants", Problem: `is empty: name at least one service, such as checkout: ">=2.0.0"`}
	case n > MaxParticipants:
		return &InvalidError{Field: "participants", Problem: "names " + strconv.Itoa(n) + " services, more than " + strconv.Itoa(MaxParticipants)}
	}
	for _, service := range s.Services() {
		if err := s.Participants[service].validate(service); err != nil {
			return err
		}
	}
	return s.validatePrerequisites()
}

// validatePrerequisites checks what one spec tells; whether the features are
// there, and need one another in a circle, is judged over all of them.
func (s Spec) validatePrerequisites() error {
	const field = "prerequisites"
	if n := len(s.Prerequisites); n > MaxPrerequisites {
		return &InvalidError{Field: field, Problem: "names " + strconv.Itoa(n) + " features, more than " + strconv.Itoa(MaxPrerequisites)}
	}
	for i, key := range s.Prerequisites {
		if err := ValidateFeature(key); err != nil {
			invalid := err.(*InvalidError) //nolint:errorlint // ValidateFeature returns nothing else
			return &InvalidError{Field: field, Value: invalid.Value, Problem: invalid.Problem}
		}
		switch {
		case key == s.Feature:
			return &InvalidError{Field: field, Value: key, Problem: "is the feature itself"}
		case slices.Contains(s.Prerequisites[:i], key):
			return &InvalidError{Field: field, Value: key, Problem: "occurs twice"}
		}
	}
	return nil
}

func (s Spec) validatePolicies() error {
	for _, p := range []struct {
		field, value string
		allowed      []string
	}{
		{"onDisconnect", string(s.OnDisconnect), []string{string(FallToAccept), string(Hold), string(Stop)}},
		{"onOldInstance", string(s.OldInstance), []string{string(Refuse), string(RollBack)}},
		{"vanished", string(s.Vanished), []string{string(Reap), string(Confirm)}},
	} {
		if !slices.Contains(p.allowed, p.value) {
			problem := "is not one of " + p.allowed[0]
			for _, a := range p.allowed[1:] {
				problem += ", " + a
			}
			return &InvalidError{Field: p.field, Value: p.value, Problem: problem}
		}
	}
	return nil
}

func (p Participant) validate(service string) error {
	field := "participants." + service
	if err := ValidateService(service); err != nil {
		invalid := err.(*InvalidError) //nolint:errorlint // validate returns nothing else
		return &InvalidError{Field: "participants: service", Value: invalid.Value, Problem: invalid.Problem}
	}
	switch {
	case p.Version.IsZero():
		return &InvalidError{Field: field + ".version", Problem: `is missing: write a constraint such as ">=2.0.0"`}
	case p.MinInstances < 1 || p.MinInstances > MaxInstances:
		return &InvalidError{Field: field + ".minInstances", Value: strconv.Itoa(p.MinInstances), Problem: "is not between 1 and " + strconv.Itoa(MaxInstances)}
	case !Satisfiable(p.Version):
		return &InvalidError{Field: field + ".version", Value: p.Version.String(), Problem: "contradicts itself: no version satisfies it"}
	}
	return nil
}
