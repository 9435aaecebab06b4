package plan_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/internal/plan"
)

// needing is a spec of service a that needs other features on.
func needing(feature, constraint string, prerequisites ...string) *muster.Spec {
	s := muster.Spec{
		Feature: feature, Participants: map[string]muster.Participant{"a": {Version: muster.MustConstraint(constraint)}},
		Prerequisites: prerequisites,
	}.WithDefaults()
	return &s
}

// at is another feature with its spec in force.
func at(stage, desired muster.Stage, spec *muster.Spec) plan.Neighbour {
	return plan.Neighbour{
		Version: 5, Spec: spec,
		Status: muster.Status{Feature: spec.Feature, Stage: stage, Desired: desired, Spec: 1, DesiredSpec: 1, By: "bob"},
	}
}

// A command is judged by the other features: case 16, one tree at a time.
func TestCommandsAreJudgedByOthers(t *testing.T) {
	t.Parallel()
	const off, accept, on = muster.Off, muster.Accept, muster.On
	var (
		tax      = needing("tax", ">=2.0.0")
		dark     = needing("dark", ">=2.0.0", "tax")
		deleting = at(off, off, tax)
		garbage  = plan.Neighbour{Status: muster.Status{Feature: "tax"}, Problem: "/tax: cannot be read"}
		moving   = at(on, on, needing("dark", ">=2.0.0")) // is to need tax
		leaving  = at(on, on, dark)                       // is to need it no more
		resting  = at(off, on, dark)                      // needs it no more when it leaves off
	)
	deleting.Status.Deleting = true
	moving.Next, leaving.Next, resting.Next = dark, needing("dark", ">=2.0.0"), needing("dark", ">=2.0.0")
	type others map[string]plan.Neighbour
	apply := func(old muster.Stage, spec *muster.Spec, others others) (plan.Command, muster.Status) {
		return plan.Command{Action: muster.ActionApply, Feature: spec.Feature, Spec: spec, Others: others}, muster.Status{Desired: old}
	}
	want := func(action muster.Action, feature string, spec *muster.Spec, others others) (plan.Command, muster.Status) {
		old := muster.Status{Desired: map[bool]muster.Stage{true: off, false: on}[action == muster.ActionActivate]}
		if action == muster.ActionDelete {
			old.Desired = off
		}
		return plan.Command{Action: action, Feature: feature, InForce: spec, Newest: spec, Others: others}, old
	}
	type given func() (plan.Command, muster.Status)
	tests := []struct {
		name  string
		given given
		want  string // the error; "" for none
	}{
		{"activate, prerequisite on", func() (plan.Command, muster.Status) {
			return want(muster.ActionActivate, "dark", dark, others{"tax": at(on, on, tax)})
		}, ""},
		{"activate, prerequisite on its way", func() (plan.Command, muster.Status) {
			return want(muster.ActionActivate, "dark", dark, others{"tax": at(off, on, tax)})
		}, ""},
		{"activate, prerequisite on its way down", func() (plan.Command, muster.Status) {
			return want(muster.ActionActivate, "dark", dark, others{"tax": at(on, off, tax)})
		}, "activate dark: it is to be on, and its prerequisite tax is not wanted on: failed precondition (first: muster activate tax)"},
		{"activate, prerequisite unreadable", func() (plan.Command, muster.Status) {
			return want(muster.ActionActivate, "dark", dark, others{"tax": garbage})
		}, "activate dark: it is to be on, and its prerequisite tax cannot be read: failed precondition (first: muster activate tax)"},
		{"deactivate, nobody needs it", func() (plan.Command, muster.Status) {
			return want(muster.ActionDeactivate, "tax", tax, others{"dark": at(off, off, dark), "else": at(on, on, needing("else", "*"))})
		}, ""},
		{"deactivate, one is wanted on that needs it", func() (plan.Command, muster.Status) {
			return want(muster.ActionDeactivate, "tax", tax, others{"dark": at(off, on, dark)})
		}, "deactivate tax: it is a prerequisite of dark (at off, wanted on): failed precondition (first: muster deactivate dark --wait; in an emergency muster kill tax takes all of them down)"},
		{"deactivate, one is on its way down that needs it", func() (plan.Command, muster.Status) {
			return want(muster.ActionDeactivate, "tax", tax, others{"dark": at(accept, off, dark)})
		}, "deactivate tax: it is a prerequisite of dark (at accept, wanted off): failed precondition (first: muster deactivate dark --wait; in an emergency muster kill tax takes all of them down)"},
		{"deactivate, one is going to need it", func() (plan.Command, muster.Status) {
			return want(muster.ActionDeactivate, "tax", tax, others{"dark": moving})
		}, "deactivate tax: it is a prerequisite of dark (at on, wanted on): failed precondition (first: muster deactivate dark --wait; in an emergency muster kill tax takes all of them down)"},
		{"deactivate, one still needs it", func() (plan.Command, muster.Status) {
			return want(muster.ActionDeactivate, "tax", tax, others{"dark": leaving})
		}, "deactivate tax: it is a prerequisite of dark (at on, wanted on): failed precondition (first: muster deactivate dark --wait; in an emergency muster kill tax takes all of them down)"},
		{"deactivate, one is not going to need it", func() (plan.Command, muster.Status) {
			return want(muster.ActionDeactivate, "tax", tax, others{"dark": resting})
		}, ""},
		{"kill, whoever needs it", func() (plan.Command, muster.Status) {
			return want(muster.ActionKill, "tax", tax, others{"dark": at(on, on, dark)})
		}, ""},
		{"delete, one names it", func() (plan.Command, muster.Status) {
			return want(muster.ActionDelete, "tax", tax, others{"dark": at(off, off, dark)})
		}, "delete tax: it is a prerequisite of dark: failed precondition (first: apply dark without it, or muster feature delete dark)"},
		{"delete, nobody names it", func() (plan.Command, muster.Status) {
			return want(muster.ActionDelete, "tax", tax, others{"else": at(off, off, needing("else", "*"))})
		}, ""},
		{"apply", func() (plan.Command, muster.Status) { return apply(off, dark, others{"tax": at(off, off, tax)}) }, ""},
		{
			"apply, prerequisite unknown", func() (plan.Command, muster.Status) { return apply(off, dark, nil) },
			`prerequisites "tax" is not a known feature: apply it first`,
		},
		{
			"apply, prerequisite goes", func() (plan.Command, muster.Status) { return apply(off, dark, others{"tax": deleting}) },
			`prerequisites "tax" is being deleted`,
		},
		{
			"apply, prerequisite unreadable", func() (plan.Command, muster.Status) { return apply(off, dark, others{"tax": garbage}) },
			`prerequisites "tax" cannot be read: /tax: cannot be read`,
		},
		{
			"apply while on, prerequisite off", func() (plan.Command, muster.Status) { return apply(on, dark, others{"tax": at(off, off, tax)}) },
			"apply dark: it is to be on, and its prerequisite tax is not wanted on: failed precondition (first: muster activate tax)",
		},
		{"apply while on, prerequisite on", func() (plan.Command, muster.Status) { return apply(on, dark, others{"tax": at(on, on, tax)}) }, ""},
		{"apply closes a cycle", func() (plan.Command, muster.Status) {
			return apply(off, needing("tax", "*", "b"), others{"dark": at(off, off, dark), "b": at(off, off, needing("b", "*", "c", "dark")), "c": at(off, off, needing("c", "*"))})
		}, "prerequisites form a cycle: tax -> b -> dark -> tax"},
		{"apply closes a cycle with what waits", func() (plan.Command, muster.Status) {
			return apply(off, needing("tax", "*", "dark"), others{"dark": moving})
		}, "prerequisites form a cycle: tax -> dark -> tax"},
		{"apply contradicts another", func() (plan.Command, muster.Status) {
			return apply(off, tax, others{"old": at(off, off, needing("old", "<2.0.0"))})
		}, `participants.a.version ">=2.0.0" contradicts feature old, which needs <2.0.0: no version of a satisfies both`},
		{"apply contradicts what waits", func() (plan.Command, muster.Status) {
			return apply(off, tax, others{"old": {Status: muster.Status{Feature: "old"}, Next: needing("old", "<2.0.0")}})
		}, `participants.a.version ">=2.0.0" contradicts feature old, which needs <2.0.0: no version of a satisfies both`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			cmd, old := tt.given()
			old.Feature = cmd.Feature
			_, _, changed, err := plan.Apply(&old, cmd)
			got := ""
			if err != nil {
				got = err.Error()
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
			if changed != (tt.want == "") {
				t.Errorf("changed: %v", changed)
			}
			var invalid *muster.InvalidError
			if err != nil && !errors.As(err, &invalid) && !errors.Is(err, muster.ErrFailedPrecondition) {
				t.Errorf("%v is of no kind", err)
			}
		})
	}
}

// What decided is what the transaction compares.
func TestCommandsRestOnWhatTheyWereJudgedBy(t *testing.T) {
	t.Parallel()
	others := map[string]plan.Neighbour{
		"tax":  at(muster.On, muster.On, needing("tax", "*")),
		"dark": at(muster.Off, muster.Off, needing("dark", "*", "tax")),
		"else": at(muster.On, muster.On, needing("else", "*")),
	}
	dark := others["dark"].Spec
	for action, want := range map[muster.Action]map[string]int32{
		muster.ActionApply:      {"tax": 5},
		muster.ActionActivate:   {"tax": 5},
		muster.ActionDeactivate: {"dark": 5},
		muster.ActionDelete:     {"dark": 5},
		muster.ActionKill:       {},
	} {
		cmd := plan.Command{Action: action, Feature: "tax", Spec: dark, Newest: dark, InForce: dark, Others: others}
		if diff := cmp.Diff(want, cmd.RestsOn()); diff != "" {
			t.Errorf("%s: %s", action, diff)
		}
	}
}

// A feature that many need says so in a line.
func TestRefusalNamesAFew(t *testing.T) {
	t.Parallel()
	others := make(map[string]plan.Neighbour)
	for n := range 300 {
		key := fmt.Sprintf("f%03d", n)
		others[key] = at(muster.On, muster.On, needing(key, "*", "tax"))
	}
	old := muster.Status{Feature: "tax", Desired: muster.On}
	_, _, _, err := plan.Apply(&old, plan.Command{Action: muster.ActionDeactivate, Feature: "tax", Others: others})
	if err == nil || !strings.Contains(err.Error(), "f004 (at on, wanted on) and 295 more") || len(err.Error()) > 400 {
		t.Errorf("got %v", err)
	}
}
