package plan_test

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/internal/plan"
)

// What is needed is (syncLimit + 1) × tick + request interval + lease − session
// timeout + drift; the request interval is 0.275 + 2/3 of the session timeout,
// the drift half a second and a hundredth of all but the session timeout. It is
// rounded up to tenths of a second.
func TestQuarantineNeeded(t *testing.T) {
	t.Parallel()
	usual := plan.Settings{Tick: 2 * time.Second, SyncLimit: 5}
	quick := plan.Settings{Tick: 500 * time.Millisecond, SyncLimit: 4}
	alone := plan.Settings{Tick: 2 * time.Second, Alone: true}
	tests := []struct {
		name           string
		servers        []plan.Settings
		lease, session time.Duration
		want           time.Duration
	}{
		{"nothing is known", nil, 0, 0, 12*time.Second + 7533*time.Millisecond + 4*time.Second + 500*time.Millisecond + 315*time.Millisecond},
		{"the defaults, said", []plan.Settings{usual}, 12 * time.Second, 8 * time.Second, 24349 * time.Millisecond},
		{"the slowest server counts", []plan.Settings{quick, usual, quick}, 12 * time.Second, 8 * time.Second, 24349 * time.Millisecond},
		{"a quick ensemble", []plan.Settings{quick, quick, quick}, 12 * time.Second, 8 * time.Second, 2500*time.Millisecond + 7533*time.Millisecond + 4*time.Second + 720*time.Millisecond},
		{"a single server does not lag", []plan.Settings{alone}, 12 * time.Second, 8 * time.Second, 7533*time.Millisecond + 4*time.Second + 695*time.Millisecond},
		{"a long lease", []plan.Settings{usual}, time.Minute, 8 * time.Second, 12*time.Second + 7533*time.Millisecond + 52*time.Second + 1295*time.Millisecond},
		{"a lease shorter than the session", []plan.Settings{alone}, 4 * time.Second, 8 * time.Second, 7533*time.Millisecond - 4*time.Second + 615*time.Millisecond},
		{"granted less than was asked for", []plan.Settings{usual}, 90 * time.Second, 60 * time.Second, 12*time.Second + 56500*time.Millisecond + 50*time.Second + 2085*time.Millisecond},
		{"one server grants less", []plan.Settings{usual, {Tick: 2 * time.Second, SyncLimit: 5, MaxSession: 6 * time.Second}}, 12 * time.Second, 8 * time.Second, 26349 * time.Millisecond},
		{"the session is said, the lease is not", []plan.Settings{alone}, 0, 20 * time.Second, 18833*time.Millisecond + 10*time.Second + 988*time.Millisecond},
		{"the lease is said, the session is not", []plan.Settings{alone}, time.Hour, 0, 7533*time.Millisecond + time.Hour - 8*time.Second + 36575*time.Millisecond},
	}
	for _, tt := range tests {
		got := plan.Quarantine{Servers: tt.servers}.Needed(muster.Instance{Lease: tt.lease, SessionTimeout: tt.session})
		if d := got - tt.want; d < -time.Millisecond || d > 101*time.Millisecond || got%(100*time.Millisecond) != 0 {
			t.Errorf("%s: got %s, want %s", tt.name, got, tt.want)
		}
	}
}

// G4: however the clocks run, within what is assumed of them, nobody is given up
// while it may go on. The story is the worst there is: the leader heard of the
// session just before a heartbeat, the follower is cut off then, goes on for as
// long as it may, stands still as long as a client bears it, and answers once
// more.
func TestQuarantineOutlastsTheLease(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		ms := func(name string, from, to int) time.Duration {
			return time.Duration(rapid.IntRange(from, to).Draw(t, name)) * time.Millisecond
		}
		session := ms("session", 1000, 60_000)
		inst := muster.Instance{SessionTimeout: session, Lease: session/2 + ms("lease", 0, 120_000)}
		server := plan.Settings{Tick: ms("tick", 100, 5000), SyncLimit: rapid.IntRange(1, 20).Draw(t, "syncLimit"), MaxSession: time.Hour}
		slow, fast := 1.005, 0.995
		real := func(d time.Duration, rate float64) time.Duration { return time.Duration(float64(d) * rate) }

		cut := real(session/4+session/40, slow) // after what the leader heard last
		proof := cut + real(server.Lag(), slow) + real(session*2/3, slow)
		fenced := proof + real(inst.Lease, slow)
		vanished := real(session, fast)
		reaped := vanished + real(plan.Quarantine{Servers: []plan.Settings{server}}.Needed(inst), fast)
		if reaped < fenced {
			t.Fatalf("given up at %s, and fenced at %s", reaped, fenced)
		}
	})
}

func TestQuarantineGrowsWithWhatItDependsOn(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := rapid.Map(rapid.Int64Range(0, int64(muster.MaxLease)), func(n int64) time.Duration { return time.Duration(n) })
		inst := muster.Instance{Lease: d.Draw(t, "lease"), SessionTimeout: d.Draw(t, "session")}
		servers := []plan.Settings{{Tick: d.Draw(t, "tick"), SyncLimit: rapid.IntRange(0, 100).Draw(t, "syncLimit"), MaxSession: d.Draw(t, "max")}}
		q := plan.Quarantine{Servers: servers}
		needed := q.Needed(inst)
		if needed <= 0 || q.Of(inst) != needed {
			t.Fatalf("needs %s, has %s", needed, q.Of(inst))
		}
		fixed := plan.Quarantine{Fixed: 1 + d.Draw(t, "fixed"), Servers: servers}
		if fixed.Of(inst) != fixed.Fixed || fixed.Needed(inst) != needed {
			t.Fatalf("fixed at %s: has %s, needs %s", fixed.Fixed, fixed.Of(inst), fixed.Needed(inst))
		}
		if inst.Lease > 0 {
			longer := inst
			longer.Lease += 1 + d.Draw(t, "more")
			if q.Needed(longer) < needed {
				t.Fatalf("a lease of %s needs %s, one of %s needs %s", inst.Lease, needed, longer.Lease, q.Needed(longer))
			}
		}
		more := plan.Quarantine{Servers: append(servers, plan.Settings{Tick: d.Draw(t, "other tick"), MaxSession: d.Draw(t, "other max")})}
		if more.Needed(inst) < needed {
			t.Fatalf("with another server it needs %s, and %s without", more.Needed(inst), needed)
		}
	})
}

// Members of one service have quarantines of their own, and status tells when
// each ends, however long that is.
func TestReapEachInItsTime(t *testing.T) {
	t.Parallel()
	f := newFleet(muster.Accept, muster.GateClosed, muster.On).ready().member("a", "a2", "2.0.0").member("a", "a3", "2.0.0").
		member("a", "usual", "2.0.0", gone).
		member("a", "patient", "2.0.0", gone, func(m *muster.Member) { m.Instance.Lease = muster.MaxLease })
	q := f.Quarantine
	svc := f.Services["a"]
	usual, patient := svc.Members[3], svc.Members[4]
	end := usual.Vanished.Add(q.Of(usual.Instance))

	if due, wake := plan.Reap(svc, false, end.Add(-time.Nanosecond), q); len(due) != 0 || !wake.Equal(end) {
		t.Errorf("before any end: got %v, wake %v", due, wake)
	}
	due, wake := plan.Reap(svc, false, end, q)
	if len(due) != 1 || due[0].Instance.ID != "usual" || !wake.Equal(patient.Vanished.Add(q.Of(patient.Instance))) {
		t.Errorf("at the first end: got %v, wake %v", due, wake)
	}
	if due, _ := plan.Reap(svc, false, now.Add(2*muster.MaxLease), q); len(due) != 2 {
		t.Errorf("at last: got %v, want both", due)
	}
	for i, b := range plan.Next(f.State).Waiting {
		m := []muster.Member{patient, usual}[i]
		if b.Instance != m.Instance.ID || !b.Until.Equal(m.Vanished.Add(q.Of(m.Instance))) || !strings.Contains(b.Detail, q.Of(m.Instance).String()) {
			t.Errorf("blocker of %s: got %+v", m.Instance.ID, b)
		}
	}
}

// Whoever is not given up by itself is not said to be, and the way out is named.
func TestVanishedWithoutEndNameTheWayOut(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]*fleet{
		"to be confirmed": newFleet(muster.Accept, muster.GateClosed, muster.On).ready().member("a", "a2", "2.0.0", gone).
			with(func(s *plan.State) { s.Spec.Vanished = muster.Confirm }),
		"half the roster": newFleet(muster.Accept, muster.GateClosed, muster.On).ready().
			member("a", "a2", "2.0.0").member("a", "a3", "2.0.0", gone).member("a", "a4", "2.0.0", gone),
	} {
		seen := 0
		for _, b := range plan.Next(f.State).Waiting {
			if b.Instance == "" {
				continue
			}
			seen++
			if !b.Until.IsZero() || !strings.Contains(b.Detail, "muster instance decommission a/"+b.Instance) {
				t.Errorf("%s: got %+v", name, b)
			}
		}
		if seen == 0 {
			t.Errorf("%s: no vanished member is named", name)
		}
	}
}
