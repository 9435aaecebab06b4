package integration_test

import (
	"slices"
	"sync"
	"time"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/sdk"
)

// A chronicle is what the instances of a story, or of a run with real processes,
// told of themselves and what was done to them, all on one machine's clock.
type chronicle struct {
	mu    sync.Mutex // guards the field below
	lives []*life
}

// A life is that of one process.
type life struct {
	Service, ID, Version string

	mu    sync.Mutex // guards the field below
	marks []mark     // in order
}

// The kinds of marks beside those that an instance tells itself: what was done
// to it, at a moment before it was done (for a SIGCONT, after).
const (
	markKill sdk.EventKind = "kill -9"
	markTerm sdk.EventKind = "SIGTERM"
	markStop sdk.EventKind = "SIGSTOP"
	markCont sdk.EventKind = "SIGCONT"
)

// A mark is one moment of a life.
type mark struct {
	Time    time.Time
	Kind    sdk.EventKind
	Feature string
	Stage   muster.Stage
	Epoch   int64

	Revision int32 // of the sheet
}

// begin opens the life of one more process.
func (c *chronicle) begin(service, id, version string) *life {
	l := &life{Service: service, ID: id, Version: version}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lives = append(c.lives, l)
	return l
}

// all returns what there is so far.
func (c *chronicle) all() []*life {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lives[:len(c.lives):len(c.lives)]
}

// tell takes what the instance itself says.
func (l *life) tell(e sdk.Event) {
	l.add(mark{Time: e.Time, Kind: e.Kind, Feature: e.Feature, Stage: e.Stage, Epoch: e.Epoch, Revision: e.Revision})
}

// mark takes what is about to be done to the instance.
func (l *life) mark(kind sdk.EventKind) { l.add(mark{Time: time.Now(), Kind: kind}) }

func (l *life) add(m mark) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.marks = append(l.marks, m)
}

func (l *life) all() []mark {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.marks[:len(l.marks):len(l.marks)]
}

// has reports whether such a thing has happened.
func (l *life) has(kind sdk.EventKind) bool {
	for _, m := range l.all() {
		if m.Kind == kind {
			return true
		}
	}
	return false
}

func (l *life) crashed() bool { return l.has(markKill) }

// lastOf is when something was told last.
func (l *life) lastOf(kind sdk.EventKind) time.Time {
	for _, m := range slices.Backward(l.all()) {
		if m.Kind == kind {
			return m.Time
		}
	}
	return time.Time{}
}
