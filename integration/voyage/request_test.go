package voyage_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/sdk"
)

// A request is in flight in one instance. It heeds the end of its context.
type request struct {
	number int
	ctx    context.Context
	cancel context.CancelFunc
	began  time.Time
	until  time.Time
	dice   *rand.Rand
	views  map[string]sdk.Details // what it has read, by feature
	reads  time.Time              // since when it has; zero before. World.mu guards it
}

func (r *request) String() string {
	return fmt.Sprintf("%d (begun %s ago)", r.number, time.Since(r.began))
}

// begin begins a request in an instance that says that it is ready: whoever
// balances the load sends it no other.
func (w *world) begin(i *instance) {
	w.mu.Lock()
	ready := i.aliveLocked() && !i.leaving && len(i.requests) < 4 && i.client.Ready() == nil
	w.mu.Unlock()
	if !ready {
		return
	}
	length := time.Duration(w.dice.IntN(3000)) * time.Millisecond
	if w.dice.IntN(4) == 0 {
		length *= 8 // longer than a lease, a drain and a quarantine
	}
	base, cancel := context.WithCancel(context.Background())
	ctx, release := i.client.Pin(base)
	w.requests++
	r := &request{
		number: w.requests, ctx: ctx, cancel: cancel, began: time.Now(), until: time.Now().Add(length),
		dice: w.draw(), views: make(map[string]sdk.Details),
	}
	w.mu.Lock()
	i.requests = append(i.requests, r)
	w.mu.Unlock()
	w.count("request")
	lazy := time.Duration(0) // it may read its first flag late
	if w.chance(30) {
		lazy = time.Duration(w.dice.IntN(10_000)) * time.Millisecond
	}
	w.spawn(func() {
		rest(ctx, lazy)
		for ctx.Err() == nil && time.Now().Before(r.until) && !w.failed() {
			w.work(i, r)
			rest(ctx, time.Duration(1+r.dice.IntN(700))*time.Millisecond)
		}
		w.mu.Lock()
		i.requests = slices.DeleteFunc(i.requests, func(o *request) bool { return o == r })
		if cause := context.Cause(ctx); cause != nil && !i.crashed {
			w.count("request cancelled")
			w.noteLocked("%s: request %d is cancelled: %v", i, r.number, cause)
		}
		w.mu.Unlock()
		release()
		cancel()
	})
}

// work is one look at the flags, and what comes of it: the new form, to whoever
// serves.
func (w *world) work(i *instance, r *request) {
	before := time.Now()
	w.mu.Lock()
	if r.reads.IsZero() {
		r.reads = before
	}
	w.mu.Unlock()
	enabled := make(map[string]bool)
	for _, key := range features {
		enabled[key] = i.flags[key].Enabled(r.ctx)
		w.oneView(i, r, key)
	}
	if took := time.Since(before); took != 0 {
		w.fail("G7", "%s: to ask for the flags took %s", i, took)
	}
	for _, key := range features {
		if enabled[key] {
			w.emit(i, r, key)
		}
	}
}

// oneView: all that a request reads comes from one revision, but for the fence
// (G6).
func (w *world) oneView(i *instance, r *request, key string) {
	d := i.flags[key].Explain(r.ctx)
	if r.ctx.Err() != nil {
		return // it may have been released
	}
	for _, was := range r.views {
		if was.Revision != d.Revision || !d.Pinned {
			w.fail("G6", "%s: request %d read %s by revision %d after %s by revision %d (pinned: %t)",
				i, r.number, key, d.Revision, was.Feature, was.Revision, d.Pinned)
		}
	}
	was, seen := r.views[key]
	byFence := d.Reason == sdk.ReasonFenced || was.Reason == sdk.ReasonFenced
	if seen && was.Stage != d.Stage && !byFence {
		w.fail("G6", "%s: request %d read %s at %s and then at %s", i, r.number, key, was.Stage, d.Stage)
	}
	r.views[key] = d
}

// emit sends the new form to every other participant's instances: each that
// serves must understand it (G3).
func (w *world) emit(i *instance, r *request, key string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	spec, ok := w.truth.inForce(key)
	if !ok || i.crashed {
		return
	}
	w.count("new form sent")
	from := seat{i, r}
	sent, counts := w.sightLocked(key, spec, from)
	if !counts || sent.stage != muster.On {
		return // it was fenced, or has ended, since it asked
	}
	w.eachSeatLocked(spec, func(to seat) {
		met, counts := w.sightLocked(key, spec, to)
		if !counts || met.stage != muster.Off {
			return
		}
		if again, counts := w.sightLocked(key, spec, from); counts && again == sent && w.servesLocked(from) {
			w.failLocked("G3", "%s in the new form meets one that does not understand it:\n  sent by %s\n  met     %s", key, sent, met)
		}
	})
}

// rest waits for d, or until ctx ends.
func rest(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
