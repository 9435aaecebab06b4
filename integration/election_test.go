package integration_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/client"
	"github.com/musterhq/muster/internal/ensemble"
)

// A struck is a fleet on an ensemble that loses its leader again and again.
type struck struct {
	*fleet
	zk      *ensemble.Ensemble
	strikes int
}

func newStruck(t *testing.T) *struck {
	t.Helper()
	zk := ensemble.Borrow(t)
	return &struck{fleet: newFleet(t, backend{"borrowed", func(testing.TB) []string { return zk.Servers() }}, brisk()), zk: zk}
}

// lines are those of the agents.
func (f *fleet) lines() (lines []*line) {
	for _, a := range f.agents {
		lines = append(lines, a.line)
	}
	return lines
}

// strike has ZooKeeper elect another leader while a transaction is on its way.
// By turns the leader is frozen before the transaction is sent, so that it lies
// in a buffer of somebody who is deposed when he finds it, and killed when it has
// just been sent.
func (f *struck) strike(what string, there <-chan struct{}, release func()) {
	f.Helper()
	select {
	case <-there:
	case <-f.patience():
		f.Fatalf("%s: no such transaction", what)
	}
	var first int
	f.until("ZooKeeper has a leader", func() bool { first = f.zk.Leader(); return first >= 0 })
	began, how := time.Now(), "killed"
	f.strikes++
	if f.strikes%2 == 1 {
		how = "frozen"
		f.zk.Pause(first)
		release()
	} else {
		release()
		f.zk.Kill(first)
	}
	var second int
	f.until("ZooKeeper has another leader", func() bool { second = f.zk.Leader(); return second >= 0 })
	if second == first {
		f.Errorf("%s: server %d still leads", what, first)
	}
	f.Logf("%s: leader %s, another led after %v", what, how, time.Since(began).Round(time.Millisecond))
	if how == "frozen" {
		f.zk.Resume(first)
	} else {
		f.zk.Restart(f, first)
	}
	f.zk.Await(f)
}

// meanwhile does something that waits for an answer, and returns how to wait for
// it.
func (f *fleet) meanwhile(do func()) (wait func()) {
	var wg sync.WaitGroup
	wg.Go(do)
	return wg.Wait
}

// Case 29: ZooKeeper elects a leader during each kind of transaction. Each is
// done, once, and has one record, whoever it was that found out.
func TestCase29ElectionDuringEachTransaction(t *testing.T) {
	t.Parallel()
	f := newStruck(t)
	strike := func(what, text string, lines []*line, provoke func()) {
		f.Helper()
		there, release := catchOn(text, lines...)
		defer release()
		wait := f.meanwhile(provoke)
		f.strike(what, there, release)
		wait()
	}
	shop := spec(feature, "checkout", ">=2.0.0")
	strike("adopt", `"action":"adopt"`, f.lines(), func() { f.apply(shop) })
	c1, c2 := f.join("checkout", "c1", "2.0.0"), f.join("checkout", "c2", "2.0.0")
	old := f.join("checkout", "old", "1.0.0")
	_, end1 := c1.Pin(f.ctx)
	defer end1()
	_, end2 := c2.Pin(f.ctx)
	defer end2()

	c3 := f.visitStruck("join", "c3", "2.0.0", `/members/`)
	c3.enter()
	f.once("c3")
	strike("command", `"action":"activate"`, f.lines(), func() { f.activate(feature) })
	strike("off→accept", `"from":"off","to":"accept"`, f.lines(), old.leave)
	f.awaitBlocker(feature, muster.ReasonDraining, "c1")
	strike("ack", `/live/`, []*line{c1.line}, end1)
	f.awaitBlocker(feature, muster.ReasonDraining, "c2")
	strike("accept→on", `"from":"accept","to":"on"`, f.lines(), end2)
	f.awaitStage(feature, muster.On)

	late := f.visitStruck("knock", "late", "1.0.0", `/knocks/`)
	f.awaitBlocker(feature, muster.ReasonKnock, "late")
	f.goesDownFor(late, shop)
	strike("leave", `/members/`, []*line{late.line}, late.leave)

	strike("reap", `"action":"reap"`, f.lines(), c3.crash)
	f.until("c3 is no member", func() bool { return len(f.membersCalled("checkout", "c3")) == 0 })
	f.givenUp("c3", nil, muster.ActionReap)
	f.decommissioned(c2, strike)

	want := []string{
		"apply", "adopt", "activate", "move off→accept", "move accept→on", "apply", "adopt",
		"rollback rolled back for checkout/late, which is 1.0.0", "move on→accept", "move accept→off", "gate everyone is off",
	}
	if got := told(f.judge(shop)); !cmp.Equal(got, want) {
		f.Errorf("history (-want +got):\n%s", cmp.Diff(want, got))
	}
	if got := f.members("checkout"); len(got) != 1 {
		f.Errorf("members: %s; want c1 alone", show(got))
	}
}

// visitStruck runs an instance, with an election during its first transaction that
// has a text in it.
func (f *struck) visitStruck(what, id, version, text string) *visitor {
	f.Helper()
	i, cfg := f.config("checkout", id, version)
	there, release := catchOn(text, i.line)
	defer release()
	v := f.visit(i, cfg)
	f.strike(what, there, release)
	return v
}

// goesDownFor lets the feature be rolled back for an instance that knocks, all
// the way, with an election during each step.
func (f *struck) goesDownFor(late *visitor, shop muster.Spec) {
	f.Helper()
	type step struct {
		what    string
		there   <-chan struct{}
		release func()
	}
	var steps []step
	for _, s := range []struct{ what, text string }{
		{"rollback", `"action":"rollback"`},
		{"on→accept", `"from":"on","to":"accept"`},
		{"accept→off", `"from":"accept","to":"off"`},
		{"gate", `"action":"gate"`},
	} {
		there, release := catchOn(s.text, f.lines()...)
		defer release()
		steps = append(steps, step{s.what, there, release})
	}
	shop.OldInstance = muster.RollBack
	f.must("apply", func(ctx context.Context) error {
		_, err := f.client.Apply(ctx, shop)
		return err
	})
	for _, s := range steps {
		f.strike(s.what, s.there, s.release)
	}
	late.enter()
}

// decommissioned has an operator confirm that an instance is gone which has just
// crashed. Its quarantine may end before the answer comes; it is given up once.
func (f *struck) decommissioned(i *instance, strike func(what, text string, lines []*line, provoke func())) {
	f.Helper()
	i.crash()
	f.until(i.id+" has vanished", func() bool { return !f.membersCalled("checkout", i.id)[0].Live })
	var err error
	strike("decommission", `"action":"decommission"`, f.lines(), func() {
		ctx, cancel := context.WithTimeout(f.ctx, patience)
		defer cancel()
		err = f.client.Decommission(ctx, "checkout", i.id)
	})
	f.until(i.id+" is no member", func() bool { return len(f.membersCalled("checkout", i.id)) == 0 })
	f.givenUp(i.id, err, muster.ActionDecommission)
}

// givenUp fails the test unless one record tells that the instance was given up,
// and by which action, if the caller was told that it was done.
func (f *fleet) givenUp(id string, told error, action muster.Action) {
	f.Helper()
	var given []muster.Record
	for rec, err := range f.client.History(f.ctx, client.HistoryQuery{Service: "checkout"}) {
		if err != nil {
			f.Fatal(err)
		}
		if rec.Instance == id {
			given = append(given, rec)
		}
	}
	if len(given) != 1 || told == nil && given[0].Action != action {
		f.Errorf("%s was given up by %s; the operator was told %v", id, show(given), told)
	}
}

// once waits until the agents know an instance, and fails the test unless one
// entry stands for it.
func (f *fleet) once(id string) {
	f.Helper()
	f.until(id+" is known", func() bool { return len(f.membersCalled("checkout", id)) > 0 })
	if got := f.membersCalled("checkout", id); len(got) != 1 {
		f.Errorf("%d entries for %s: %s", len(got), id, show(got))
	}
}
