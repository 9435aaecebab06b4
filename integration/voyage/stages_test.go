package voyage_test

import (
	"context"
	"time"

	"github.com/musterhq/muster"
)

// A seat is from where a feature is seen: an instance's new requests, or one of
// its requests in flight.
type seat struct {
	*instance
	request *request // nil for new ones
}

// A sight is what a seat shows of one feature.
type sight struct {
	seat
	stage    muster.Stage
	revision int32
}

// lookLocked has everybody looked at (G3, G7). Evaluation takes no lock and no
// time, so it may be done at any moment, also within a transaction.
func (w *world) lookLocked() {
	if w.over {
		return
	}
	w.stats.Looks++
	for _, key := range features {
		spec, ok := w.truth.inForce(key)
		if !ok {
			continue
		}
		var ons, offs []sight
		w.eachSeatLocked(spec, func(s seat) {
			switch seen, counts := w.sightLocked(key, spec, s); {
			case !counts:
			case seen.stage == muster.On:
				ons = append(ons, seen)
			case seen.stage == muster.Off:
				offs = append(offs, seen)
			}
		})
		w.neighboursLocked(key, spec, ons, offs)
	}
}

// eachSeatLocked visits what serves for the feature's participants. To look
// through a request's context is to read in its name, so one that has not read
// anything yet is left alone: it has decided nothing.
func (w *world) eachSeatLocked(spec muster.Spec, visit func(seat)) {
	for _, i := range w.fleet {
		if _, takesPart := spec.Participants[i.service]; !takesPart || !i.aliveLocked() {
			continue
		}
		if i.client.Ready() == nil {
			visit(seat{i, nil})
		}
		for _, r := range i.requests {
			if !r.reads.IsZero() && r.ctx.Err() == nil {
				visit(seat{i, r})
			}
		}
	}
}

// sightLocked returns what a seat shows, and whether that counts. Whoever has an
// old version does not know the feature: it stands at off as long as it serves.
// Where the policy is hold, availability comes before coordination: without
// contact nothing is promised of the feature.
func (w *world) sightLocked(key string, spec muster.Spec, s seat) (sight, bool) {
	ctx := context.Background()
	if s.request != nil {
		ctx = s.request.ctx
	}
	before := time.Now()
	d := s.flags[key].Explain(ctx)
	if stage := s.flags[key].Stage(ctx); stage != d.Stage {
		d = s.flags[key].Explain(ctx) // the sheet came in between
	}
	if took := time.Since(before); took != 0 {
		w.failLocked("G7", "%s: to ask for %s took %s", s.instance, key, took)
	}
	seen := sight{s, d.Stage, d.Revision}
	status := s.client.Status()
	away := status.Lease == 0
	if away {
		s.lastAway = time.Now()
	}
	switch {
	case w.everHeldLocked(key) && (away || s.request != nil && !s.lastAway.Before(s.request.began)):
		return seen, false
	case !spec.Participants[s.service].Version.Satisfied(s.version):
		seen.stage = muster.Off
		return seen, s.request == nil // its readiness tells who is not to be sent any
	}
	return seen, true
}

// everHeldLocked reports whether a spec of the feature says hold: sheets of
// earlier specs may be pinned.
func (w *world) everHeldLocked(key string) bool {
	for k, spec := range w.truth.specs {
		if k.feature == key && spec.OnDisconnect == muster.Hold {
			return true
		}
	}
	return false
}

// neighboursLocked: nobody serves at off while somebody does at on (G3). The
// fleet goes on while it is looked at; so what was on is looked at once more, and
// was on all the time if it still is, by the same sheet.
func (w *world) neighboursLocked(key string, spec muster.Spec, ons, offs []sight) {
	for _, off := range offs {
		for _, on := range ons {
			if again, counts := w.sightLocked(key, spec, on.seat); counts && again == on && w.servesLocked(on.seat) {
				w.failLocked("G3", "%s at on beside off:\n  on  %s\n  off %s", key, on, off)
			}
		}
	}
}

// servesLocked reports whether a seat is still there.
func (w *world) servesLocked(s seat) bool {
	if s.request != nil {
		return s.request.ctx.Err() == nil
	}
	return s.client.Ready() == nil
}

func (s sight) String() string {
	status := s.client.Status()
	text := s.instance.String() + ": " + s.stage.String()
	if s.request != nil {
		text += " in request " + s.request.String()
	}
	return text + " by revision " + number(s.revision) + "; " + string(status.State) + ", lease left " + status.Lease.String() +
		", current revision " + number(status.Revision) + ", acked " + number(status.Acked.Revision)
}
