package integration_test

import (
	"context"
	"slices"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/client"
)

// What an operator does in a story, through the API of any agent.

// apply applies a spec and waits until it is in force.
func (f *fleet) apply(s muster.Spec) {
	f.Helper()
	f.must("apply", func(ctx context.Context) error {
		_, err := f.client.Apply(ctx, s, client.Wait())
		return err
	})
}

func (f *fleet) activate(key string, opts ...client.Option) {
	f.Helper()
	f.must("activate", func(ctx context.Context) error {
		_, err := f.client.Activate(ctx, key, opts...)
		return err
	})
}

func (f *fleet) deactivate(key string, opts ...client.Option) {
	f.Helper()
	f.must("deactivate", func(ctx context.Context) error {
		_, err := f.client.Deactivate(ctx, key, opts...)
		return err
	})
}

func (f *fleet) kill(key string, opts ...client.Option) {
	f.Helper()
	f.must("kill", func(ctx context.Context) error {
		_, err := f.client.Kill(ctx, key, opts...)
		return err
	})
}

func (f *fleet) must(what string, do func(context.Context) error) {
	f.Helper()
	ctx, cancel := context.WithTimeout(f.ctx, patience)
	defer cancel()
	if err := do(ctx); err != nil {
		f.Fatalf("%s: %v", what, err)
	}
}

// feature returns what the API says of a feature now.
func (f *fleet) feature(key string) (got muster.Feature) {
	f.Helper()
	f.must("get "+key, func(ctx context.Context) (err error) {
		got, err = f.client.Feature(ctx, key)
		return err
	})
	return got
}

// awaitFeature watches a feature until what is said of it holds.
func (f *fleet) awaitFeature(key, what string, holds func(muster.Feature) bool) muster.Feature {
	f.Helper()
	ctx, cancel := context.WithTimeout(f.ctx, patience)
	defer cancel()
	var last muster.Feature
	for now, err := range f.client.Watch(ctx, key) {
		if err != nil {
			f.Fatalf("watch %s until %s: %v; last seen:\n%s", key, what, err, show(last))
		}
		last = now
		if holds(now) {
			return now
		}
	}
	f.Fatalf("watch %s until %s: ended; last seen:\n%s", key, what, show(last))
	return last
}

// awaitStage waits until a feature stands at a stage; off counts when its gate
// is open.
func (f *fleet) awaitStage(key string, stage muster.Stage) {
	f.Helper()
	f.awaitFeature(key, "it is at "+stage.String(), func(now muster.Feature) bool {
		return now.Status.Stage == stage && (stage != muster.Off || now.Status.Gate == muster.GateOpen)
	})
}

// awaitBlocker waits until the feature says that it waits for this reason, for
// an instance ("" for any), and returns the blocker.
func (f *fleet) awaitBlocker(key string, reason muster.Reason, instance string) muster.Blocker {
	f.Helper()
	var found muster.Blocker
	f.awaitFeature(key, "it waits for "+instance+": "+string(reason), func(now muster.Feature) bool {
		i := slices.IndexFunc(now.Blockers, func(b muster.Blocker) bool {
			return b.Reason == reason && (instance == "" || b.Instance == instance)
		})
		if i >= 0 {
			found = now.Blockers[i]
		}
		return i >= 0
	})
	return found
}

// members returns the members of a service as the agents see them.
func (f *fleet) members(service string) (members []muster.Member) {
	f.Helper()
	f.must("instances of "+service, func(ctx context.Context) (err error) {
		members, err = f.client.Instances(ctx, service)
		return err
	})
	return members
}

// history returns the records of a feature, oldest first.
func (f *fleet) history(key string) []muster.Record {
	f.Helper()
	var records []muster.Record
	for rec, err := range f.client.History(f.ctx, client.HistoryQuery{Feature: key}) {
		if err != nil {
			f.Fatalf("history of %s: %v", key, err)
		}
		records = append(records, rec)
	}
	slices.Reverse(records)
	return records
}
