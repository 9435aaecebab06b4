package voyage_test

import (
	"bytes"
	"context"
	"slices"
	"testing/synctest"
	"time"

	"github.com/musterhq/muster"
)

// A planned is what happens at a moment that was drawn before.
type planned struct {
	at time.Time
	do func()
}

// later plans something for after d.
func (w *world) later(d time.Duration, do func()) {
	w.plans = append(w.plans, planned{time.Now().Add(d), do})
}

// due does what is planned for now, in order.
func (w *world) due() {
	now := time.Now()
	var due []planned
	w.plans = slices.DeleteFunc(w.plans, func(p planned) bool {
		if p.at.After(now) {
			return false
		}
		due = append(due, p)
		return true
	})
	slices.SortStableFunc(due, func(a, b planned) int { return a.at.Compare(b.at) })
	for _, p := range due {
		p.do()
	}
}

// step lets some time pass, and then mostly something happen. The fleet has come
// to rest before, so what happens to it at a moment is the seed's; what it does
// in one moment, and in which order, is the scheduler's.
func (w *world) step() {
	time.Sleep(time.Duration(10+w.dice.IntN(240)) * time.Millisecond)
	synctest.Wait()
	w.due()
	w.mu.Lock()
	w.lookLocked()
	w.mu.Unlock()
	w.provoke()
	if w.chance(15) {
		w.look()
	}
	if w.chance(60) {
		w.begin(pick(w, w.all()))
	}
	w.happen()
	if w.variant.eager && w.chance(5) {
		w.commandOne()
	}
}

// An event may happen at any step. Weights are in thousandths.
type event struct {
	weight int
	fault  bool // it mostly happens in rough weather
	do     func()
}

// happen draws what happens.
func (w *world) happen() {
	n := w.dice.IntN(1000)
	for _, e := range w.events() {
		if n -= e.weight; n < 0 {
			if !e.fault || w.rough || w.chance(15) {
				e.do()
			}
			return
		}
	}
}

func (w *world) events() []event {
	second := func(n int) time.Duration { return time.Duration(200+w.dice.IntN(n*1000)) * time.Millisecond }
	return []event{
		{50, false, w.commandOne},
		{110, false, w.upgrade},
		{6, false, w.roll},
		{20, false, w.confirmOne},
		{10, false, func() { w.rough = !w.rough; w.say("rough weather: %t", w.rough) }},
		{10, true, func() { w.storm.Store(!w.storm.Load()); w.say("storm: %t", w.storm.Load()) }},
		{10, true, func() { w.crash(pick(w, w.all()), w.chance(50)) }},
		{25, true, func() { w.cutOff(pick(w, w.all()), second(40), w.chance(50)) }},
		{12, true, func() { w.count("connection dropped"); pick(w, w.all()).network.drop() }},
		{10, true, func() { w.expire(pick(w, w.all())) }},
		{10, true, w.deafen},
		{6, true, w.loseAgent},
		{10, true, func() { w.cutAgent(second(15), w.chance(50)) }},
		{4, true, func() { w.silence(second(15)) }},
		{4, true, func() { w.restart(second(8)) }},
		{4, true, w.dropAll},
	}
}

// commandOne gives a command, at times with an instance cut off that does not
// hear what comes of it.
func (w *world) commandOne() {
	if w.chance(15) || w.variant.eager && w.chance(30) {
		w.cutOff(pick(w, w.all()), time.Duration(13+w.dice.IntN(30))*time.Second, w.chance(50))
	}
	w.command(pick(w, features), w.action())
}

func (w *world) action() muster.Action {
	return pick(w, []muster.Action{
		muster.ActionActivate, muster.ActionActivate, muster.ActionActivate, muster.ActionActivate,
		muster.ActionDeactivate, muster.ActionDeactivate, muster.ActionKill, muster.ActionApply,
	})
}

// all returns the instances whose processes live and were not told to end.
func (w *world) all() []*instance {
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []*instance
	for _, i := range w.fleet {
		if i.aliveLocked() && !i.leaving {
			all = append(all, i)
		}
	}
	if len(all) == 0 {
		all = w.fleet[len(w.fleet)-1:] // nothing more can happen to it
	}
	return all
}

// of returns the instances of one service.
func (w *world) of(service string) []*instance {
	return slices.DeleteFunc(w.all(), func(i *instance) bool { return i.service != service })
}

// upgrade replaces an instance of an old version, or adds one where there are
// few.
func (w *world) upgrade() {
	service := pick(w, services)
	there := w.of(service)
	if len(there) < 2 {
		w.start(service, newest)
		return
	}
	for _, i := range there {
		if i.version == versions[0] || i.version != newest && w.chance(20) {
			w.start(service, newest)
			w.stop(i)
			return
		}
	}
}

// roll starts an instance of any version, in place of another or beside it.
func (w *world) roll() {
	service := pick(w, services)
	if there := w.of(service); len(there) > 2 || len(there) > 0 && w.chance(60) {
		w.stop(pick(w, there))
	}
	if len(w.of(service)) < 4 {
		w.start(service, pick(w, versions))
	}
}

// expire ends the session in which an instance is live.
func (w *world) expire(i *instance) {
	w.mu.Lock()
	session := w.truth.sessionOf(i.service, i.client.Instance().Entry())
	w.noteLocked("the session of %s expires", i)
	w.mu.Unlock()
	if s := w.running(); s != nil && session != 0 {
		w.count("session expired")
		s.Faults().ExpireSession(session)
	}
}

// deafen loses what watches tell, of one instance or of one agent.
func (w *world) deafen() {
	n := pick(w, w.all()).network
	if len(w.agents) > 0 && w.chance(40) {
		n = pick(w, w.agents).network
	}
	n.lose(true)
	w.later(10*time.Second, func() { n.lose(false) })
}

// loseAgent kills one, and has another started.
func (w *world) loseAgent() {
	if len(w.agents) > 0 {
		w.count("agent killed")
		w.killAgent(pick(w, w.agents), w.chance(50))
	}
	w.later(time.Duration(w.dice.IntN(20))*time.Second, w.startAgent)
}

// cutAgent lets nothing pass between an agent and ZooKeeper for a while.
func (w *world) cutAgent(d time.Duration, reset bool) {
	if len(w.agents) == 0 {
		return
	}
	a := pick(w, w.agents)
	w.count("agent cut off")
	w.say("%s is cut off for %s", a.name, d)
	a.network.hold()
	w.later(d, func() { a.network.heal(reset) })
}

// silence stops the server for a while, without a connection being closed.
func (w *world) silence(d time.Duration) {
	s := w.running()
	if s == nil || w.heal != nil {
		return
	}
	w.count("server silent")
	w.say("the server is silent for %s", d)
	w.heal = s.Faults().Silence(nil)
	heal := w.heal
	w.later(d, func() {
		if w.running() == s && w.heal != nil {
			heal()
			w.heal = nil
		}
	})
}

// restart ends the server, and starts another on its data.
func (w *world) restart(away time.Duration) {
	if w.dir == "" || w.running() == nil {
		return
	}
	w.count("server restarted")
	w.say("the server is away for %s", away)
	w.halt()
	w.later(away, w.serve)
}

func (w *world) dropAll() {
	if s := w.running(); s != nil {
		w.count("all connections dropped")
		s.Faults().DropConnections(nil)
	}
}

// baits notes that an agent is about to write that a feature leaves off, so that
// an old instance may come at this worst of moments.
func (w *world) baits(packet []byte) bool {
	if !bytes.Contains(packet, []byte(`"action":"move"`)) || !bytes.Contains(packet, []byte(`"from":"off"`)) {
		return false
	}
	w.bait.Store(true)
	return true
}

// provoke has an old instance come, if that is the moment.
func (w *world) provoke() {
	if w.bait.Swap(false) && w.chance(80) {
		w.start(pick(w, services), versions[0])
	}
}

// confirmOne says of one member whose process is gone that it is.
func (w *world) confirmOne() {
	service := pick(w, services)
	gone := w.gone(service)
	if len(gone) == 0 {
		return
	}
	entry := pick(w, gone)
	op := pick(w, w.client)
	w.spawn(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		err := op.Decommission(ctx, service, entry)
		w.say("%s/%s is confirmed to be gone: %v", service, entry, err)
	})
}
