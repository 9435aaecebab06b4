package integration_test

import (
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/client"
)

// Case 16: a prerequisite is turned off at one agent while its dependent is
// turned on at the other. Exactly one wins, and the loser is told why.
func TestCase16PrerequisiteOffWhileDependentOn(t *testing.T) {
	onEach(t, func(f *fleet) {
		const rounds = 12
		checkout := f.join("checkout", "c1", "2.0.0")
		f.apply(spec("tax", "checkout", ">=2.0.0"))
		f.apply(needs(spec("dark", "checkout", ">=2.0.0"), "tax"))
		up, down := f.dial(f.agents[0].Addr()), f.dial(f.agents[1].Addr())
		wins := make(map[string]int)
		for range rounds {
			f.activate("tax", client.Wait())
			onErr, offErr := both(
				func() error { _, err := up.Activate(f.ctx, "dark"); return err },
				func() error { _, err := down.Deactivate(f.ctx, "tax"); return err },
			)
			switch {
			case onErr == nil && forbids(offErr, "it is a prerequisite of dark"):
				wins["dark"]++
				f.awaitStage("dark", muster.On)
				f.deactivate("dark", client.Wait())
			case offErr == nil && forbids(onErr, "its prerequisite tax is not wanted on"):
				wins["tax"]++
				f.awaitStage("tax", muster.Off)
			default:
				f.Fatalf("not exactly one won: activate dark: %v; deactivate tax: %v", onErr, offErr)
			}
		}
		f.Logf("who won: %v", wins)
		f.neverWithout("dark", "tax")

		// A kill asks nobody, and takes down what needs it.
		f.activate("tax", client.Wait())
		f.activate("dark", client.Wait())
		checkout.awaitStage("dark", muster.On)
		f.kill("tax")
		f.awaitStage("dark", muster.Off)
		f.awaitStage("tax", muster.Off)
		checkout.awaitStage("dark", muster.Off)
		for _, rec := range f.history("dark") {
			if rec.Action == muster.ActionRollBack && strings.HasPrefix(rec.Why, "its prerequisite tax is not wanted on, by ") {
				return
			}
		}
		f.Errorf("no record tells why dark went down:\n%s", show(f.history("dark")))
	})
}

// What waits for a prerequisite says so, and goes on by itself.
func TestDependentWaitsForItsPrerequisite(t *testing.T) {
	onEach(t, func(f *fleet) {
		f.join("checkout", "c1", "2.0.0")
		old := f.join("shipping", "s1", "1.0.0")
		f.apply(spec("tax", "shipping", ">=2.0.0"))
		f.apply(needs(spec("dark", "checkout", ">=2.0.0"), "tax"))
		if _, err := f.client.Activate(f.ctx, "dark"); !forbids(err, "muster activate tax") {
			f.Fatalf("activate before its prerequisite: got %v", err)
		}
		f.activate("tax")
		f.activate("dark")
		b := f.awaitBlocker("dark", muster.ReasonPrerequisite, "")
		if want := "prerequisite tax is at off on its way to on; it must be on first: muster status tax"; b.Detail != want {
			f.Errorf("got %q, want %q", b.Detail, want)
		}
		old.upgrade("2.0.0")
		f.awaitStage("dark", muster.On)
		f.neverWithout("dark", "tax")
		if _, err := f.client.Delete(f.ctx, "tax"); !errors.Is(err, muster.ErrFailedPrecondition) {
			f.Errorf("delete of what is on and needed: got %v", err)
		}
	})
}

// Case 34: a cycle of prerequisites is refused, also where two agents are given
// one half each at the same moment.
func TestCase34CycleOfPrerequisites(t *testing.T) {
	onEach(t, func(f *fleet) {
		one, two := f.dial(f.agents[0].Addr()), f.dial(f.agents[1].Addr())
		for _, key := range []string{"a", "b"} {
			f.apply(spec(key, "checkout", ">=2.0.0"))
		}
		for range 12 {
			errA, errB := both(
				func() error { _, err := one.Apply(f.ctx, needs(spec("a", "checkout", ">=2.0.0"), "b")); return err },
				func() error { _, err := two.Apply(f.ctx, needs(spec("b", "checkout", ">=2.0.0"), "a")); return err },
			)
			switch {
			case errA == nil && cycles(errB, "b -> a -> b"):
				f.apply(spec("a", "checkout", ">=2.0.0"))
			case errB == nil && cycles(errA, "a -> b -> a"):
				f.apply(spec("b", "checkout", ">=2.0.0"))
			default:
				f.Fatalf("not exactly one won: a: %v; b: %v", errA, errB)
			}
		}
	})
}

// Case 9, the last half: two specs that contradict each other, applied at two
// agents at the same moment.
func TestCase09ContradictionAtTwoAgents(t *testing.T) {
	onEach(t, func(f *fleet) {
		one, two := f.dial(f.agents[0].Addr()), f.dial(f.agents[1].Addr())
		for _, key := range strings.Fields("a b c d e f g h") {
			errOld, errNew := both(
				func() error { _, err := one.Apply(f.ctx, spec(key+"-old", key, "<2.0.0")); return err },
				func() error { _, err := two.Apply(f.ctx, spec(key+"-new", key, ">=2.0.0")); return err },
			)
			var invalid *muster.InvalidError
			if (errOld == nil) == (errNew == nil) || !errors.As(errors.Join(errOld, errNew), &invalid) || !strings.Contains(invalid.Problem, "contradicts feature "+key) {
				f.Errorf("not exactly one won: %v; %v", errOld, errNew)
			}
		}
	})
}

func needs(s muster.Spec, keys ...string) muster.Spec {
	s.Prerequisites = keys
	return s
}

// both does two things at the same moment.
func both(one, two func() error) (errOne, errTwo error) {
	var wg sync.WaitGroup
	wg.Go(func() { errOne = one() })
	wg.Go(func() { errTwo = two() })
	wg.Wait()
	return errOne, errTwo
}

func forbids(err error, says string) bool {
	return errors.Is(err, muster.ErrFailedPrecondition) && strings.Contains(err.Error(), says)
}

func cycles(err error, way string) bool {
	var invalid *muster.InvalidError
	return errors.As(err, &invalid) && invalid.Field == "prerequisites" && strings.Contains(invalid.Problem, way)
}

// neverWithout checks by the history that a feature went up only while the one
// that it needs stood at on, and was wanted there.
func (f *fleet) neverWithout(key, needed string) {
	f.Helper()
	var stage, desired muster.Stage
	ups := 0
	for _, rec := range f.history("") {
		switch {
		case rec.Feature == needed:
			stage = rec.To
			switch rec.Action {
			case muster.ActionActivate:
				desired = muster.On
			case muster.ActionDeactivate, muster.ActionKill, muster.ActionRollBack:
				desired = muster.Off
			}
		case rec.Feature == key && rec.To > rec.From:
			ups++
			if stage != muster.On || desired != muster.On {
				f.Errorf("%s went to %s while %s was at %s, wanted %s", key, rec.To, needed, stage, desired)
			}
		}
	}
	if ups == 0 {
		f.Errorf("%s never went up: nothing was judged", key)
	}
}
