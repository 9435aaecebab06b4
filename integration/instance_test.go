package integration_test

import (
	"context"
	"errors"
	"log/slog"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/sdk"
)

// An instance is one SDK client of a story, with its line to ZooKeeper.
type instance struct {
	*sdk.Client
	f                    *fleet
	service, id, version string
	line                 *line
	told                 *life // what it told of itself
}

// config is an instance's, and the instance to be.
func (f *fleet) config(service, id, version string) (*instance, sdk.Config) {
	i := &instance{f: f, service: service, id: id, version: version, line: newLine(), told: f.chronicle.begin(service, id, version)}
	return i, sdk.Config{
		Service: service, ID: id, Version: version, Servers: f.servers, Root: f.root,
		SessionTimeout: f.session, Lease: f.lease, Dial: i.line.Dial, Events: i.told.tell,
		Logger: slog.New(slog.NewTextHandler(f.log(), &slog.HandlerOptions{Level: slog.LevelInfo})).With("instance", id),
	}
}

// join runs an instance, which must be admitted, until the test ends.
func (f *fleet) join(service, id, version string, tweaks ...func(*sdk.Config)) *instance {
	f.Helper()
	i, cfg := f.config(service, id, version)
	for _, tweak := range tweaks {
		tweak(&cfg)
	}
	ctx, cancel := context.WithTimeout(f.ctx, patience)
	defer cancel()
	var err error
	if i.Client, err = sdk.Open(ctx, cfg); err != nil {
		f.Fatalf("join %s/%s at %s: %v", service, id, version, err)
	}
	f.Cleanup(i.leave)
	if err := i.Ready(); err != nil {
		f.Errorf("%s is not ready although it has joined: %v", id, err)
	}
	return i
}

// A visitor is an instance that may have to wait at the gate.
type visitor struct {
	*instance
	admitted chan error // what came of Open, once
	give     context.CancelFunc
}

// knock runs an instance that may be refused, and returns at once.
func (f *fleet) knock(service, id, version string) *visitor {
	f.Helper()
	i, cfg := f.config(service, id, version)
	return f.visit(i, cfg)
}

// visit is knock for an instance whose line was seen to.
func (f *fleet) visit(i *instance, cfg sdk.Config) *visitor {
	f.Helper()
	ctx, cancel := context.WithCancel(f.ctx)
	v := &visitor{instance: i, admitted: make(chan error, 1), give: cancel}
	done := make(chan struct{})
	go func() {
		defer close(done)
		c, err := sdk.Open(ctx, cfg)
		i.Client = c // one that was refused goes on waiting, until it is closed
		v.admitted <- err
	}()
	f.Cleanup(func() {
		cancel()
		<-done
		i.leave()
	})
	return v
}

// waits fails the test if the visitor was let in, or gave up.
func (v *visitor) waits() {
	v.f.Helper()
	select {
	case err := <-v.admitted:
		v.f.Fatalf("%s did not wait at the gate; Open returned %v", v.id, err)
	default:
	}
}

// enter returns when the visitor is let in.
func (v *visitor) enter() *instance {
	v.f.Helper()
	select {
	case err := <-v.admitted:
		if err != nil {
			v.f.Fatalf("%s was not let in: %v", v.id, err)
		}
	case <-v.f.patience():
		v.f.Fatalf("%s is still not let in", v.id)
	}
	return v.instance
}

// giveUp ends the waiting and the visitor, and returns what Open said of it.
func (v *visitor) giveUp() (refused *muster.RefusedError) {
	v.f.Helper()
	v.give()
	err := <-v.admitted
	if !errors.As(err, &refused) {
		v.f.Fatalf("%s gave up: got %v, want a RefusedError", v.id, err)
	}
	v.leave()
	return refused
}

// leave closes the client in order; it may be repeated.
func (i *instance) leave() {
	if i.Client == nil { // Open said why
		return
	}
	i.told.mark(markTerm)
	i.line.Heal() // after a crash: what is left of it need not wait
	if err := i.Close(); err != nil && !i.told.crashed() {
		i.f.Errorf("close %s: %v", i.id, err)
	}
}

// crash is for ZooKeeper and the agents what kill -9 is: the instance falls
// silent, and its session lives on until it is given up. What runs on of it is
// out of reach until the test ends.
func (i *instance) crash() {
	i.told.mark(markKill)
	i.line.Cut()
}

// cutOff cuts the instance off, for as long as its line is not healed; it is
// fenced when its lease is over.
func (i *instance) cutOff() { i.line.Cut() }

// upgrade closes the instance and joins another version in its place.
func (i *instance) upgrade(version string) *instance {
	i.f.Helper()
	i.leave()
	return i.f.join(i.service, i.id, version)
}

// stage is where a feature stands in the instance, for a request that is not
// pinned.
func (i *instance) stage(key string) muster.Stage {
	return i.Bool(key, false).Stage(i.f.ctx)
}

// awaitStage waits until the instance has applied a stage.
func (i *instance) awaitStage(key string, stage muster.Stage) {
	i.f.Helper()
	i.f.until(i.id+" is at "+stage.String(), func() bool { return i.stage(key) == stage })
}
