package sim

import (
	"slices"
	"strings"
	"time"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/internal/plan"
	"github.com/musterhq/muster/internal/store"
)

// finish lets everything settle without faults, and checks that it does (G5):
// first with the fleet as it is, then with one that is ready.
func (w *world) finish() {
	if len(w.agents) == 0 {
		w.startAgent()
	}
	w.settleAll()
	for _, key := range features {
		w.checkBlocked(key)
	}
	w.say("the fleet is made ready")
	w.repair()
	w.settleAll()
	for _, key := range features {
		status, known := w.truth.status[key]
		if known && !status.Deleted && !status.Settled() {
			w.fail("G5", "the fleet is ready, and %s does not settle: %+v", key, status)
		}
		w.checkApplied(key)
	}
}

// settleAll goes on, in turn and without faults, until nothing has changed for
// longer than anything takes.
func (w *world) settleAll() {
	const most = 60_000
	began := w.now
	for n := 0; n < most && w.failure == nil; n++ {
		if w.operators == 0 && w.now.Sub(w.truth.changed) > 2*quarantine && w.now.Sub(began) > 2*quarantine {
			return
		}
		w.step++
		if n%20 == 0 {
			for _, i := range w.instances {
				i.requests = i.requests[:max(0, len(i.requests)-1)]
			}
		}
		if !w.goOn() {
			w.pass(w.earliest())
		}
		w.checkStages()
	}
	w.fail("G5", "the fleet does not come to rest")
}

// earliest returns how long everybody rests.
func (w *world) earliest() time.Duration {
	next := w.now.Add(poll)
	for _, a := range w.actors {
		if a.wake.Before(next) {
			next = a.wake
		}
	}
	return next.Sub(w.now)
}

// checkBlocked checks that a feature that has not got where it is wanted waits
// for what truly is so.
func (w *world) checkBlocked(key string) {
	status, known := w.truth.status[key]
	if w.failure != nil || !known || status.Deleted || status.Settled() {
		return
	}
	g := agent{
		w: w, name: "judge", store: store.New(&conn{session: w.connect()}, root).WithReaders(1),
		bodies: make(map[string]*store.Bodies), absent: make(map[stay]time.Time),
	}
	g.services, g.stale = make(map[string]muster.Service), make(map[string]int)
	state, _, err := g.load(key)
	if err != nil {
		w.fail("G5", "%s: %v", key, err)
		return
	}
	step := plan.Next(state)
	if step.Move != nil {
		w.fail("G5", "%s could move to %s and nobody moves it", key, step.Move.Status.Stage)
	}
	if len(step.Waiting) == 0 {
		w.fail("G5", "%s is not where it is wanted, and waits for nothing: %+v", key, status)
	}
	for _, b := range step.Waiting {
		if !w.true(state, b) {
			w.fail("G5", "%s waits for what is not so: %s %s", key, b.Reason, b)
		}
	}
}

// true reports whether a blocker is so when all has come to rest.
func (w *world) true(s plan.State, b muster.Blocker) bool {
	svc := s.Services[b.Service]
	switch b.Reason {
	case muster.ReasonOldVersion:
		return slices.ContainsFunc(w.instances, func(i *instance) bool {
			return i.Service == b.Service && i.ID == b.Instance && !b.Constraint.Satisfied(i.Version)
		})
	case muster.ReasonVanished, muster.ReasonShrunk: // whoever vanished alone has been reaped
		return plan.Shrunk(svc)
	case muster.ReasonNoInstances:
		return len(svc.Members) == 0
	case muster.ReasonTooFewInstances:
		ready := 0
		for _, i := range w.instances {
			if i.Service == b.Service && i.serving && b.Constraint.Satisfied(i.Version) {
				ready++
			}
		}
		return b.Count == ready
	case muster.ReasonPrerequisite:
		for key, other := range s.Prerequisites {
			if strings.Contains(b.Detail, "prerequisite "+key+" ") {
				return other.Status.Stage != muster.On || other.Status.Desired != muster.On
			}
		}
		return false
	case muster.ReasonPending:
		return len(s.Services) > 0 && s.Next != nil
	default: // everybody has acked, and nothing is in flight
		return false
	}
}

// repair makes the fleet ready: old processes are stopped and confirmed to be
// gone, and enough new ones started.
func (w *world) repair() {
	for _, i := range slices.Clone(w.instances) {
		if i.Version != newest {
			i.kill()
			w.expire(i.session)
		}
	}
	for _, service := range services {
		for range 2 {
			w.startInstance(service, newest)
		}
		for _, entry := range w.members(service) {
			if !w.truth.lives(service, entry) {
				w.start("decommission", func(a *actor) { w.confirmGone(a, service, entry) })
			}
		}
	}
	w.truth.changed = w.now
}

// checkApplied checks that the fleet is where its features are.
func (w *world) checkApplied(key string) {
	spec, ok := w.truth.inForce(key)
	if !ok {
		return
	}
	for _, i := range w.instances {
		_, takesPart := spec.Participants[i.Service]
		if stage := w.truth.status[key].Stage; takesPart && (!i.member || i.sheet.Features[key].Stage != stage) {
			w.fail("G5", "%s is at %s, and %s/%s at %s", key, stage, i.Service, i.Entry(), i.sheet.Features[key].Stage)
		}
	}
}
