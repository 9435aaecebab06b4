package plan_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/internal/plan"
)

func TestApply(t *testing.T) {
	t.Parallel()
	spec := *newFleet(muster.Off, muster.GateOpen, muster.Off).Spec
	other := spec
	other.Owner = "team-b"
	off := muster.Status{Feature: "f", DesiredSpec: 1, Spec: 1}
	on := muster.Status{Feature: "f", Desired: muster.On, Stage: muster.Accept, Gate: muster.GateClosed, DesiredSpec: 1, Spec: 1}
	deleted := muster.Status{Feature: "f", Deleted: true, Epoch: 9, DesiredSpec: 4, Spec: 4}
	tests := []struct {
		name    string
		old     *muster.Status
		cmd     plan.Command
		want    func(*muster.Status) // the change to old; nil for none
		wantErr error
	}{
		{"apply a first spec", nil, plan.Command{Action: muster.ActionApply, Spec: &spec}, func(s *muster.Status) {
			*s = muster.Status{Feature: "f", DesiredSpec: 1, Since: now}
		}, nil},
		{"apply the same again", &off, plan.Command{Action: muster.ActionApply, Spec: &spec, Newest: &spec}, nil, nil},
		{"apply another", &off, plan.Command{Action: muster.ActionApply, Spec: &other, Newest: &spec}, func(s *muster.Status) { s.DesiredSpec = 2 }, nil},
		{"a removed feature keeps its counts", &deleted, plan.Command{Action: muster.ActionApply, Spec: &spec, Newest: &spec}, func(s *muster.Status) {
			s.Deleted, s.Spec, s.DesiredSpec = false, 0, 5
		}, nil},
		{"apply while deleting", &muster.Status{Feature: "f", Deleting: true}, plan.Command{Action: muster.ActionApply, Spec: &spec}, nil, muster.ErrFailedPrecondition},
		{"activate", &off, plan.Command{Action: muster.ActionActivate}, func(s *muster.Status) { s.Desired = muster.On }, nil},
		{"activate again", &on, plan.Command{Action: muster.ActionActivate}, nil, nil},
		{"activate an unknown feature", nil, plan.Command{Action: muster.ActionActivate}, nil, muster.ErrNotFound},
		{"activate a removed feature", &deleted, plan.Command{Action: muster.ActionActivate}, nil, muster.ErrNotFound},
		{"deactivate", &on, plan.Command{Action: muster.ActionDeactivate}, func(s *muster.Status) { s.Desired = muster.Off }, nil},
		{"kill", &on, plan.Command{Action: muster.ActionKill}, func(s *muster.Status) { s.Desired = muster.Off }, nil},
		{"delete while on", &on, plan.Command{Action: muster.ActionDelete}, nil, muster.ErrFailedPrecondition},
		{"delete", &off, plan.Command{Action: muster.ActionDelete}, func(s *muster.Status) { s.Deleting = true }, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.cmd.Feature, tt.cmd.By, tt.cmd.Why, tt.cmd.Request, tt.cmd.Operation, tt.cmd.Now = "f", "ann", "because", "r1", "op", now
			got, rec, changed, err := plan.Apply(tt.old, tt.cmd)
			if !errors.Is(err, tt.wantErr) {
				t.Fatalf("error %v, want %v", err, tt.wantErr)
			}
			if changed != (tt.want != nil) {
				t.Fatalf("changed = %v, want %v", changed, tt.want != nil)
			}
			if !changed {
				return
			}
			var want muster.Status
			if tt.old != nil {
				want = *tt.old
			}
			tt.want(&want)
			want.Changed, want.By, want.Why, want.Operation, want.Requests = now, "ann", "because", "op", []string{"r1"}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("status (-want +got):\n%s", diff)
			}
			if rec.By != "ann" || rec.Why != "because" || rec.Action != tt.cmd.Action || !rec.Time.Equal(now) || rec.Operation != "op" {
				t.Errorf("record does not tell who, why, what and when: %+v", rec)
			}
			// The same request again changes nothing.
			if _, _, again, err := plan.Apply(&got, tt.cmd); again || err != nil {
				t.Errorf("the same request again: changed = %v, error %v", again, err)
			}
		})
	}
}

func TestAReasonThatATerminalWouldObeyIsRefused(t *testing.T) {
	t.Parallel()
	var invalid *muster.InvalidError
	_, _, changed, err := plan.Apply(&muster.Status{Feature: "f"}, plan.Command{Action: muster.ActionActivate, Feature: "f", Why: "\x1b[2J"})
	if changed || !errors.As(err, &invalid) || invalid.Field != "reason" {
		t.Errorf("got changed %v, error %v", changed, err)
	}
}
