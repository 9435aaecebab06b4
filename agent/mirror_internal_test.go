package agent

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/internal/plan"
	"github.com/musterhq/muster/internal/store"
)

var epoch = time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)

func spec(mutate ...func(*muster.Spec)) *muster.Spec {
	s := muster.Spec{
		Feature: "f", Revision: 1,
		Participants: map[string]muster.Participant{"svc": {Version: muster.MustConstraint(">=2.0.0")}},
	}.WithDefaults()
	for _, m := range mutate {
		m(&s)
	}
	return &s
}

func member(id, version string, revision int32) muster.Member {
	return muster.Member{
		Instance: muster.Instance{Service: "svc", ID: id, Incarnation: "abcdef", Version: version},
		Live:     true, Ack: muster.Ack{Revision: revision, Applied: revision},
	}
}

// standing returns a feature and its one service as they are at a stage.
func standing(stage, desired muster.Stage, members ...muster.Member) (*store.FeatureNode, *muster.Service) {
	gate := muster.Gate(stage != muster.Off)
	node := &store.FeatureNode{
		Status: muster.Status{Feature: "f", Stage: stage, Desired: desired, Epoch: 3, Gate: gate, Spec: 1, DesiredSpec: 1, Since: epoch},
		Spec:   spec(),
	}
	svc := &muster.Service{
		Members: members,
		Sheet: muster.Sheet{Service: "svc", Revision: 7, Features: map[string]muster.Entry{"f": {
			Stage: stage, Epoch: 3, Since: 7, Spec: 1, Gate: gate,
			Constraint: muster.MustConstraint(">=2.0.0"), OnDisconnect: muster.FallToAccept,
		}}},
	}
	return node, svc
}

func reasons(f muster.Feature) []string {
	var rs []string
	for _, b := range f.Blockers {
		rs = append(rs, fmt.Sprintf("%s %s/%s", b.Reason, b.Service, b.Instance))
	}
	return rs
}

func TestMirrorNamesWhatAFeatureWaitsFor(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		set  func(m *mirror)
		want []string
	}{
		"a member that has not acked": {func(m *mirror) {
			node, svc := standing(muster.Accept, muster.On, member("a", "2.0.0", 7), member("b", "2.0.0", 6))
			m.setFeature("f", node)
			m.setService("svc", svc)
		}, []string{"NOT_ACKED svc/b"}},
		"an old instance at the gate": {func(m *mirror) {
			node, svc := standing(muster.On, muster.On, member("a", "2.0.0", 7))
			svc.Knocks = []muster.Knock{{Instance: member("old", "1.0.0", 0).Instance}, {Instance: member("new", "2.0.0", 0).Instance}}
			m.setFeature("f", node)
			m.setService("svc", svc)
		}, []string{"OLD_INSTANCE_OUT svc/old"}},
		"nobody leads": {func(m *mirror) {
			node, svc := standing(muster.On, muster.Off, member("a", "2.0.0", 7))
			m.setFeature("f", node)
			m.setService("svc", svc)
			m.setLeader("", false)
		}, []string{"NO_LEADER /"}},
		"nobody leads, and nothing is wanted": {func(m *mirror) {
			node, svc := standing(muster.On, muster.On, member("a", "2.0.0", 7))
			m.setFeature("f", node)
			m.setService("svc", svc)
			m.setLeader("", false)
		}, nil},
		"a service that was not read yet": {func(m *mirror) {
			node, _ := standing(muster.Accept, muster.On)
			m.setFeature("f", node)
		}, []string{"UNREADABLE svc/"}},
		"a status that cannot be read": {func(m *mirror) {
			m.setFeature("f", &store.FeatureNode{Problem: "/muster/features/f: cannot be read"})
		}, []string{"UNREADABLE /"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMirror()
			m.setLeader("one", false)
			tc.set(m)
			for range 2 { // the second is answered from what was judged before
				f, ok := m.Feature("f")
				if !ok || f.Status.Feature != "f" {
					t.Fatalf("got %+v, %t", f, ok)
				}
				if diff := cmp.Diff(reasons(f), tc.want); diff != "" {
					t.Errorf("blockers (-got +want):\n%s", diff)
				}
			}
		})
	}
}

func TestMirrorJudgesAgainWhatChanged(t *testing.T) {
	t.Parallel()
	m := newMirror()
	m.setLeader("one", true)
	node, svc := standing(muster.Accept, muster.On, member("a", "2.0.0", 6))
	m.setFeature("f", node)
	m.setService("svc", svc)
	if f, _ := m.Feature("f"); len(f.Blockers) != 1 {
		t.Fatalf("got %v, want one blocker", f.Blockers)
	}
	changed := m.Changed()
	_, acked := standing(muster.Accept, muster.On, member("a", "2.0.0", 7))
	m.setService("svc", acked)
	select {
	case <-changed:
	default:
		t.Error("nobody was told")
	}
	if f, _ := m.Feature("f"); len(f.Blockers) != 0 {
		t.Errorf("got %v, want none", f.Blockers)
	}
}

func TestMirrorShowsWhatIsThere(t *testing.T) {
	t.Parallel()
	m := newMirror()
	if err := m.Ready(); !errors.Is(err, errAway) {
		t.Errorf("ready before there is a session: %v", err)
	}
	node, svc := standing(muster.Off, muster.Off)
	deleted := &store.FeatureNode{Status: muster.Status{Feature: "gone", Deleted: true}}
	m.setFeature("f", node)
	m.setFeature("gone", deleted)
	m.setService("svc", svc)
	m.setService("named", &muster.Service{Sheet: muster.Sheet{Service: "named", Revision: -1}})
	var got []string
	for _, f := range m.Features() {
		got = append(got, f.Status.Feature)
	}
	for _, s := range m.Services() {
		got = append(got, s.Sheet.Service)
	}
	if diff := cmp.Diff(got, []string{"f", "svc"}); diff != "" {
		t.Errorf("(-got +want):\n%s", diff)
	}
	m.setFeature("f", nil)
	if f, ok := m.Feature("f"); ok {
		t.Errorf("got %+v for a feature that is gone", f)
	}
}

func TestMirrorConfirming(t *testing.T) {
	t.Parallel()
	confirm := spec(func(s *muster.Spec) { s.Vanished = muster.Confirm })
	for name, tc := range map[string]struct {
		status     muster.Status
		spec, next *muster.Spec
		want       bool
	}{
		"at rest at off":        {muster.Status{}, confirm, nil, false},
		"on":                    {muster.Status{Stage: muster.On, Desired: muster.On, Gate: muster.GateClosed}, confirm, nil, true},
		"on its way":            {muster.Status{Desired: muster.On}, confirm, nil, true},
		"off, not open yet":     {muster.Status{Gate: muster.GateClosed}, confirm, nil, true},
		"another policy":        {muster.Status{Stage: muster.On, Desired: muster.On}, spec(), nil, false},
		"to come":               {muster.Status{Stage: muster.On, Desired: muster.On, DesiredSpec: 1}, spec(), confirm, true},
		"a tombstone of itself": {muster.Status{Stage: muster.On, Deleted: true}, confirm, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMirror()
			m.setFeature("f", &store.FeatureNode{Status: tc.status, Spec: tc.spec, Next: tc.next})
			if got := m.confirming()["svc"]; got != tc.want {
				t.Errorf("got %t, want %t", got, tc.want)
			}
		})
	}
}

// To reach: 10 ms for 10,000 members.
func BenchmarkPlan(b *testing.B) {
	for _, n := range []int{1_000, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			members := make([]muster.Member, n)
			for i := range members {
				members[i] = member(fmt.Sprintf("instance-%05d", i), fmt.Sprintf("2.%d.0", i%5), int32(6+i%2))
			}
			node, svc := standing(muster.Accept, muster.On, members...)
			in := inputs{feature: node, services: map[string]*muster.Service{"svc": svc}}
			b.ReportAllocs()
			for b.Loop() {
				if step := plan.Next(in.state(epoch)); step.Move != nil || len(step.Waiting) == 0 {
					b.Fatal("half of the members have not acked")
				}
			}
		})
	}
}
