package muster

import (
	"slices"
	"time"
)

// A Status is where a feature stands and what is wanted of it. It is changed
// only together with an audit record (G8).
type Status struct {
	Feature string `json:"feature"`
	Desired Stage  `json:"desired"` // where it shall go
	Stage   Stage  `json:"stage"`   // where it stands
	Epoch   int64  `json:"epoch"`   // counts transitions between stages
	// Gate is closed while only instances that satisfy the constraints may
	// join: from just before accept until everyone has acked off (G2).
	Gate Gate `json:"gate"`
	// Spec is the revision in force, in the participants' sheets; 0 before the
	// first. DesiredSpec is the newest that was applied.
	Spec        int64     `json:"spec"`
	DesiredSpec int64     `json:"desiredSpec"`
	Deleting    bool      `json:"deleting,omitempty"` // to be removed as soon as it is off for everyone
	Deleted     bool      `json:"deleted,omitempty"`  // a tombstone: names are never re-used with a fresh count
	Since       time.Time `json:"since"`              // of the last change of stage
	Changed     time.Time `json:"changed"`            // of the last change of anything
	By          string    `json:"by"`                 // who last changed what is wanted
	Why         string    `json:"why,omitempty"`      // and the reason given
	// Operation identifies the last write, so that a writer whose reply was
	// lost can tell whether it was done.
	Operation string `json:"operation"`
	// Requests holds the ids of the last commands, newest last, so that a
	// command that is sent twice is carried out once.
	Requests []string `json:"requests,omitempty"`
}

// maxRequests bounds Status.Requests.
const maxRequests = 16

// HasRequest reports whether the command with this id was carried out lately.
func (s Status) HasRequest(id string) bool { return id != "" && slices.Contains(s.Requests, id) }

// WithRequest returns the status with the id remembered.
func (s Status) WithRequest(id string) Status {
	if id == "" {
		return s
	}
	s.Requests = append(slices.Clone(s.Requests), id)
	if extra := len(s.Requests) - maxRequests; extra > 0 {
		s.Requests = s.Requests[extra:]
	}
	return s
}

// Settled reports whether nothing is left to do: the feature stands where it
// is wanted, with the newest spec in force, and off has its gate open.
func (s Status) Settled() bool {
	if s.Deleting || s.Stage != s.Desired || s.Spec != s.DesiredSpec {
		return false
	}
	return s.Stage != Off || s.Gate == GateOpen
}

// Gate says whether a feature restricts who may join.
type Gate bool

// The two positions of a gate.
const (
	GateOpen   Gate = false
	GateClosed Gate = true
)

// String returns "open" or "closed".
func (g Gate) String() string {
	if g == GateClosed {
		return "closed"
	}
	return "open"
}

// MarshalText writes "open" or "closed".
func (g Gate) MarshalText() ([]byte, error) { return []byte(g.String()), nil }

// UnmarshalText reads "open" or "closed".
func (g *Gate) UnmarshalText(text []byte) error {
	switch string(text) {
	case "open":
		*g = GateOpen
	case "closed":
		*g = GateClosed
	default:
		return &InvalidError{Field: "gate", Value: string(text), Problem: "is not one of open, closed"}
	}
	return nil
}

// A Feature is a feature as its readers see it: status, spec, and what it
// waits for.
type Feature struct {
	Status   Status    `json:"status"`
	Spec     Spec      `json:"spec"`               // in force, or the first to come
	Pending  *Spec     `json:"pending,omitempty"`  // applied and not yet in force
	Blockers []Blocker `json:"blockers,omitempty"` // what the next step waits for, sorted
}
