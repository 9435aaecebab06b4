package agent

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/internal/zkserver"
)

// Case 14: registrations without end do not keep a feature from going on. The
// leader's way to the server is slow, so that the roster has always moved.
func TestRegistrationsWithoutEnd(t *testing.T) {
	t.Parallel()
	inFleet(t, func(t *testing.T, f *fleet) {
		one := f.agent("one")
		f.join("svc", "first", "2.0.0")
		leader := one.current.zk.ID()
		f.server.Faults().Delay(5*time.Millisecond, func(c zkserver.Client) bool { return c.Session == leader })

		ctx, stop := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for storm := range 10 {
			i := f.instance("svc", "x", "2.0.0")
			wg.Go(func() {
				for n := 0; ctx.Err() == nil; n++ {
					inst := i.Instance
					inst.ID, inst.Incarnation = fmt.Sprintf("s%d-%d", storm, n), fmt.Sprintf("%08d", n)
					born := func(s muster.Sheet) muster.Ack { return muster.Ack{Revision: s.Revision, Applied: s.Revision} }
					if _, err := i.store.Join(ctx, inst, born); err != nil && ctx.Err() == nil {
						t.Error(err)
					}
					_ = sleep(ctx, 100*time.Millisecond)
					if err := i.store.Leave(ctx, inst); err != nil && ctx.Err() == nil {
						t.Error(err)
					}
				}
			})
		}
		began := time.Now()
		f.start(one, featureSpec("f", map[string]string{"svc": ">=2.0.0"}))
		f.await("f", "is at accept", func(s muster.Status) bool { return s.Stage >= muster.Accept })
		took := time.Since(began)
		stop()
		wg.Wait()
		if took > 20*time.Second {
			t.Errorf("took %s", took)
		}
		if !slices.Contains(f.history("f"), "gate off-off closed") {
			t.Errorf("the gate was not closed first; the test is to make registrations get in the way:\n%s", strings.Join(f.history("f"), "\n"))
		}
	})
}

// Case 15: half a roster that vanishes at once is a network or a
// configuration; nothing moves and nobody is given up until it is explained.
func TestHalfTheRosterVanishes(t *testing.T) {
	t.Parallel()
	inFleet(t, func(t *testing.T, f *fleet) {
		one := f.agent("one")
		var members []*instance
		for n := range 6 {
			members = append(members, f.join("svc", fmt.Sprint(n), "2.0.0"))
		}
		for _, m := range members[:3] {
			m.vanish()
		}
		f.start(one, featureSpec("f", map[string]string{"svc": ">=2.0.0"}))
		f.awaitBlocked(one, "f", "ROSTER_SHRUNK svc/")
		time.Sleep(10 * time.Minute)
		f.awaitBlocked(one, "f", "ROSTER_SHRUNK svc/")
		if svc, _ := one.mirror.Service("svc"); len(svc.Members) != 6 {
			t.Errorf("got %d members, want all 6", len(svc.Members))
		}
		f.join("svc", "another", "2.0.0") // now fewer than half are gone
		f.awaitOn("f")
		f.until("the vanished are reaped", one.mirror.Changed, func() bool {
			svc, _ := one.mirror.Service("svc")
			return len(svc.Members) == 4
		})
		if got := f.history(""); !slices.Contains(got, "reap svc/0") {
			t.Errorf("no record of a reap in %q", got)
		}
	})
}

// Case 24: a crash at any stage delays by at most the quarantine and a look of
// the reaper.
func TestCrashAtEachStage(t *testing.T) {
	t.Parallel()
	const slack = 2 * time.Second
	for name, crash := range map[string]struct {
		before func(f *fleet, p *process) // brings the feature to where the crash happens
		after  func(f *fleet, p *process)
	}{
		"off": {
			func(*fleet, *process) {},
			func(f *fleet, p *process) {
				f.start(p, featureSpec("f", map[string]string{"svc": ">=2.0.0"}))
				f.awaitOn("f")
			},
		},
		"accept, on the way up": {
			func(f *fleet, p *process) {
				f.start(p, featureSpec("f", map[string]string{"svc": ">=2.0.0"}))
				f.await("f", "is at accept", func(s muster.Status) bool { return s.Stage == muster.Accept })
			},
			func(f *fleet, _ *process) { f.awaitOn("f") },
		},
		"accept, on the way down": {
			func(f *fleet, p *process) {
				f.start(p, featureSpec("f", map[string]string{"svc": ">=2.0.0"}))
				f.await("f", "is at accept", func(s muster.Status) bool { return s.Stage == muster.Accept })
				f.order(p, muster.ActionDeactivate, "f", nil)
			},
			func(f *fleet, _ *process) { f.awaitOff("f") },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inFleet(t, func(t *testing.T, f *fleet) {
				one := f.agent("one")
				for n := range 3 {
					f.join("svc", fmt.Sprint(n), "2.0.0")
				}
				version := "2.0.0"
				if name == "off" {
					version = "1.0.0" // it is in the way at off as well
				}
				mute := f.join("svc", "mute", version)
				mute.setSilent(true)
				crash.before(f, one)
				began := time.Now()
				mute.vanish()
				crash.after(f, one)
				took := time.Since(began)
				if quarantine := one.cfg.Quarantine; took < quarantine || took > quarantine+slack {
					t.Errorf("took %s, want the quarantine, %s, and little more", took, quarantine)
				}
			})
		})
	}
}

// Case 24, again and again: an instance that crashes and returns faster than
// quarantines end was born in the epoch each time, and holds nothing up.
func TestCrashLoopStarvesNobody(t *testing.T) {
	t.Parallel()
	inFleet(t, func(t *testing.T, f *fleet) {
		one := f.agent("one")
		for n := range 8 {
			f.join("svc", fmt.Sprint(n), "2.0.0")
		}
		mute := f.join("svc", "mute", "2.0.0")
		mute.setSilent(true)
		f.start(one, featureSpec("f", map[string]string{"svc": ">=2.0.0"}))
		f.await("f", "is at accept", func(s muster.Status) bool { return s.Stage == muster.Accept })
		for range 3 {
			f.join("svc", "loop", "2.0.0").vanish()
		}
		began := time.Now()
		mute.setSilent(false)
		f.awaitOn("f")
		if took := time.Since(began); took >= one.cfg.Quarantine {
			t.Errorf("took %s, as long as the quarantine, %s, of who was born at accept", took, one.cfg.Quarantine)
		}
		if svc, _ := one.mirror.Service("svc"); len(svc.Members) != 12 {
			t.Errorf("got %d members, want the 9 that live and the 3 that crashed", len(svc.Members))
		}
	})
}

// The agent that observed the absence is gone: the next counts from the
// beginning, because it saw nothing.
func TestQuarantineStartsAnewWithAnotherAgent(t *testing.T) {
	t.Parallel()
	inFleet(t, func(t *testing.T, f *fleet) {
		one := f.agent("one")
		f.join("svc", "a", "2.0.0")
		gone := f.join("svc", "b", "2.0.0")
		gone.vanish()
		time.Sleep(10 * time.Second)
		two := f.agent("two")
		began := time.Now()
		one.stop()
		f.until("b is reaped", two.mirror.Changed, func() bool {
			svc, _ := two.mirror.Service("svc")
			return len(svc.Members) == 1
		})
		if took := time.Since(began); took < two.cfg.Quarantine-time.Second {
			t.Errorf("took %s, want a quarantine, %s", took, two.cfg.Quarantine)
		}
	})
}

// A member that returns within its quarantine is not reaped, and its next
// absence is another one.
func TestReturnWithinQuarantine(t *testing.T) {
	t.Parallel()
	inFleet(t, func(t *testing.T, f *fleet) {
		one := f.agent("one")
		f.join("svc", "a", "2.0.0")
		m := f.join("svc", "b", "2.0.0")
		for range 3 {
			m.vanish()
			time.Sleep(one.cfg.Quarantine - time.Second)
			m.zk, m.store = f.session(new(network))
			if err := m.join(); err != nil {
				t.Fatal(err)
			}
		}
		m.vanish()
		time.Sleep(one.cfg.Quarantine - time.Second)
		if svc, _ := one.mirror.Service("svc"); len(svc.Members) != 2 {
			t.Errorf("got %d members, want 2: it was never gone for so long", len(svc.Members))
		}
		f.until("b is reaped", one.mirror.Changed, func() bool {
			svc, _ := one.mirror.Service("svc")
			return len(svc.Members) == 1
		})
	})
}

// With vanished: confirm nobody is given up while the feature needs them.
func TestVanishedIsToBeConfirmed(t *testing.T) {
	t.Parallel()
	inFleet(t, func(t *testing.T, f *fleet) {
		one := f.agent("one")
		f.join("svc", "a", "2.0.0")
		mute := f.join("svc", "mute", "2.0.0")
		mute.setSilent(true)
		f.start(one, featureSpec("f", map[string]string{"svc": ">=2.0.0"}, func(s *muster.Spec) { s.Vanished = muster.Confirm }))
		f.awaitBlocked(one, "f", "NOT_ACKED svc/mute")
		mute.vanish()
		f.awaitBlocked(one, "f", "UNCONFIRMED svc/mute")
		time.Sleep(10 * time.Minute)
		f.awaitBlocked(one, "f", "UNCONFIRMED svc/mute")

		st, node, err := one.Agent.store()
		if err != nil {
			t.Fatal(err)
		}
		svc, _ := one.mirror.Service("svc")
		for _, m := range svc.Members {
			if !m.Live {
				err := st.Decommission(t.Context(), node, "svc", m, muster.Record{Time: time.Now(), Action: muster.ActionDecommission, By: "ann", Operation: operation()})
				if err != nil {
					t.Fatal(err)
				}
			}
		}
		f.awaitOn("f")
	})
}

// Case 23: a kill at any point of the way up. Leaving on needs nobody; off
// still waits for acks.
func TestKillDuringAnyStep(t *testing.T) {
	t.Parallel()
	for _, at := range []muster.Stage{muster.Off, muster.Accept, muster.On} {
		t.Run(at.String(), func(t *testing.T) {
			t.Parallel()
			inFleet(t, func(t *testing.T, f *fleet) {
				one := f.agent("one")
				f.join("svc", "a", "2.0.0")
				mute := f.join("svc", "mute", "2.0.0")
				mute.setSilent(at == muster.Accept)
				f.order(one, muster.ActionApply, "f", featureSpec("f", map[string]string{"svc": ">=2.0.0"}))
				if at > muster.Off {
					f.order(one, muster.ActionActivate, "f", nil)
					f.await("f", "is at "+at.String(), func(s muster.Status) bool { return s.Stage == at })
				}
				mute.setSilent(true)
				began := time.Now()
				f.order(one, muster.ActionKill, "f", nil)
				if at > muster.Off {
					f.await("f", "is at accept", func(s muster.Status) bool { return s.Stage == muster.Accept && s.Desired == muster.Off })
					if took := time.Since(began); took > 100*time.Millisecond {
						t.Errorf("took %s to leave on", took)
					}
					f.awaitBlocked(one, "f", "NOT_ACKED svc/mute")
				}
				mute.setSilent(false)
				f.awaitOff("f")
			})
		})
	}
}
