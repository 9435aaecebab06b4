package integration_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/client"
)

const feature = "structured-address"

// The main job: a rolling upgrade of two services, activated while it runs.
func TestRollingUpgradeThenFlip(t *testing.T) {
	onEach(t, func(f *fleet) {
		shop := spec(feature, "checkout", ">=2.0.0", "shipping", ">=2.0.0")
		f.apply(shop)
		var fleet []*instance
		for _, service := range []string{"checkout", "shipping"} {
			for i := range 3 {
				fleet = append(fleet, f.join(service, fmt.Sprintf("%s-%d", service, i), "1.9.0"))
			}
		}
		f.activate(feature, client.Why("release 42"))
		for _, old := range fleet {
			b := f.awaitBlocker(feature, muster.ReasonOldVersion, old.id)
			want := muster.Blocker{
				Reason: muster.ReasonOldVersion, Service: old.service, Instance: old.id, Version: "1.9.0",
				Constraint: muster.MustConstraint(">=2.0.0"), Since: b.Since, Detail: b.Detail,
			}
			if diff := cmp.Diff(want, b); diff != "" || b.Since.IsZero() || !strings.Contains(b.Detail, "needs >=2.0.0") {
				f.Errorf("what is waited for (-want +got):\n%s", diff)
			}
		}
		for i, old := range fleet {
			if stage := f.feature(feature).Status.Stage; stage != muster.Off {
				f.Errorf("at %s with %d old instances", stage, len(fleet)-i)
			}
			fleet[i] = old.upgrade("2.0.0")
		}
		f.awaitStage(feature, muster.On)
		for _, i := range fleet {
			i.awaitStage(feature, muster.On)
		}
		f.awaitAcked(feature, "checkout", 3)
		f.awaitAcked(feature, "shipping", 3)
		f.deactivate(feature, client.Wait())
		for _, i := range fleet {
			i.awaitStage(feature, muster.Off)
		}
		records := f.judge(shop)
		if want := []string{
			"apply", "adopt", "activate release 42", "move off→accept", "move accept→on",
			"deactivate", "move on→accept", "move accept→off", "gate everyone is off",
		}; !cmp.Equal(told(records), want) {
			f.Errorf("history (-want +got):\n%s", cmp.Diff(want, told(records)))
		}
	})
}

// Case 1: an old version registers between the evaluation and the commit. The
// transaction fails, and what it was decided on is read again.
func TestCase01OldVersionRegistersBeforeTheCommit(t *testing.T) {
	onEach(t, func(f *fleet) {
		shop := spec(feature, "checkout", ">=2.0.0")
		f.apply(shop)
		f.join("checkout", "new", "2.0.0")
		leader := f.leader()
		there, release := catchOn("", leader.line)
		defer release()
		f.must("activate by the other", func(ctx context.Context) error {
			other := f.agents[0]
			if other == leader {
				other = f.agents[1]
			}
			_, err := f.dial(other.Addr()).Activate(ctx, feature)
			return err
		})
		select {
		case <-there:
		case <-f.patience():
			f.Fatal("the leader makes no move")
		}
		old := f.join("checkout", "old", "1.9.0")
		release()
		f.awaitBlocker(feature, muster.ReasonOldVersion, "old")
		if got := f.feature(feature).Status; got.Epoch != 0 {
			f.Errorf("it has moved although an old instance is a member: %s", show(got))
		}
		old.leave()
		f.awaitStage(feature, muster.On)
		f.judge(shop)
	})
}

// Cases 1 and 6: an old version registers while the feature is activated.
// Whoever comes first wins; both at once never happens.
func TestCase06OldVersionRegistersDuringActivation(t *testing.T) {
	onEach(t, func(f *fleet) {
		f.join("checkout", "new", "2.0.0")
		for i := range 5 {
			key := fmt.Sprintf("race-%d", i)
			f.apply(spec(key, "checkout", ">=2.0.0"))
			var wg sync.WaitGroup
			wg.Go(func() { f.activate(key) })
			old := f.knock("checkout", fmt.Sprintf("old-%d", i), "1.9.0")
			wg.Wait()
			select {
			case err := <-old.admitted:
				if err != nil {
					f.Fatalf("race %d: %v", i, err)
				}
				if b := f.awaitBlocker(key, muster.ReasonOldVersion, old.id); b.Version != "1.9.0" {
					f.Errorf("blocker %+v", b)
				}
				old.leave()
			case <-f.stands(key, muster.On):
				f.awaitBlocker(key, muster.ReasonKnock, old.id)
				old.waits()
				old.giveUp()
			}
			f.awaitStage(key, muster.On)
			f.deactivate(key, client.Wait())
			f.judge(spec(key, "checkout", ">=2.0.0"))
		}
	})
}

// Case 2: an old version starts while the feature is on.
func TestCase02OldVersionIsRefusedAndAdmittedAfterDeactivation(t *testing.T) {
	onEach(t, func(f *fleet) {
		shop := spec(feature, "checkout", ">=2.0.0")
		f.apply(shop)
		f.join("checkout", "new", "2.0.0")
		f.activate(feature, client.Wait())

		impatient := f.knock("checkout", "impatient", "1.9.0")
		f.awaitBlocker(feature, muster.ReasonKnock, "impatient")
		refused := impatient.giveUp()
		want := &muster.RefusedError{Service: "checkout", Instance: "impatient", Refusals: []muster.Refusal{
			{Feature: feature, Stage: muster.On, Constraint: muster.MustConstraint(">=2.0.0"), Version: "1.9.0"},
		}}
		if diff := cmp.Diff(want, refused); diff != "" {
			f.Errorf("refusal (-want +got):\n%s", diff)
		}
		if wayOut := "muster deactivate " + feature; !strings.Contains(refused.Error(), wayOut) {
			f.Errorf("%q does not say %q", refused, wayOut)
		}

		old := f.knock("checkout", "old", "1.9.0")
		f.awaitBlocker(feature, muster.ReasonKnock, "old")
		old.waits()
		if members := f.members("checkout"); len(members) != 1 {
			f.Errorf("the refused instance is a member:\n%s", show(members))
		}
		if refusals := f.canDeploy("checkout", "1.9.0"); len(refusals) != 1 || refusals[0].Feature != feature {
			f.Errorf("can-deploy of what is refused: %v", refusals)
		}
		f.deactivate(feature, client.Wait())
		if err := old.enter().Ready(); err != nil {
			f.Errorf("admitted and not ready: %v", err)
		}
		if refusals := f.canDeploy("checkout", "1.9.0"); len(refusals) != 0 {
			f.Errorf("can-deploy right after the feature is off: got %v, want no refusal", refusals)
		}
		f.judge(shop)
	})
}

// Case 2, the other policy: the feature goes off for the old instance.
func TestRollbackForAnOldInstance(t *testing.T) {
	onEach(t, func(f *fleet) {
		shop := spec(feature, "checkout", ">=2.0.0")
		shop.OldInstance = muster.RollBack
		f.apply(shop)
		stays := f.join("checkout", "new", "2.0.0")
		f.activate(feature, client.Wait())
		stays.awaitStage(feature, muster.On)
		old := f.knock("checkout", "old", "1.9.0").enter()
		f.awaitStage(feature, muster.Off)
		if got := f.feature(feature).Status; got.Desired != muster.Off || !strings.Contains(got.Why, old.id) {
			f.Errorf("after the rollback: %s", show(got))
		}
		f.activate(feature)
		f.awaitBlocker(feature, muster.ReasonOldVersion, "old")
		f.judge(shop)
	})
}

// Case 17: a participant with an old instance is added to a feature that is on.
func TestCase17ParticipantWithOldInstanceIsAdded(t *testing.T) {
	onEach(t, func(f *fleet) {
		f.apply(spec(feature, "checkout", ">=2.0.0"))
		checkout := f.join("checkout", "checkout-1", "2.0.0")
		shipping := f.join("shipping", "shipping-1", "1.0.0")
		f.activate(feature, client.Wait())

		wider := spec(feature, "checkout", ">=2.0.0", "shipping", ">=2.0.0")
		f.must("apply the wider spec", func(ctx context.Context) error {
			_, err := f.client.Apply(ctx, wider)
			return err
		})
		f.awaitBlocker(feature, muster.ReasonOldVersion, "shipping-1")
		f.awaitBlocker(feature, muster.ReasonPending, "")
		if got := f.feature(feature).Status; got.Stage != muster.On || got.Spec == got.DesiredSpec {
			f.Errorf("before shipping is ready: %s", show(got))
		}
		if stage := shipping.stage(feature); stage != muster.Off {
			f.Errorf("shipping is at %s although it is old", stage)
		}
		checkout.awaitStage(feature, muster.On)

		shipping = shipping.upgrade("2.0.0")
		f.awaitFeature(feature, "the wider spec is in force and on", func(now muster.Feature) bool {
			return now.Status.Settled() && now.Status.Stage == muster.On
		})
		shipping.awaitStage(feature, muster.On)
		f.judgeStages(feature)
	})
}

// Case 8: two features change one service's sheet at the same time.
func TestCase08TwoFeaturesOneSheet(t *testing.T) {
	onEach(t, func(f *fleet) {
		keys := []string{"one", "two", "three"}
		checkout, shipping := f.join("checkout", "c1", "2.0.0"), f.join("shipping", "s1", "2.0.0")
		each := func(do func(key string)) {
			var wg sync.WaitGroup
			for _, key := range keys {
				wg.Go(func() { do(key) })
			}
			wg.Wait()
		}
		for range 3 {
			each(func(key string) { f.apply(spec(key, "checkout", ">=2.0.0", "shipping", ">=1.0.0")) })
			each(func(key string) { f.activate(key, client.Wait()) })
			for _, key := range keys {
				checkout.awaitStage(key, muster.On)
				shipping.awaitStage(key, muster.On)
			}
			each(func(key string) { f.deactivate(key, client.Wait()) })
		}
		for _, key := range keys {
			f.judge(spec(key, "checkout", ">=2.0.0", "shipping", ">=1.0.0"))
		}
	})
}
