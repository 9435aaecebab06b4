package main

import (
	"maps"
	"sync"
	"time"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/integration/chaos/told"
)

// A tally is what all instances told.
type tally struct {
	mu         sync.Mutex // guards the fields below
	total      told.Counts
	ok         map[string]map[int64]bool // by service: slices of time with a success
	latest     map[string]told.Counts    // by instance: what it told last; gone when it starts anew
	unclean    int                       // departures of which the registry could not be told
	violations []told.Violation
	found      chan struct{} // closed at the first one
}

func newTally() *tally {
	t := &tally{
		found: make(chan struct{}),
		ok:    make(map[string]map[int64]bool), latest: make(map[string]told.Counts),
	}
	for _, service := range services() {
		t.ok[service] = make(map[int64]bool)
	}
	return t
}

// reset forgets what was counted while the fleet assembled.
func (t *tally) reset() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.total = told.Counts{}
}

// begin forgets how an instance stood that starts anew.
func (t *tally) begin(instance string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.latest, instance)
}

// hear takes what an instance tells.
func (t *tally) hear(instance string, line told.Line) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case line.Counts != nil:
		t.latest[instance] = *line.Counts
		t.addLocked(*line.Counts)
	case line.Violation != nil:
		t.violations = append(t.violations, *line.Violation)
		if len(t.violations) == 1 {
			close(t.found)
		}
	case line.Ended != nil && line.Ended.Err != "":
		t.unclean++
	}
}

func (t *tally) addLocked(c told.Counts) {
	t.total.New += c.New
	t.total.Old += c.Old
	t.total.Refused += c.Refused
	t.total.Late += c.Late
	t.total.Unavailable += c.Unavailable
	t.total.Cancelled += c.Cancelled
	t.total.Fenced += c.Fenced
	t.total.Fences += c.Fences
	t.total.Refusals += c.Refusals
	t.total.Evaluations += c.Evaluations
	t.total.Slowest = max(t.total.Slowest, c.Slowest)
	for service, slices := range c.OK {
		for _, slice := range slices {
			t.ok[service][slice] = true
		}
	}
}

// sum returns what was counted.
func (t *tally) sum() told.Counts {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.total
}

// untold counts departures of which the registry could not be told.
func (t *tally) untold() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.unclean
}

// wrong returns the violations.
func (t *tally) wrong() []told.Violation {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.violations
}

// standing returns how the instances stand that have told.
func (t *tally) standing() map[string]told.Counts {
	t.mu.Lock()
	defer t.mu.Unlock()
	return maps.Clone(t.latest)
}

// stages counts the instances that are live, by the stage at which they stand.
func (t *tally) stages() (stages map[muster.Stage]int, live int) {
	stages = make(map[muster.Stage]int)
	for _, c := range t.standing() {
		if c.State == "live" {
			live++
			stages[c.Stage]++
		}
	}
	return stages, live
}

// silence is the longest time, to the slice, in which no call of a service
// succeeded, between two moments.
func (t *tally) silence(service string, from, to time.Time) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	var longest, run int64
	for slice := from.UnixNano() / int64(told.Slice); slice < to.UnixNano()/int64(told.Slice); slice++ {
		run++
		if t.ok[service][slice] {
			run = 0
		}
		longest = max(longest, run)
	}
	return time.Duration(longest) * told.Slice
}
