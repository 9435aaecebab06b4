package sdk

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster"
)

func TestChanges(t *testing.T) {
	t.Parallel()
	sheet := func(revision int32, stages map[string]Stage) *snapshot {
		s := muster.Sheet{Revision: revision, Features: make(map[string]muster.Entry)}
		for key, stage := range stages {
			policy := muster.FallToAccept
			if key == "held" {
				policy = muster.Hold
			}
			s.Features[key] = muster.Entry{Stage: stage, Epoch: int64(revision), OnDisconnect: policy, Constraint: muster.MustConstraint("*")}
		}
		return compile(s, "1.0.0", nil, &era{revision: revision})
	}
	refusal := func(feature string) *muster.RefusedError {
		return &muster.RefusedError{Service: "checkout", Refusals: []muster.Refusal{{Feature: feature}}}
	}
	off, on := map[string]Stage{"a": Off, "held": Off}, map[string]Stage{"a": On, "held": On}
	start := view{snap: unknown()}
	member := func(s *snapshot) view { return view{standing: standing{joined: true, member: true}, snap: s} }
	fenced := func(v view) view { v.fenced = true; return v }
	refused := func(v view, r *muster.RefusedError) view { v.refused, v.member = r, false; return v }
	closed := func(v view, left error) view { v.closed, v.left = true, left; return v }
	gone := errors.New("gone")

	for name, tc := range map[string]struct {
		was, is view
		want    []string
	}{
		"nothing":                      {start, start, nil},
		"joined, all off":              {start, member(sheet(1, off)), []string{"joined"}},
		"joined, on":                   {start, member(sheet(1, on)), []string{"joined", "a off→on", "held off→on"}},
		"refused":                      {start, refused(start, refusal("a")), []string{"refused"}},
		"still refused":                {refused(start, refusal("a")), refused(start, refusal("a")), nil},
		"refused by another":           {refused(start, refusal("a")), refused(start, refusal("b")), []string{"refused"}},
		"refused though a sheet came":  {start, refused(view{snap: sheet(1, on)}, refusal("a")), []string{"refused"}},
		"admitted":                     {refused(start, refusal("a")), member(sheet(2, off)), []string{"joined"}},
		"a sheet":                      {member(sheet(1, off)), member(sheet(2, map[string]Stage{"a": Accept, "held": Off})), []string{"a off→accept"}},
		"a feature was removed":        {member(sheet(1, on)), member(sheet(2, map[string]Stage{"held": On})), []string{"a on→off"}},
		"fenced":                       {member(sheet(1, on)), fenced(member(sheet(1, on))), []string{"fenced", "a on→accept by the fence"}},
		"fenced, off":                  {member(sheet(1, off)), fenced(member(sheet(1, off))), []string{"fenced", "a off→accept by the fence"}},
		"resumed":                      {fenced(member(sheet(1, on))), member(sheet(2, on)), []string{"resumed", "a accept→on"}},
		"refused on return":            {fenced(member(sheet(1, on))), refused(fenced(member(sheet(1, on))), refusal("a")), []string{"refused"}},
		"closed":                       {member(sheet(1, on)), closed(member(sheet(1, on)), nil), []string{"left"}},
		"closed without a word":        {member(sheet(1, on)), closed(fenced(member(sheet(1, on))), gone), []string{"left: gone"}},
		"closed before it ever joined": {start, closed(start, nil), []string{"left"}},
	} {
		var got []string
		for _, n := range changes(tc.was, tc.is, time.Time{}) {
			text := string(n.Kind)
			switch {
			case n.Kind == EventStage:
				text = n.Feature + " " + n.from.String() + "→" + n.Stage.String()
				if n.fenced {
					text += " by the fence"
				}
			case n.Kind == EventLeft && n.Err != nil:
				text += ": " + n.Err.Error()
			}
			got = append(got, text)
		}
		if diff := cmp.Diff(got, tc.want); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}
