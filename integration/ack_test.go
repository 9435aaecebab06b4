package integration_test

import (
	"sync"
	"testing"
	"time"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/client"
	"github.com/musterhq/muster/sdk"
)

// Case 18: a long request that began at off withholds on, and status names the
// instance, how many there are and since when.
func TestCase18LongRequestWithholdsOn(t *testing.T) {
	onEach(t, func(f *fleet) {
		shop := spec(feature, "checkout", ">=2.0.0")
		f.apply(shop)
		busy, idle := f.join("checkout", "busy", "2.0.0"), f.join("checkout", "idle", "2.0.0")
		address := busy.Bool(feature, false)
		began := time.Now()
		long, end := busy.Pin(f.ctx)
		defer end()
		_, endOther := busy.Pin(f.ctx)
		defer endOther()

		f.activate(feature)
		b := f.awaitBlocker(feature, muster.ReasonDraining, "busy")
		if b.Count != 2 || b.Since.Before(began.Add(-time.Second)) || b.Since.After(time.Now()) {
			f.Errorf("got %d requests since %v, want 2 since %v", b.Count, b.Since, began)
		}
		idle.awaitStage(feature, muster.Accept)
		busy.awaitStage(feature, muster.Accept) // what is new there
		if stage := address.Stage(long); stage != muster.Off {
			f.Errorf("the long request is at %s, want off", stage)
		}
		endOther()
		if got := f.feature(feature).Status.Stage; got != muster.Accept {
			f.Errorf("at %s while the request goes on", got)
		}
		end()
		f.awaitStage(feature, muster.On)
		f.judge(shop)
	})
}

// Case 19: the process restarts between seeing accept and acking it. The old
// process counts until its quarantine is over, and its ack for nothing after.
func TestCase19RestartBetweenSeeingAndAcking(t *testing.T) {
	onEach(t, func(f *fleet) {
		shop := spec(feature, "checkout", ">=2.0.0")
		f.apply(shop)
		f.join("checkout", "other", "2.0.0")
		first := f.join("checkout", "c1", "2.0.0")
		_, end := first.Pin(f.ctx)
		defer end()
		f.activate(feature)
		f.awaitBlocker(feature, muster.ReasonDraining, "c1")
		died := time.Now()
		first.crash()

		second := f.join("checkout", "c1", "2.0.0") // case 4: the same name while the old session lives
		f.until("the old process and the new one count", func() bool { return len(f.membersCalled("checkout", "c1")) == 2 })
		if got := f.feature(feature).Status.Stage; got != muster.Accept {
			f.Errorf("at %s although the old process was not given up yet", got)
		}
		f.awaitStage(feature, muster.On)
		second.awaitStage(feature, muster.On)
		f.until("the old process is reaped", func() bool { return len(f.membersCalled("checkout", "c1")) == 1 })
		// Its session lives on for the better part of its timeout, and then it may
		// still be serving until its quarantine is over.
		if after := f.reaped("checkout", "c1").Sub(died); after < f.session/2+f.quarantine {
			f.Errorf("given up after %v, with a session of %v and a quarantine of %v", after, f.session, f.quarantine)
		}
		f.judge(shop)
	})
}

// The ack of a sheet waits until the instance was told of all that went before,
// from its birth on.
func TestAckWaitsUntilBirthIsTold(t *testing.T) {
	onEach(t, func(f *fleet) {
		shop := spec(feature, "checkout", ">=2.0.0")
		f.apply(shop)
		hear := make(chan struct{})
		i := f.join("checkout", "slow", "2.0.0", func(cfg *sdk.Config) {
			tell := cfg.Events
			cfg.Events = func(e sdk.Event) { <-hear; tell(e) }
		})
		listen := sync.OnceFunc(func() { close(hear) })
		defer listen()
		f.activate(feature)
		f.awaitBlocker(feature, muster.ReasonDraining, "slow")
		i.awaitStage(feature, muster.Accept)
		listen()
		f.awaitStage(feature, muster.On)
		f.judge(shop)
	})
}

// Case 20: an instance that joins in the middle is born at the current revision
// and is not waited for.
func TestCase20JoinMidStage(t *testing.T) {
	onEach(t, func(f *fleet) {
		shop := spec(feature, "checkout", ">=2.0.0")
		f.apply(shop)
		busy := f.join("checkout", "busy", "2.0.0")
		_, end := busy.Pin(f.ctx)
		defer end()
		f.activate(feature)
		f.awaitBlocker(feature, muster.ReasonDraining, "busy")

		late := f.join("checkout", "late", "2.1.0")
		if stage := late.stage(feature); stage != muster.Accept {
			f.Errorf("born at %s, want accept", stage)
		}
		f.until("the new member has acked", func() bool {
			m := f.membersCalled("checkout", "late")
			return len(m) == 1 && m[0].Live && m[0].Ack.Revision == m[0].Ack.Applied
		})
		for _, b := range f.feature(feature).Blockers {
			if b.Instance == "late" {
				f.Errorf("it is waited for: %s", b)
			}
		}
		end()
		f.awaitStage(feature, muster.On)
		late.awaitStage(feature, muster.On)
		f.judge(shop)
	})
}

// Case 23: kill at each step. The new form is sent no longer at once; off still
// waits for the acks.
func TestCase23KillDuringEachStep(t *testing.T) {
	onEach(t, func(f *fleet) {
		shop := spec(feature, "checkout", ">=2.0.0")
		f.apply(shop)
		busy, idle := f.join("checkout", "busy", "2.0.0"), f.join("checkout", "idle", "2.0.0")
		old := f.join("checkout", "old", "1.0.0")

		f.activate(feature) // at off, waiting for the old one
		f.awaitBlocker(feature, muster.ReasonOldVersion, "old")
		f.kill(feature, client.Wait())
		old.leave()

		_, end := busy.Pin(f.ctx) // at accept, waiting for an ack
		defer end()
		f.activate(feature)
		f.awaitBlocker(feature, muster.ReasonDraining, "busy")
		f.kill(feature)
		f.awaitFeature(feature, "off is wanted and accept is waited for", func(now muster.Feature) bool {
			return now.Status.Desired == muster.Off && now.Status.Stage == muster.Accept && len(now.Blockers) > 0
		})
		end()
		f.awaitStage(feature, muster.Off)

		f.activate(feature, client.Wait()) // at on
		busy.awaitStage(feature, muster.On)
		_, end = busy.Pin(f.ctx)
		defer end()
		f.kill(feature, client.Why("it burns"))
		idle.awaitStage(feature, muster.Accept)
		busy.awaitStage(feature, muster.Accept)
		f.awaitBlocker(feature, muster.ReasonDraining, "busy")
		if got := f.feature(feature).Status.Stage; got != muster.Accept {
			f.Errorf("at %s while a request that began at on goes on", got)
		}
		if refusals := f.canDeploy("checkout", "1.0.0"); len(refusals) != 1 {
			f.Errorf("the gate is not closed: %v", refusals)
		}
		end()
		f.awaitStage(feature, muster.Off)
		f.judge(shop)
	})
}

// The way down ends when all have acked off, and not before: until then an old
// version is not let in (G2).
func TestGateStaysClosedUntilOffIsAcked(t *testing.T) {
	onEach(t, func(f *fleet) {
		shop := spec(feature, "checkout", ">=2.0.0")
		f.apply(shop)
		one, two := f.join("checkout", "one", "2.0.0"), f.join("checkout", "two", "2.0.0")
		_, endAtOff := one.Pin(f.ctx)
		defer endAtOff()
		f.activate(feature)
		two.awaitStage(feature, muster.Accept)
		atAccept, endAtAccept := two.Pin(f.ctx)
		defer endAtAccept()
		f.kill(feature)
		endAtOff()
		f.awaitFeature(feature, "it is at off, and two is waited for", func(now muster.Feature) bool {
			return now.Status.Stage == muster.Off && waitsFor(now, muster.ReasonDraining, "checkout")
		})
		if stage := two.Bool(feature, false).Stage(atAccept); stage != muster.Accept {
			f.Errorf("the request that began at accept is at %s", stage)
		}
		old := f.knock("checkout", "old", "1.9.0")
		f.awaitBlocker(feature, muster.ReasonKnock, "old")
		old.waits()
		endAtAccept()
		old.enter()
		f.judge(shop)
	})
}

// Case 24: an instance crashes at each stage; each costs its quarantine, no
// more.
func TestCase24CrashAtEachStage(t *testing.T) {
	onEach(t, func(f *fleet) {
		shop := spec(feature, "checkout", ">=2.0.0")
		f.apply(shop)
		for _, id := range []string{"c1", "c2", "c3", "c4", "c5"} {
			f.join("checkout", id, "2.0.0")
		}
		f.join("checkout", "old", "1.0.0").crash() // at off: an old one that is dead
		f.activate(feature)
		f.awaitStage(feature, muster.On) // after its quarantine

		f.join("checkout", "c6", "2.0.0").crash() // at on: what comes next needs nobody
		f.deactivate(feature)
		b := f.awaitBlocker(feature, muster.ReasonVanished, "c6") // and now everybody
		if b.Since.IsZero() {
			f.Errorf("blocker %+v does not say since when", b)
		}
		f.awaitStage(feature, muster.Off)
		f.judge(shop)
	})
}
