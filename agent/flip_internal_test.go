package agent

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster"
)

func TestFlip(t *testing.T) {
	t.Parallel()
	inFleet(t, func(t *testing.T, f *fleet) {
		one, two := f.agent("one"), f.agent("two")
		for _, service := range []string{"checkout", "shipping"} {
			for _, id := range []string{"a", "b", "c"} {
				f.join(service, id, "2.0.0")
			}
		}
		// Any agent takes commands.
		f.start(two, featureSpec("f", map[string]string{"checkout": ">=2.0.0", "shipping": ">=2.0.0"}))
		f.awaitOn("f")
		for _, p := range []*process{one, two} {
			f.until("it is seen", p.mirror.Changed, func() bool {
				feature, ok := p.mirror.Feature("f")
				return ok && feature.Status.Stage == muster.On && len(feature.Blockers) == 0
			})
			if leader, self := p.mirror.Leader(); leader != "one" || self != (p == one) {
				t.Errorf("got leader %s, %t", leader, self)
			}
		}
		f.order(one, muster.ActionDeactivate, "f", nil)
		f.awaitOff("f")
		want := []string{
			"apply off-off open",
			"activate off-off open",
			"adopt off-off open",
			"move off-accept closed",
			"move accept-on closed",
			"deactivate on-on closed",
			"move on-accept closed",
			"move accept-off closed",
			"gate off-off open",
		}
		got := f.history("f")
		if len(got) > 2 && got[1] == "adopt off-off open" { // the worker was faster than the test
			got[1], got[2] = got[2], got[1]
		}
		if diff := cmp.Diff(got, want); diff != "" {
			t.Errorf("history (-got +want):\n%s", diff)
		}
	})
}

func TestOldMemberBlocks(t *testing.T) {
	t.Parallel()
	inFleet(t, func(t *testing.T, f *fleet) {
		one := f.agent("one")
		f.join("svc", "new", "2.0.0")
		old := f.join("svc", "old", "1.9.9")
		f.start(one, featureSpec("f", map[string]string{"svc": ">=2.0.0", "other": ">=1.0.0"}))
		f.awaitBlocked(one, "f", "NO_INSTANCES other/", "OLD_VERSION svc/old")
		f.join("other", "a", "1.0.0")
		f.awaitBlocked(one, "f", "OLD_VERSION svc/old")
		old.leave()
		f.awaitOn("f")
	})
}

func TestRollBackForAKnock(t *testing.T) {
	t.Parallel()
	inFleet(t, func(t *testing.T, f *fleet) {
		one := f.agent("one")
		f.join("svc", "new", "2.0.0")
		f.start(one, featureSpec("f", map[string]string{"svc": ">=2.0.0"}, func(s *muster.Spec) { s.OldInstance = muster.RollBack }))
		f.awaitOn("f")
		old := f.instance("svc", "old", "1.0.0")
		var refused *muster.RefusedError
		if err := old.join(); !errors.As(err, &refused) {
			t.Fatalf("got %v, want a refusal", err)
		}
		if err := old.store.Knock(t.Context(), old.Instance, refused.Refusals, time.Now()); err != nil {
			t.Fatal(err)
		}
		f.awaitOff("f")
		if err := old.join(); err != nil {
			t.Errorf("the gate is open, and: %v", err)
		}
		got := f.history("f")
		want := []string{"rollback on-on closed", "move on-accept closed", "move accept-off closed", "gate off-off open"}
		if diff := cmp.Diff(got[len(got)-4:], want); diff != "" {
			t.Errorf("history (-got +want):\n%s", diff)
		}
	})
}
