package voyage_test

import (
	"time"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/sdk"
)

// cutOff lets nothing pass between an instance and ZooKeeper for a while, and
// looks at it when its lease must be over.
func (w *world) cutOff(i *instance, d time.Duration, reset bool) {
	w.mu.Lock()
	if !i.aliveLocked() || i.leaving || !i.cut.IsZero() || i.client.Status().State != sdk.Live {
		w.mu.Unlock()
		return
	}
	since := time.Now()
	d += w.variant.cut
	i.cut = since
	w.noteLocked("%s is cut off for %s", i, d)
	was := make(map[string]sdk.Details)
	for _, key := range features {
		was[key] = i.flags[key].Explain(w.t.Context())
	}
	w.mu.Unlock()
	w.count("instance cut off")
	i.network.hold()
	if d > i.lease+time.Second {
		w.spawn(func() {
			time.Sleep(i.lease + 2*time.Millisecond)
			w.fenced(i, since, was)
		})
	}
	w.later(d, func() {
		w.mu.Lock()
		i.cut = time.Time{}
		w.noteLocked("%s is connected again (reset: %t)", i, reset)
		w.mu.Unlock()
		i.network.heal(reset)
	})
}

// fenced: whoever was cut off behaves by each feature's policy when its lease is
// over, and so do its requests in flight; hold holds (G4).
func (w *world) fenced(i *instance, since time.Time, was map[string]sdk.Details) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !i.aliveLocked() || i.leaving || !i.cut.Equal(since) || w.over || w.variant.unfenced {
		return
	}
	w.count("fence looked at")
	for _, key := range features {
		is := i.flags[key].Explain(w.t.Context())
		entry := w.truth.everySheet[sheetKey{i.service, is.Revision}].Features[key]
		switch {
		case entry.OnDisconnect == muster.Hold:
			if is.Revision == was[key].Revision && is.Stage != was[key].Stage {
				w.failLocked("G4", "%s holds %s, and went from %s to %s without contact", i, key, was[key].Stage, is.Stage)
			}
			continue
		case is.Stage != muster.Accept:
			w.failLocked("G4", "%s is cut off for longer than its lease, and %s is at %s", i, key, is.Stage)
		}
		unready := entry.OnDisconnect == muster.Stop || entry.OnDisconnect != "" && !entry.Constraint.Satisfied(i.version)
		if unready && i.client.Ready() == nil {
			w.failLocked("G4", "%s is cut off for longer than its lease, and is ready in spite of %s", i, key)
		}
		for _, r := range i.requests {
			w.bound(i, r, key, since)
		}
	}
}

// bound: a request in flight is at the policy too, and is cancelled when it has
// read a stage before that the fence takes back (G4).
func (w *world) bound(i *instance, r *request, key string, since time.Time) {
	if r.reads.IsZero() || r.ctx.Err() != nil {
		return
	}
	is := i.flags[key].Explain(r.ctx)
	entry := w.truth.everySheet[sheetKey{i.service, is.Revision}].Features[key]
	switch {
	case entry.OnDisconnect == "" || entry.OnDisconnect == muster.Hold:
	case is.Stage != muster.Accept:
		w.failLocked("G4", "%s is cut off for longer than its lease, and its request %s has %s at %s", i, r, key, is.Stage)
	case entry.Stage != muster.Accept && r.reads.Before(since):
		w.failLocked("G4", "%s is cut off for longer than its lease, and its request %s goes on, which has read %s at %s", i, r, key, entry.Stage)
	}
}
