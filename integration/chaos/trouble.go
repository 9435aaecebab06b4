package main

import (
	"context"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// A trouble is what happens to a fleet: one fault after the other, drawn by
// seed, each undone after a while. But for its counts it belongs to one
// goroutine.
type trouble struct {
	*fleet
	rand  *rand.Rand
	pace  time.Duration // between faults, on average
	rough bool          // the wave is
	later []deed        // what is to be undone
	exits map[role]int  // processes that ended of their own
	err   error         // of the driver: the run is void

	mu     sync.Mutex     // guards the field below
	counts map[string]int // faults by kind
}

// note counts a fault.
func (t *trouble) note(kind string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.counts[kind]++
}

// injected returns the faults so far, by kind.
func (t *trouble) injected() map[string]int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return maps.Clone(t.counts)
}

// A deed is done at its moment.
type deed struct {
	due time.Time
	do  func()
}

// happen lets things happen until ctx ends, in waves: in rough ones everything
// happens; in others what lets the feature move, so that it moves under faults.
func (t *trouble) happen(ctx context.Context) {
	var next time.Time
	turn := time.Now().Add(t.between(6, 12))
	for ctx.Err() == nil && t.err == nil {
		pause(ctx, 50*time.Millisecond)
		now := time.Now()
		t.undo(now)
		t.revive()
		if now.After(turn) {
			t.rough = !t.rough
			turn = now.Add(t.between(6, 12))
			if !t.rough {
				turn = now.Add(t.between(14, 26))
			}
		}
		if now.After(next) {
			next = now.Add(time.Duration(t.rand.ExpFloat64() * float64(t.pace)))
			t.draw().inject(t)
		}
	}
}

// draw draws a kind of what may happen now.
func (t *trouble) draw() kind {
	all := slices.DeleteFunc(kinds(), func(k kind) bool { return k.rough && !t.rough })
	sum := 0
	for _, k := range all {
		sum += k.weight
	}
	dice := t.rand.IntN(sum)
	for _, k := range all {
		if dice -= k.weight; dice < 0 {
			return k
		}
	}
	panic("the dice has more sides than the kinds weigh")
}

// between draws a time between so many seconds.
func (t *trouble) between(low, high float64) time.Duration { return between(t.rand, low, high) }

// calm undoes everything, and has every instance run the new code.
func (t *trouble) calm() {
	for len(t.later) > 0 && t.err == nil {
		t.undo(time.Now().Add(time.Hour))
		pause(context.Background(), 50*time.Millisecond)
	}
	t.revive()
}

// after has something done in a while.
func (t *trouble) after(d time.Duration, do func()) {
	t.later = append(t.later, deed{time.Now().Add(d), do})
}

// undo does what is due at that time.
func (t *trouble) undo(now time.Time) {
	var due []deed
	t.later = slices.DeleteFunc(t.later, func(d deed) bool {
		if d.due.After(now) {
			return false
		}
		due = append(due, d)
		return true
	})
	for _, d := range due {
		d.do()
	}
}

// revive starts again what ended of its own, and counts it.
func (t *trouble) revive() {
	for _, p := range t.places {
		if !p.busy && p.proc.strayed() {
			t.exits[p.role]++
			t.try(p.run())
		}
	}
}

// try notes what the driver could not do.
func (t *trouble) try(err error) {
	if t.err == nil {
		t.err = err
	}
}
