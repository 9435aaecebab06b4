package sdk

import "time"

// EventKind says what an [Event] tells. The names are a stable contract.
type EventKind string

// The kinds of events.
const (
	// EventJoined: the instance is a member of its service's roster.
	EventJoined EventKind = "joined"
	// EventRefused: the gate does not let the instance in; it waits, unready,
	// and joins when it is admitted. Told again when the refusals change.
	EventRefused EventKind = "refused"
	// EventStale: the instance has not joined yet, and flags answer from the
	// snapshot on disk; Revision is the one that was in force when it was written.
	EventStale EventKind = "stale"
	// EventStage: a feature stands at another stage in this instance, because
	// the sheet says so or because of the fence.
	EventStage EventKind = "stage"
	// EventFenced: contact is lost for longer than the lease; features behave
	// by their policies.
	EventFenced EventKind = "fenced"
	// EventResumed: contact is back.
	EventResumed EventKind = "resumed"
	// EventLeft: the client is closed.
	EventLeft EventKind = "left"
)

// An Event is one change that the instance went through.
type Event struct {
	Time     time.Time
	Kind     EventKind
	Feature  string // of EventStage
	Stage    Stage  // of EventStage: at which the feature now stands here
	Epoch    int64  // of EventStage
	Revision int32  // of the sheet in force; -1 while there is none
	// Err is why: a [*muster.RefusedError] of EventRefused; of EventFenced what
	// is known of the loss; of EventLeft nil, or why the registry could not be
	// told.
	Err error
}

// A Change is one feature that stands at another stage in this instance than
// before.
type Change struct {
	Feature  string
	From, To Stage // of neighbouring stages, except when the instance joins or returns
	Epoch    int64
	Revision int32 // of the sheet
	Fenced   bool  // To is what the fence makes of it
}
