package muster

import (
	"maps"
	"strconv"
	"time"
)

// Limits of what an instance says about itself.
const (
	MaxLabels = 32  // labels of one instance
	MaxLabel  = 128 // bytes of a label's key or value
	MaxLease  = time.Hour
)

// An Instance is one running process of a service: what it writes into the
// registry when it joins. It does not change while the process lives.
type Instance struct {
	Service string `json:"service"`
	// ID is the name by which people know the instance; two processes may bear
	// the same one, as before and after a restart.
	ID string `json:"id"`
	// Incarnation is drawn at start, 6 to 32 lower-case letters and digits, and
	// tells this process from any other that ever bore the same ID.
	Incarnation string            `json:"incarnation"`
	Version     string            `json:"version"`
	Labels      map[string]string `json:"labels,omitempty"` // zone, canary, colour, …
	Started     time.Time         `json:"started"`
	Address     string            `json:"address,omitempty"`
	SDK         string            `json:"sdk,omitempty"` // name and version of the SDK
	// Lease is how long the instance goes on after its last proven contact, and
	// SessionTimeout how long its session outlives it: a quarantine must be
	// longer than one without the other (G4). 0 where the instance does not say.
	Lease          time.Duration `json:"leaseNanoseconds,omitempty"`
	SessionTimeout time.Duration `json:"sessionTimeoutNanoseconds,omitempty"`
}

// Entry is the name of the instance's entries in the registry: its ID and its
// incarnation, ID~incarnation. It is never used by another process, so what
// was once read of it stays true.
func (i Instance) Entry() string { return i.ID + "~" + i.Incarnation }

// Validate checks what does not depend on any feature. The version may be
// anything short: one that no constraint understands is named as a blocker.
func (i Instance) Validate() error {
	if err := ValidateService(i.Service); err != nil {
		return err
	}
	if err := ValidateInstance(i.ID); err != nil {
		return err
	}
	if !incarnationPattern.MatchString(i.Incarnation) {
		return &InvalidError{Field: "incarnation", Value: i.Incarnation, Problem: "is not 6 to 32 lower-case letters and digits"}
	}
	for _, text := range []struct{ field, value string }{{"version", i.Version}, {"address", i.Address}, {"sdk", i.SDK}} {
		if err := ValidateLine(text.field, text.value, MaxVersion); err != nil {
			return err
		}
	}
	for _, d := range []struct {
		field string
		value time.Duration
	}{{"lease", i.Lease}, {"session timeout", i.SessionTimeout}} {
		if d.value < 0 || d.value > MaxLease {
			return &InvalidError{Field: d.field, Value: d.value.String(), Problem: "is not between 0 and " + MaxLease.String()}
		}
	}
	if len(i.Labels) > MaxLabels {
		return &InvalidError{Field: "labels", Problem: "are more than " + strconv.Itoa(MaxLabels)}
	}
	for k, v := range i.Labels {
		if k == "" {
			return &InvalidError{Field: "label", Value: k + "=" + v, Problem: "needs a key"}
		}
		for _, text := range []string{k, v} {
			if err := ValidateLine("label", text, MaxLabel); err != nil {
				return err
			}
		}
	}
	return nil
}

// Equal lets instances be compared.
func (i Instance) Equal(o Instance) bool {
	return i.Service == o.Service && i.ID == o.ID && i.Incarnation == o.Incarnation && i.Version == o.Version &&
		maps.Equal(i.Labels, o.Labels) && i.Started.Equal(o.Started) && i.Address == o.Address && i.SDK == o.SDK &&
		i.Lease == o.Lease && i.SessionTimeout == o.SessionTimeout
}

// An Ack is the body of an instance's live entry: how far it has come. It
// names revisions, and thereby epochs, never stages.
type Ack struct {
	// Revision: everything that runs in the instance runs on this sheet
	// revision or a newer one.
	Revision int32 `json:"revision"`
	// Applied: new requests run on this revision. Requests older than it are
	// still in flight while it is larger than Revision.
	Applied int32 `json:"applied"`
	// Draining counts those older requests, and Oldest is when the first of
	// them began.
	Draining int       `json:"draining,omitempty"`
	Oldest   time.Time `json:"oldest,omitzero"`
}

// A Member is an instance in its service's roster.
type Member struct {
	Instance Instance `json:"instance"`
	// Version of the member's entry in the registry: it grows when the instance
	// returns from a lost session.
	Version int32 `json:"-"`
	Live    bool  `json:"live"` // its ephemeral entry stands
	Ack     Ack   `json:"ack"`  // only while it is live
	// Born is the ack with which it joined: all that it has run since was of this
	// sheet revision or a newer one. Only while it is not live; -1 where it does
	// not say.
	Born int32 `json:"-"`
	// Vanished is since when it is known not to be live; zero while it is.
	Vanished time.Time `json:"vanished,omitzero"`
	// Problem says why the entry cannot be read, with its path; "" when it can.
	Problem string `json:"problem,omitempty"`
}

// A Knock is an instance that the gate refused and that waits to be admitted.
type Knock struct {
	Instance Instance  `json:"instance"`
	Refusals []Refusal `json:"refusals"`
	Since    time.Time `json:"since"`
	// Problem says why the entry cannot be read, with its path; "" when it can.
	Problem string `json:"problem,omitempty"`
}

// A Service is the registry's view of one service.
type Service struct {
	Sheet Sheet `json:"sheet"`
	// Roster is the version of the roster: it counts registrations.
	Roster  int32    `json:"roster"`
	Members []Member `json:"members"` // sorted by instance id
	Knocks  []Knock  `json:"knocks,omitempty"`
	// Problem says why the service's sheet cannot be read, with its path; ""
	// when it can.
	Problem string `json:"problem,omitempty"`
}
