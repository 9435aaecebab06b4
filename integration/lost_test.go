package integration_test

import (
	"testing"
	"time"

	"github.com/musterhq/muster"
)

// Case 3: a registration is lost, and the reply to another: each instance is
// registered, once.
func TestCase03RegistrationOrItsReplyIsLost(t *testing.T) {
	onEach(t, func(f *fleet) {
		f.apply(spec(feature, "checkout", ">=2.0.0"))
		for id, replyLost := range map[string]bool{"request": false, "reply": true} {
			i, cfg := f.config("checkout", id, "2.0.0")
			broken := i.line.breakAt("/members/", replyLost)
			f.visit(i, cfg).enter()
			f.happened("the connection breaks", broken)
			f.until(id+" is live", func() bool { m := f.membersCalled("checkout", id); return len(m) > 0 && m[0].Live })
			f.once(id)
		}
		if got := f.service("checkout").Roster; got != 2 {
			f.Errorf("the roster counts %d registrations, want 2", got)
		}
		f.activate(feature)
		f.awaitStage(feature, muster.On)
		f.judge(spec(feature, "checkout", ">=2.0.0"))
	})
}

// happened waits until a channel is closed.
func (f *fleet) happened(what string, it <-chan struct{}) {
	f.Helper()
	select {
	case <-it:
	case <-f.patience():
		f.Fatalf("still not so: %s", what)
	}
}

// Case 4: a process starts under the name of one that crashed and whose session
// lives. Both count; the old one is reaped, and the new one is not.
func TestCase04RestartWhileTheOldSessionLives(t *testing.T) {
	onEach(t, func(f *fleet) {
		shop := spec(feature, "checkout", ">=2.0.0")
		f.apply(shop)
		f.join("checkout", "c1", "1.0.0").crash()
		f.join("checkout", "c1", "2.0.0")
		f.until("both count", func() bool { return len(f.membersCalled("checkout", "c1")) == 2 })
		f.activate(feature)
		if b := f.awaitBlocker(feature, muster.ReasonOldVersion, "c1"); b.Version != "1.0.0" {
			f.Errorf("blocker %+v, want the old process", b)
		}
		f.awaitStage(feature, muster.On)
		left := f.membersCalled("checkout", "c1")
		if len(left) != 1 || left[0].Instance.Version != "2.0.0" || !left[0].Live {
			f.Errorf("left is %s, want the new process", show(left))
		}
		f.judge(shop)
	})
}

// Case 21: no watch tells an instance anything, and its ack is lost once. It finds
// out by its poll, and asserts the ack again.
func TestCase21LostEventsAndALostAck(t *testing.T) {
	onEach(t, func(f *fleet) {
		shop := spec(feature, "checkout", ">=2.0.0")
		f.apply(shop)
		i := f.join("checkout", "c1", "2.0.0")
		i.line.LoseEvents()
		broken := i.line.breakAt("/live/", false)
		began := time.Now()
		f.activate(feature)
		i.awaitStage(feature, muster.Accept)
		f.Logf("found accept after %v", time.Since(began))
		f.happened("the ack is lost", broken)
		f.awaitStage(feature, muster.On)
		i.awaitStage(feature, muster.On)
		f.awaitAcked(feature, "checkout", 1)
		f.judge(shop)
	})
}
