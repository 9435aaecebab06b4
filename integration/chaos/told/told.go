// Package told is what an instance of a chaos run tells its driver: one JSON
// object a line on standard output. A line is written in one piece, so that a
// process that is killed at any moment leaves whole lines behind.
package told

import (
	"time"

	"github.com/musterhq/muster"
)

// Every is how often an instance tells its counts. What it counted since is lost
// when it is killed.
const Every = 500 * time.Millisecond

// Slice is the grain in which successes are told: a service had none in a slice
// in which no caller had one.
const Slice = 100 * time.Millisecond

// A Line is one thing that an instance tells; one of the fields is set.
type Line struct {
	Counts    *Counts    `json:"counts,omitempty"`
	Violation *Violation `json:"violation,omitempty"`
	Ended     *Ended     `json:"ended,omitempty"`
}

// Counts are what an instance did since it told last, and how it stands.
type Counts struct {
	Stage    muster.Stage `json:"stage"` // for a request that is not pinned
	State    string       `json:"state"` // of its SDK client
	Revision int32        `json:"revision"`

	New         int `json:"new"`         // answered, in the new form
	Old         int `json:"old"`         // answered, in the old form
	Refused     int `json:"refused"`     // the receiver was unready: 503
	Late        int `json:"late"`        // reached the receiver when its caller had given it up
	Unavailable int `json:"unavailable"` // no answer
	Cancelled   int `json:"cancelled"`   // decided, and not sent: the pinned context had ended
	Fenced      int `json:"fenced"`      // of these, by the fence
	Fences      int `json:"fences"`      // times that the instance was fenced
	Refusals    int `json:"refusals"`    // times that the gate did not let it in

	Evaluations int           `json:"evaluations"`
	Slowest     time.Duration `json:"slowest"` // evaluation

	// OK names, for each service called, the slices of time in which a call
	// succeeded, as Unix time in units of Slice.
	OK map[string][]int64 `json:"ok,omitempty"`
}

// Ended is an instance's last word: it left in good order, or not quite.
type Ended struct {
	Err string `json:"err,omitempty"`
}

// A Party is one side of a request, as it saw itself.
type Party struct {
	Service     string       `json:"service"`
	ID          string       `json:"id"`
	Incarnation string       `json:"incarnation"`
	Version     string       `json:"version"`
	State       string       `json:"state"` // of its SDK client: live, holding, …
	Stage       muster.Stage `json:"stage"` // for this request
	Reason      string       `json:"reason"`
	Revision    int32        `json:"revision"`
	Epoch       int64        `json:"epoch"`
}

// An Envelope travels with each request.
type Envelope struct {
	New     bool      `json:"new"` // the form
	From    Party     `json:"from"`
	Decided time.Time `json:"decided"` // when the form was chosen
	Sent    time.Time `json:"sent"`
}

// A Violation is a request in the new form that met an instance that is ready
// and does not accept it. There must be none (G3).
type Violation struct {
	Request Envelope  `json:"request"`
	At      Party     `json:"at"`
	Arrived time.Time `json:"arrived"`
}
