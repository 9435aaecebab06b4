package agent

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/internal/store"
	"github.com/musterhq/muster/internal/zkserver"
)

// An accident befalls the n-th transaction of the leader.
type accident struct {
	name string
	do   zkserver.Action
	dies bool // the leader is killed with it
}

// TestAccidentAtEveryTransaction lets the same feature go on and off again, and
// each time something else happens to another transaction of the leader: the
// request or its reply is lost, and the leader lives, or hangs, or dies with it.
// Whatever it is, all that was wanted is done, once, and recorded once (G5, G8).
func TestAccidentAtEveryTransaction(t *testing.T) {
	t.Parallel()
	for _, a := range []accident{
		{"the request is lost", zkserver.DropBefore, false},
		{"the reply is lost", zkserver.DropAfter, false},
		{"killed before", zkserver.DropBefore, true},
		{"killed after", zkserver.DropAfter, true},
		{"cut off before", zkserver.Mute, false},
		{"cut off after", zkserver.MuteAfter, false},
	} {
		t.Run(a.name, func(t *testing.T) {
			t.Parallel()
			happened := true
			for n := 1; happened; n++ {
				t.Run(fmt.Sprint(n), func(t *testing.T) {
					inFleet(t, func(t *testing.T, f *fleet) { happened = f.accident(a, n) })
				})
				if n > 30 {
					t.Fatal("a flip there and back takes no such number of transactions")
				}
			}
		})
	}
}

// accident runs the story, and reports whether there was an n-th transaction.
func (f *fleet) accident(a accident, n int) bool {
	one := f.agent("one")
	two := f.agent("two")
	leader := one.current.zk.ID()
	var count atomic.Int64
	dead := make(chan struct{})
	f.server.Faults().OnRequest(func(r zkserver.Request) zkserver.Verdict {
		// What is left of a commit to the leader's own node is no move.
		if r.Op != "multi" || r.Session != leader || !slices.ContainsFunc(r.Paths, isFeature) {
			return zkserver.Verdict{}
		}
		if count.Add(1) != int64(n) {
			return zkserver.Verdict{}
		}
		close(dead)
		return zkserver.Verdict{Do: a.do}
	})
	if a.dies {
		go func() {
			select {
			case <-dead:
				one.kill()
			case <-one.done:
			}
		}()
	}
	for _, id := range []string{"a", "b"} {
		f.join("svc", id, "2.0.0")
	}
	f.start(two, featureSpec("f", map[string]string{"svc": ">=2.0.0"}))
	f.awaitOn("f")
	f.order(two, muster.ActionDeactivate, "f", nil)
	status := f.awaitOff("f")
	f.once(status)
	return count.Load() >= int64(n)
}

func isFeature(path string) bool { return strings.HasPrefix(path, root+"/features/") }

// once checks that everything was done once and recorded once.
func (f *fleet) once(status muster.Status) {
	f.t.Helper()
	if status.Epoch != 4 {
		f.t.Errorf("got epoch %d, want 4: off, accept, on, accept, off", status.Epoch)
	}
	got := f.history("f")
	slices.Sort(got)
	want := []string{
		"activate off-off open", "adopt off-off open", "apply off-off open", "deactivate on-on closed", "gate off-off open",
		"move accept-off closed", "move accept-on closed", "move off-accept closed", "move on-accept closed",
	}
	if diff := cmp.Diff(got, want); diff != "" {
		f.t.Errorf("history (-got +want):\n%s", diff)
	}
	records, err := f.store.History(f.t.Context(), store.HistoryQuery{Feature: "f"})
	if err != nil {
		f.t.Fatal(err)
	}
	seen := make(map[string]bool)
	for _, r := range records {
		if seen[r.Operation] {
			f.t.Errorf("operation %s was recorded twice", r.Operation)
		}
		seen[r.Operation] = true
	}
}

// Case 13: a leader that was stopped and does not know that its session is over
// goes on where it was. Another has done its work meanwhile.
func TestLeaderComesBackFromTheDead(t *testing.T) {
	t.Parallel()
	inFleet(t, func(t *testing.T, f *fleet) {
		one, two := f.agent("one"), f.agent("two")
		f.join("svc", "a", "2.0.0")
		leader := one.current.zk.ID()
		heal := f.server.Faults().Silence(func(c zkserver.Client) bool { return c.Session == leader })
		f.start(two, featureSpec("f", map[string]string{"svc": ">=2.0.0"}))
		f.awaitOn("f")
		if name, self := one.mirror.Leader(); name != "one" || !self {
			t.Errorf("got leader %q, %t: the test is to have two that believe it", name, self)
		}
		heal()
		f.until("one follows", one.mirror.Changed, func() bool {
			name, self := one.mirror.Leader()
			return name == "two" && !self && one.mirror.Ready() == nil
		})
		f.order(one, muster.ActionDeactivate, "f", nil)
		f.once(f.awaitOff("f"))
	})
}

// Case 27: no agent ends because ZooKeeper is away, and all goes on when it is
// back (G7).
func TestZooKeeperIsAway(t *testing.T) {
	t.Parallel()
	inFleet(t, func(t *testing.T, f *fleet) {
		one := f.agent("one")
		f.join("svc", "a", "2.0.0")
		f.start(one, featureSpec("f", map[string]string{"svc": ">=2.0.0"}))
		f.awaitOn("f")
		f.until("it is seen", one.mirror.Changed, func() bool {
			feature, _ := one.mirror.Feature("f")
			return feature.Status.Stage == muster.On
		})
		one.network.setCut(true)
		time.Sleep(10 * time.Minute)
		select {
		case <-one.done:
			t.Fatal("the agent gave up")
		default:
		}
		if one.mirror.Ready() == nil {
			t.Error("is ready without ZooKeeper")
		}
		if feature, ok := one.mirror.Feature("f"); !ok || feature.Status.Stage != muster.On {
			t.Errorf("got %+v, %t, want what was last known", feature, ok)
		}
		one.network.setCut(false)
		f.order(one, muster.ActionDeactivate, "f", nil)
		f.awaitOff("f")
	})
}

// An agent whose node in the election was removed by hand takes another.
func TestOwnNodeIsGone(t *testing.T) {
	t.Parallel()
	inFleet(t, func(t *testing.T, f *fleet) {
		one := f.agent("one")
		_, node, err := one.Agent.store()
		if err != nil {
			t.Fatal(err)
		}
		if err := f.remove(root + "/agents/" + node); err != nil {
			t.Fatal(err)
		}
		f.join("svc", "a", "2.0.0")
		f.start(one, featureSpec("f", map[string]string{"svc": ">=2.0.0"}))
		f.awaitOn("f")
	})
}

// What only grows is trimmed by the leader: old records, and specs that nothing
// refers to.
func TestHousekeeping(t *testing.T) {
	t.Parallel()
	inFleet(t, func(t *testing.T, f *fleet) {
		one := f.agent("one", func(c *Config) { c.HistoryKeep = 3 })
		f.join("svc", "a", "2.0.0")
		for n := range 3 {
			f.order(one, muster.ActionApply, "f", featureSpec("f", map[string]string{"svc": fmt.Sprintf(">=%d.0.0", n)}))
			f.await("f", "is adopted", func(s muster.Status) bool { return s.Spec == int64(n+1) })
		}
		time.Sleep(2 * housekeeping)
		if got := f.history(""); len(got) != 3 {
			t.Errorf("got %d records, want the newest 3", len(got))
		}
		specs, _, err := f.zk.Children(t.Context(), root+"/features/f/specs")
		if err != nil || !slices.Equal(specs, []string{"3"}) {
			t.Errorf("got specs %v, %v; want that in force", specs, err)
		}
	})
}
