package plan_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/internal/plan"
)

// needs has feature f need tax on, and tell how tax stands.
func (f *fleet) needs(tax plan.Neighbour) *fleet {
	spec := *f.Spec
	spec.Prerequisites = []string{"tax"}
	f.Spec = &spec
	f.Prerequisites = map[string]plan.Neighbour{"tax": tax}
	return f
}

// toNeed has a spec wait that adds the need, with other changes.
func (f *fleet) toNeed(tax plan.Neighbour, change func(*muster.Spec)) *fleet {
	next := f.Spec.WithDefaults()
	next.Revision, next.Prerequisites = 2, []string{"tax"}
	change(&next)
	f.Next, f.Status.DesiredSpec = &next, 2
	f.Prerequisites = map[string]plan.Neighbour{"tax": tax}
	return f
}

// A feature goes up only while its prerequisites stand at on, and down when one
// of them is not wanted on any more.
func TestPrerequisites(t *testing.T) {
	t.Parallel()
	const open, closed = muster.GateOpen, muster.GateClosed
	tax := needing("tax", ">=2.0.0")
	var (
		up      = at(muster.On, muster.On, tax)
		rising  = at(muster.Accept, muster.On, tax)
		killed  = at(muster.On, muster.Off, tax)
		garbage = plan.Neighbour{Status: muster.Status{Feature: "tax"}, Problem: "/tax: cannot be read"}
	)
	const (
		waits   = "PREREQUISITE"
		pending = "PREREQUISITE; SPEC_PENDING"
	)
	same := func(*muster.Spec) {}
	other := func(s *muster.Spec) {
		s.Participants["a"] = muster.Participant{Version: muster.MustConstraint(">=1.0.0"), MinInstances: 1}
	}
	tests := []struct {
		name  string
		fleet *fleet
		want  string
		rests bool // on the version of tax's node
	}{
		{"leaves off", newFleet(muster.Off, open, muster.On).ready().needs(up), "move accept gate closed, rosters checked", true},
		{"leaves off behind the gate", newFleet(muster.Off, closed, muster.On).ready().needs(up), "move accept gate closed", true},
		{"goes on", newFleet(muster.Accept, closed, muster.On).ready().needs(up), "move on gate closed", true},
		{"waits at off", newFleet(muster.Off, open, muster.On).ready().needs(rising), waits, false},
		{"waits at accept", newFleet(muster.Accept, closed, muster.On).ready().needs(rising), waits, false},
		{"opens the gate meanwhile", newFleet(muster.Off, closed, muster.On).ready().needs(rising), "gate off gate open", false},
		{"stays on while it passes through accept", newFleet(muster.On, closed, muster.On).ready().needs(rising), "nothing", false},
		{"comes down from on", newFleet(muster.On, closed, muster.On).ready().needs(killed), "rollback on gate closed, desired off", true},
		{"comes down from accept", newFleet(muster.Accept, closed, muster.On).ready().needs(killed), "rollback accept gate closed, desired off", true},
		{"is not wanted on from off", newFleet(muster.Off, open, muster.On).ready().needs(killed), "rollback off gate open", true},
		{"on its way down nothing holds it up", newFleet(muster.On, closed, muster.Off).ready().needs(killed), "move accept gate closed", false},
		{"down to off", newFleet(muster.Accept, closed, muster.Off).ready().needs(killed), "move off gate closed", false},
		{"at rest", newFleet(muster.Off, open, muster.Off).ready().needs(killed), "nothing", false},
		{"what cannot be read takes nothing down", newFleet(muster.On, closed, muster.On).ready().needs(garbage), "nothing", false},
		{
			"nor lets anything up", newFleet(muster.Off, open, muster.On).ready().needs(garbage), waits, false,
		},
		{"a spec that adds it waits", newFleet(muster.On, closed, muster.On).ready().toNeed(rising, same), pending, false},
		{"so does one with other terms", newFleet(muster.On, closed, muster.On).ready().toNeed(rising, other), pending, false},
		{"and comes in when it is on", newFleet(muster.On, closed, muster.On).ready().toNeed(up, same), "adopt on gate closed", true},
		{"or steps down for other terms", newFleet(muster.On, closed, muster.On).ready().toNeed(up, other), "move accept gate closed", false},
		{"and comes in there", newFleet(muster.Accept, closed, muster.On).ready().toNeed(up, other), "adopt accept gate closed, rosters checked", true},
		{"what is to be needed takes it down as well", newFleet(muster.On, closed, muster.On).ready().toNeed(killed, same), "rollback on gate closed, desired off", true},
		{"at off it comes in at once", newFleet(muster.Off, open, muster.Off).ready().toNeed(killed, same), "adopt off gate open", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			step := plan.Next(tt.fleet.State)
			if diff := cmp.Diff(tt.want, show(step)); diff != "" {
				t.Errorf("next step (-want +got):\n%s", diff)
			}
			var rests map[string]int32
			if tt.rests {
				rests = map[string]int32{"tax": 5}
			}
			if step.Move == nil {
				return
			}
			if diff := cmp.Diff(rests, step.Move.Prerequisites); diff != "" {
				t.Errorf("prerequisites checked (-want +got):\n%s", diff)
			}
			if step.Move.Record.Action == muster.ActionRollBack && step.Move.Record.Why != "its prerequisite tax is not wanted on, by bob" {
				t.Errorf("why: %q", step.Move.Record.Why)
			}
		})
	}
}

// A blocker names the prerequisite, how it stands and the way out.
func TestPrerequisiteBlockersExplainThemselves(t *testing.T) {
	t.Parallel()
	tax := needing("tax", ">=2.0.0")
	for want, neighbour := range map[string]plan.Neighbour{
		"prerequisite tax is at accept on its way to on; it must be on first: muster status tax":              at(muster.Accept, muster.On, tax),
		"prerequisite tax cannot be read: /tax: cannot be read; it must be on first: muster feature show tax": {Problem: "/tax: cannot be read"},
		"prerequisite tax is not known; it must be on first: muster activate tax":                             {},
	} {
		step := plan.Next(newFleet(muster.Accept, muster.GateClosed, muster.On).ready().needs(neighbour).with(func(s *plan.State) {
			if neighbour.Status.Feature == "" && neighbour.Problem == "" {
				s.Prerequisites = nil
			}
		}).State)
		if len(step.Waiting) != 1 || step.Waiting[0].Detail != want {
			t.Errorf("got %+v, want %s", step, want)
		}
	}
}
