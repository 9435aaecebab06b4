package sim

import (
	"context"
	"slices"
	"time"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/internal/plan"
	"github.com/musterhq/muster/internal/store"
)

// begin makes the tree and a first fleet.
func (w *world) begin() {
	w.truth.began = w.now
	st := store.New(&conn{session: w.connect()}, root).WithReaders(1)
	if err := st.Init(context.Background()); err != nil {
		panic(err) // nothing interferes yet
	}
	for range 2 {
		w.startAgent()
	}
	for _, service := range services {
		for range 2 {
			w.startInstance(service, pick(w, versions[:2]))
		}
	}
	for _, key := range features {
		w.command(key, muster.ActionApply)
		w.command(key, muster.ActionActivate)
	}
}

// next is one step: mostly somebody goes on, and now and then something happens
// to somebody.
func (w *world) next() {
	w.step++
	if w.chance(90) && w.goOn() {
		w.checkStages()
		return
	}
	w.happen()
	w.checkStages()
}

// goOn lets an actor that does not rest go on.
func (w *world) goOn() bool {
	ready := w.ready()
	if len(ready) == 0 {
		return false
	}
	a := pick(w, ready)
	if busy := w.busy(ready); busy != nil && w.chance(50) {
		a = busy // an agent has much more to do in a round than anybody else
	}
	a.step()
	if a.done {
		w.actors = slices.DeleteFunc(w.actors, func(o *actor) bool { return o == a })
	}
	return true
}

// busy returns an agent that does not rest, nil where there is none.
func (w *world) busy(ready []*actor) *actor {
	for _, g := range w.agents {
		if slices.Contains(ready, g.actor) {
			return g.actor
		}
	}
	return nil
}

func (w *world) ready() []*actor {
	var ready []*actor
	for _, a := range w.actors {
		if !a.wake.After(w.now) {
			ready = append(ready, a)
		}
	}
	return ready
}

// happen makes one thing happen. In calm weather much that would hold the
// features up does not, so that they come somewhere.
func (w *world) happen() {
	if w.storm && w.chance(4) || w.chance(1) {
		w.storm = !w.storm
	}
	if !w.upgraded && w.chance(3) || w.chance(1) {
		w.upgraded = !w.upgraded
	}
	n := w.rng.IntN(1000)
	if !w.storm && n >= 800 && w.chance(80) {
		n = w.rng.IntN(800)
	}
	switch {
	case n < 400:
		w.pass(time.Duration(w.rng.IntN(200)) * time.Millisecond)
	case n < 530:
		w.beginRequest()
	case n < 720:
		w.endRequest()
	case n < 740:
		w.settleOne()
		w.sendLate()
	case n < 760:
		w.command(pick(w, features), w.action())
	case n < 800:
		w.upgrade()
	case n < 870:
		w.lose()
	case n < 910:
		w.roll()
	case n < 925:
		w.stopInstance()
	case n < 940:
		w.replaceAgent()
	case n < 945:
		w.pass(quarantine)
	default:
		w.decommission()
	}
}

// action draws a command; deletions and new specs are rarer.
func (w *world) action() muster.Action {
	return pick(w, []muster.Action{
		muster.ActionActivate, muster.ActionActivate, muster.ActionActivate, muster.ActionActivate, muster.ActionActivate,
		muster.ActionDeactivate, muster.ActionDeactivate, muster.ActionKill, muster.ActionApply, muster.ActionDelete,
	})
}

// pass lets time pass, and ends the sessions that have not been heard of.
func (w *world) pass(d time.Duration) {
	w.now = w.now.Add(d)
	for _, s := range slices.Clone(w.sessions) {
		if !s.abandoned.IsZero() && w.now.Sub(s.abandoned) > sessionTimeout {
			w.expire(s)
		}
	}
}

// lose ends a session without anybody being told.
func (w *world) lose() {
	if len(w.sessions) > 0 {
		s := pick(w, w.sessions)
		w.say("session %d expires", s.id)
		w.expire(s)
	}
}

func (w *world) settleOne() {
	for _, s := range w.sessions {
		if s.pending != nil {
			s.settle()
			return
		}
	}
}

// upgrade replaces one instance that is not of the newest version, while the
// fleet is being upgraded.
func (w *world) upgrade() {
	for _, i := range w.instances {
		if w.upgraded && !i.leaving && i.Version != newest {
			w.replace(i)
			return
		}
	}
}

// roll replaces an instance by one of any version, or adds one.
func (w *world) roll() {
	if there := w.of(pick(w, services)); len(there) > 0 && (len(there) > 2 || w.chance(60)) {
		w.replace(pick(w, there))
	} else {
		w.add(pick(w, services))
	}
}

// replace ends an instance, which leaves or is killed, and starts another of
// its service.
func (w *world) replace(old *instance) {
	if w.chance(40) {
		old.kill()
	} else {
		old.leaving = true
	}
	w.add(old.Service)
}

// add starts an instance, under a new name or one that was there before.
func (w *world) add(service string) {
	const most = 9
	switch {
	case len(w.instances) >= most:
	case w.upgraded && w.chance(85):
		w.startInstance(service, newest)
	default:
		w.startInstance(service, pick(w, versions))
	}
}

// provoke has something come at the worst moment, when a step has been decided
// and is not written yet: that a prerequisite goes, or that an old instance comes
// when a feature leaves off.
func (w *world) provoke(a *actor, s plan.State, m plan.Move) error {
	if w.faults && len(m.Prerequisites) > 0 && m.Status.Stage > s.Status.Stage && w.chance(20) {
		w.command("tax", pick(w, []muster.Action{muster.ActionKill, muster.ActionDeactivate}))
		return a.rest(time.Duration(w.rng.IntN(400)) * time.Millisecond)
	}
	if !w.faults || s.Status.Stage != muster.Off || m.Status.Stage != muster.Accept || w.chance(60) {
		return nil
	}
	w.startInstance(pick(w, s.Spec.Services()), pick(w, versions[:2]))
	return a.rest(time.Duration(w.rng.IntN(400)) * time.Millisecond)
}

func (w *world) stopInstance() {
	if len(w.instances) > 0 {
		pick(w, w.instances).kill()
	}
}

// of returns the instances of a service whose process lives.
func (w *world) of(service string) []*instance {
	var of []*instance
	for _, i := range w.instances {
		if i.Service == service {
			of = append(of, i)
		}
	}
	return of
}

// replaceAgent kills an agent, which another succeeds, and starts one.
func (w *world) replaceAgent() {
	if len(w.agents) > 1 {
		a := pick(w, w.agents)
		w.say("agent %s is killed", a.name)
		a.actor.kill()
		w.agents = slices.DeleteFunc(w.agents, func(o *agent) bool { return o == a })
		w.abandon(a.session)
	}
	if len(w.agents) < 3 {
		w.startAgent()
	}
}

// abandon leaves the session of a process that is gone to expire: now, or when
// it has not been heard of for long.
func (w *world) abandon(s *session) {
	switch {
	case s == nil:
	case w.chance(50):
		w.expire(s)
	default:
		s.abandoned = w.now
	}
}
