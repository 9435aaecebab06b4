package plan_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/internal/plan"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// A fleet builds states for the tables below: one feature, f, and its world.
type fleet struct{ plan.State }

// newFleet is a feature that needs a and b at >=2.0.0, at the given stage and
// gate, with both sheets in agreement and nobody there.
func newFleet(stage muster.Stage, gate muster.Gate, desired muster.Stage) *fleet {
	spec := muster.Spec{Feature: "f", Revision: 1, Participants: map[string]muster.Participant{
		"a": {Version: muster.MustConstraint(">=2.0.0")},
		"b": {Version: muster.MustConstraint(">=2.0.0")},
	}}.WithDefaults()
	f := &fleet{plan.State{
		Now: now, Version: 7, Spec: &spec, Agent: "x", Operation: "op",
		Status: muster.Status{
			Feature: "f", Desired: desired, Stage: stage, Epoch: 3, Gate: gate,
			Spec: 1, DesiredSpec: 1, Since: now.Add(-time.Minute), Changed: now.Add(-time.Hour),
		},
		Services: map[string]muster.Service{},
	}}
	for _, name := range spec.Services() {
		f.Services[name] = muster.Service{Roster: 40, Sheet: muster.Sheet{Service: name, Revision: 10, Features: map[string]muster.Entry{
			"f": {
				Stage: stage, Epoch: 3, Since: 9, Spec: 1, Gate: gate,
				Constraint: spec.Participants[name].Version, OnDisconnect: muster.FallToAccept,
			},
		}}}
	}
	return f
}

// member adds a live member that has acked everything.
func (f *fleet) member(service, id, version string, change ...func(*muster.Member)) *fleet {
	m := muster.Member{
		Instance: muster.Instance{Service: service, ID: id, Incarnation: "abcdef", Version: version, Started: now.Add(-time.Hour)},
		Live:     true, Ack: muster.Ack{Revision: 10, Applied: 10},
	}
	for _, c := range change {
		c(&m)
	}
	svc := f.Services[service]
	svc.Members = append(svc.Members, m)
	f.Services[service] = svc
	return f
}

// ready adds one ready member to each service.
func (f *fleet) ready() *fleet { return f.member("a", "a1", "2.0.0").member("b", "b1", "2.1.0") }

func behind(m *muster.Member) { m.Ack = muster.Ack{Revision: 8, Applied: 8} }
func draining(m *muster.Member) {
	m.Ack = muster.Ack{Revision: 8, Applied: 10, Draining: 2, Oldest: now.Add(-30 * time.Second)}
}

func born(revision int32) func(*muster.Member) {
	return func(m *muster.Member) { m.Born = revision }
}
func gone(m *muster.Member) { m.Live, m.Vanished = false, now.Add(-time.Second) }

func (f *fleet) with(change func(*plan.State)) *fleet {
	change(&f.State)
	return f
}

func (f *fleet) service(name string, change func(*muster.Service)) *fleet {
	svc := f.Services[name]
	change(&svc)
	f.Services[name] = svc
	return f
}

// show writes a step in a line or a few: what would be moved, or what is
// waited for.
func show(s plan.Step) string {
	var b strings.Builder
	if m := s.Move; m != nil {
		b.WriteString(string(m.Record.Action) + " " + m.Status.Stage.String() + " gate " + m.Status.Gate.String())
		if len(m.Rosters) > 0 {
			b.WriteString(", rosters checked")
		}
		if m.Status.Desired != m.Record.To && m.Record.Action == muster.ActionRollBack {
			b.WriteString(", desired " + m.Status.Desired.String())
		}
		if m.Status.Deleted {
			b.WriteString(", deleted")
		}
		return b.String()
	}
	for i, w := range s.Waiting {
		if i > 0 {
			b.WriteString("; ")
		}
		b.WriteString(string(w.Reason))
		if w.Service != "" {
			b.WriteString(" " + w.Service)
		}
		if w.Instance != "" {
			b.WriteString("/" + w.Instance)
		}
	}
	if b.Len() == 0 {
		return "nothing"
	}
	return b.String()
}

func TestNext(t *testing.T) {
	t.Parallel()
	const open, closed = muster.GateOpen, muster.GateClosed
	newer := func(s *plan.State) { // revision 2 takes service c in
		next := muster.Spec{Feature: "f", Revision: 2, Participants: map[string]muster.Participant{
			"a": {Version: muster.MustConstraint(">=2.0.0")},
			"b": {Version: muster.MustConstraint(">=2.0.0")},
			"c": {Version: muster.MustConstraint(">=2.0.0")},
		}}.WithDefaults()
		s.Next, s.Status.DesiredSpec = &next, 2
		s.Services["c"] = muster.Service{Sheet: muster.Sheet{Service: "c", Revision: 4}}
	}
	policies := func(s *plan.State) { // revision 2 changes nobody's terms
		next := *s.Spec
		next.Revision, next.OnDisconnect = 2, muster.Stop
		s.Next, s.Status.DesiredSpec = &next, 2
	}
	rollback := func(s *plan.State) { s.Spec.OldInstance = muster.RollBack }
	knock := func(svc *muster.Service) {
		svc.Knocks = []muster.Knock{{Instance: muster.Instance{Service: "a", ID: "old", Version: "1.0.0"}}}
	}
	garbage := func(svc *muster.Service) { svc.Problem = "/muster/services/a: not JSON" }
	first := func(s *plan.State) {
		next := *s.Spec
		s.Next, s.Spec, s.Status.Spec = &next, nil, 0
	}
	tests := []struct {
		name  string
		fleet *fleet
		want  string
	}{
		{"off and wanted off is rest", newFleet(muster.Off, open, muster.Off), "nothing"},
		{"the first spec comes into force", newFleet(muster.Off, open, muster.Off).with(first), "adopt off gate open"},
		{"nobody there", newFleet(muster.Off, open, muster.On), "NO_INSTANCES a; NO_INSTANCES b"},
		{"everyone ready", newFleet(muster.Off, open, muster.On).ready(), "move accept gate closed, rosters checked"},
		{"one old", newFleet(muster.Off, open, muster.On).ready().member("a", "a2", "1.9.0"), "OLD_VERSION a/a2"},
		{"no version", newFleet(muster.Off, open, muster.On).ready().member("a", "a2", ""), "OLD_VERSION a/a2"},
		{"not a version", newFleet(muster.Off, open, muster.On).ready().member("a", "a2", "banana"), "OLD_VERSION a/a2"},
		{"a pre-release", newFleet(muster.Off, open, muster.On).ready().member("a", "a2", "2.0.0-rc.1"), "OLD_VERSION a/a2"},
		{"old and vanished still counts", newFleet(muster.Off, open, muster.On).ready().member("a", "a2", "1.9.0", gone), "VANISHED a/a2"},
		{"old, vanished, to be confirmed", newFleet(muster.Off, open, muster.On).ready().member("a", "a2", "1.9.0", gone).
			with(func(s *plan.State) { s.Spec.Vanished = muster.Confirm }), "UNCONFIRMED a/a2"},
		{"ready and vanished is not counted as live", newFleet(muster.Off, open, muster.On).member("a", "a1", "2.0.0", gone).member("b", "b1", "2.0.0"), "TOO_FEW_READY a"},
		{"too few", newFleet(muster.Off, open, muster.On).ready().with(func(s *plan.State) {
			s.Spec.Participants["b"] = muster.Participant{Version: muster.MustConstraint(">=2.0.0"), MinInstances: 2}
		}), "TOO_FEW_READY b"},
		{"half the roster vanished", newFleet(muster.Off, open, muster.On).ready().member("a", "a2", "2.0.0").member("a", "a3", "2.0.0", gone).member("a", "a4", "2.0.0", gone), "ROSTER_SHRUNK a"},
		{"contended: the gate first", newFleet(muster.Off, open, muster.On).ready().with(func(s *plan.State) { s.Contended = true }), "gate off gate closed"},
		{"gate closed and ready: no check needed", newFleet(muster.Off, closed, muster.On).ready(), "move accept gate closed"},
		{"gate closed and not ready: opened again", newFleet(muster.Off, closed, muster.On).ready().member("a", "a2", "1.0.0"), "gate off gate open"},
		{"gate stays closed until all acked off", newFleet(muster.Off, closed, muster.Off).ready().member("a", "a2", "2.0.0", behind), "NOT_ACKED a/a2"},
		{"gate opens when all acked off", newFleet(muster.Off, closed, muster.Off).ready(), "gate off gate open"},
		{"on waits for an ack", newFleet(muster.Accept, closed, muster.On).ready().member("b", "b2", "2.0.0", behind), "NOT_ACKED b/b2"},
		{"on waits for what is in flight", newFleet(muster.Accept, closed, muster.On).ready().member("b", "b2", "2.0.0", draining), "DRAINING b/b2"},
		{"on waits for the vanished", newFleet(muster.Accept, closed, muster.On).ready().member("b", "b2", "2.0.0", gone), "VANISHED b/b2"},
		{"on does not wait for one that vanished and was born at accept", newFleet(muster.Accept, closed, muster.On).ready().member("b", "b2", "2.0.0", gone, born(10)), "move on gate closed"},
		{"on waits for one that vanished and was born before", newFleet(muster.Accept, closed, muster.On).ready().member("b", "b2", "2.0.0", gone, born(8)), "VANISHED b/b2"},
		{"what was born says nothing of who lives", newFleet(muster.Accept, closed, muster.On).ready().member("b", "b2", "2.0.0", behind, born(10)), "NOT_ACKED b/b2"},
		{"on when all acked, without roster check", newFleet(muster.Accept, closed, muster.On).ready(), "move on gate closed"},
		{"nobody left at accept", newFleet(muster.Accept, closed, muster.On).member("a", "a1", "2.0.0"), "NO_INSTANCES b"},
		{"on is rest", newFleet(muster.On, closed, muster.On).ready(), "nothing"},
		{"kill needs nobody", newFleet(muster.On, closed, muster.Off).member("a", "a1", "2.0.0", behind), "move accept gate closed"},
		{"off waits for acks of accept", newFleet(muster.Accept, closed, muster.Off).ready().member("a", "a2", "2.0.0", draining), "DRAINING a/a2"},
		{"off, and the gate stays", newFleet(muster.Accept, closed, muster.Off).ready(), "move off gate closed"},
		{"a knock is refused", newFleet(muster.On, closed, muster.On).ready().service("a", knock), "nothing"},
		{"a knock rolls back", newFleet(muster.On, closed, muster.On).ready().service("a", knock).with(rollback), "rollback on gate closed, desired off"},
		{"a knock that is not ours does not", newFleet(muster.Off, open, muster.On).ready().service("a", knock).with(rollback), "move accept gate closed, rosters checked"},
		{"garbage in a sheet blocks", newFleet(muster.Off, open, muster.On).ready().service("a", garbage), "UNREADABLE a"},
		{"garbage does not stop a kill", newFleet(muster.On, closed, muster.Off).ready().service("a", garbage), "move accept gate closed"},
		{"a sheet that disagrees is written", newFleet(muster.On, closed, muster.On).ready().service("a", func(s *muster.Service) { s.Sheet = s.Sheet.Without("f") }), "adopt on gate closed"},
		{"garbage in a sheet is told at rest, too", newFleet(muster.On, closed, muster.On).ready().service("a", garbage), "UNREADABLE a"},
		{"at rest at off as well", newFleet(muster.Off, open, muster.Off).service("b", garbage), "UNREADABLE b"},
		{"confirmed because another feature wants it", newFleet(muster.Accept, closed, muster.On).ready().member("b", "b2", "2.0.0", gone).
			with(func(s *plan.State) { s.Confirm = map[string]bool{"b": true} }), "UNCONFIRMED b/b2"},
		{"a spec with the same terms, at on", newFleet(muster.On, closed, muster.On).ready().with(policies), "adopt on gate closed"},
		{"a participant more, not ready: stays on", newFleet(muster.On, closed, muster.On).ready().with(newer).member("c", "c1", "1.0.0"), "SPEC_PENDING; TOO_FEW_READY c; OLD_VERSION c/c1"},
		{"a participant more, ready: through accept", newFleet(muster.On, closed, muster.On).ready().with(newer).member("c", "c1", "2.0.0"), "move accept gate closed"},
		{"then adopted at accept", newFleet(muster.Accept, closed, muster.On).ready().with(newer).member("c", "c1", "2.0.0"), "adopt accept gate closed, rosters checked"},
		{"a pending spec does not hold up the way down", newFleet(muster.Accept, closed, muster.Off).ready().with(newer), "move off gate closed"},
		{"deleting", newFleet(muster.Off, open, muster.Off).with(func(s *plan.State) { s.Status.Deleting = true }), "remove off gate open, deleted"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, show(plan.Next(tt.fleet.State))); diff != "" {
				t.Errorf("next step (-want +got):\n%s", diff)
			}
		})
	}
}

func TestMoveCarriesWhatItWasDecidedOn(t *testing.T) {
	t.Parallel()
	f := newFleet(muster.Off, muster.GateOpen, muster.On).ready()
	m := plan.Next(f.State).Move
	if m == nil {
		t.Fatal("no move")
	}
	want := &plan.Move{
		Feature: "f", Version: 7,
		Status: muster.Status{
			Feature: "f", Desired: muster.On, Stage: muster.Accept, Epoch: 4, Gate: muster.GateClosed,
			Spec: 1, DesiredSpec: 1, Since: now, Changed: now, Operation: "op",
		},
		Rosters: map[string]int32{"a": 40, "b": 40},
		Sheets:  map[string]muster.Sheet{},
		Record: muster.Record{
			Time: now, Action: muster.ActionMove, Feature: "f", From: muster.Off, To: muster.Accept,
			Gate: muster.GateClosed, Epoch: 4, Spec: 1, By: "agent/x", Operation: "op",
			Evidence: map[string]muster.Evidence{
				"a": {Roster: 40, Revision: 10, Members: 1, Live: 1, Acked: 1, Versions: map[string]int{"2.0.0": 1}, Checked: true},
				"b": {Roster: 40, Revision: 10, Members: 1, Live: 1, Acked: 1, Versions: map[string]int{"2.1.0": 1}, Checked: true},
			},
		},
	}
	for _, name := range []string{"a", "b"} {
		e := f.Services[name].Sheet.Features["f"]
		e.Stage, e.Epoch, e.Since, e.Gate = muster.Accept, 4, 11, muster.GateClosed
		want.Sheets[name] = f.Services[name].Sheet.With("f", e)
	}
	if diff := cmp.Diff(want, m); diff != "" {
		t.Errorf("move (-want +got):\n%s", diff)
	}
}

func TestBlockersAreBounded(t *testing.T) {
	t.Parallel()
	f := newFleet(muster.Off, muster.GateOpen, muster.On).ready()
	for range 10_000 {
		f.member("a", "old", "1.0.0")
	}
	step := plan.Next(f.State)
	if got, want := len(step.Waiting), 101; got != want {
		t.Fatalf("%d blockers, want %d", got, want)
	}
	total := 0
	for _, b := range step.Waiting {
		total += max(1, b.Count)
	}
	if total != 10_000 {
		t.Errorf("the blockers stand for %d instances, want 10000", total)
	}
}

func TestReap(t *testing.T) {
	t.Parallel()
	member := func(id string, since time.Duration) muster.Member {
		return muster.Member{Instance: muster.Instance{ID: id}, Vanished: now.Add(-since)}
	}
	live := muster.Member{Instance: muster.Instance{ID: "live"}, Live: true}
	svc := muster.Service{Members: []muster.Member{live, live, live, member("young", 4*time.Second), member("due", 10*time.Second)}}
	tenSeconds := plan.Quarantine{Fixed: 10 * time.Second}
	due, wake := plan.Reap(svc, false, now, tenSeconds)
	if len(due) != 1 || due[0].Instance.ID != "due" || !wake.Equal(now.Add(6*time.Second)) {
		t.Errorf("reap: got %v, wake %v", due, wake)
	}
	if due, _ := plan.Reap(svc, true, now, tenSeconds); len(due) != 0 {
		t.Errorf("reap while confirmation is wanted: got %v", due)
	}
	svc.Members = svc.Members[1:] // two of four gone
	if due, _ := plan.Reap(svc, false, now, tenSeconds); len(due) != 0 {
		t.Errorf("reap while the roster shrank: got %v", due)
	}
}

func TestShrunk(t *testing.T) {
	t.Parallel()
	at := func(live bool, started time.Duration) muster.Member {
		m := muster.Member{Live: live, Instance: muster.Instance{Started: now.Add(started)}}
		if !live {
			m.Vanished = now
		}
		return m
	}
	old, gone, fresh := at(true, -time.Hour), at(false, -time.Hour), at(true, time.Second)
	tests := []struct {
		name    string
		members []muster.Member
		want    bool
	}{
		{"two of four", []muster.Member{old, old, gone, gone}, true},
		{"one of four", []muster.Member{old, old, old, gone}, false},
		{"two of three", []muster.Member{old, gone, gone}, false},
		{"all of four", []muster.Member{gone, gone, gone, gone}, true},
		{"three of six, replaced", []muster.Member{old, old, old, gone, gone, gone, fresh, fresh, fresh}, false},
		{"all of four, one replaced", []muster.Member{gone, gone, gone, gone, fresh}, true},
	}
	for _, tt := range tests {
		if got := plan.Shrunk(muster.Service{Members: tt.members}); got != tt.want {
			t.Errorf("%s: got %v, want %v", tt.name, got, tt.want)
		}
	}
}

func BenchmarkNext10000(b *testing.B) {
	f := newFleet(muster.Accept, muster.GateClosed, muster.On).ready()
	for range 10_000 {
		f.member("a", "a", "2.0.0")
	}
	f.member("a", "late", "2.0.0", behind)
	for b.Loop() {
		plan.Next(f.State)
	}
}
