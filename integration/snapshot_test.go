package integration_test

import (
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/client"
	"github.com/musterhq/muster/sdk"
)

// Real processes that start while ZooKeeper is away, one with a snapshot of the
// last one's and one without: each says what it stands on, and both join, in the
// same process, when ZooKeeper is back.
func TestCase28ColdStartOfAProcess(t *testing.T) {
	onEach(t, func(f *fleet) {
		t := f.TB.(*testing.T)
		held := spec("held", "checkout", ">=2.0.0")
		held.OnDisconnect = muster.Hold
		f.apply(spec(feature, "checkout", ">=2.0.0"))
		f.apply(held)
		path, sea := program(t), newFerry(t, f.servers[0])
		snapshot := filepath.Join(t.TempDir(), "checkout.snapshot")
		join := func(id string, args ...string) *process {
			return start(t, f.chronicle.begin("checkout", id, "2.0.0"), id, path, append([]string{
				"join",
				"--service", "checkout", "--version", "2.0.0", "--id", id, "--zk", sea.addr, "--root", f.root,
				"--session-timeout", f.session.String(), "--lease", f.lease.String(),
			}, args...)...)
		}

		first := join("first", "--snapshot", snapshot)
		for _, key := range []string{feature, "held"} {
			f.activate(key, client.Wait())
			f.until("the first stands at on", func() bool { return first.stands(key) == muster.On })
		}
		first.term() // it has the latest on disk when it has ended
		<-first.done

		sea.layUp()
		with, without := join("with", "--snapshot", snapshot), join("without")
		f.until("it says that it goes by the snapshot", func() bool {
			return with.stands("held") == muster.On && with.stands(feature) == muster.Accept
		})
		for _, p := range []*process{with, without} {
			f.until(p.name+" says that nobody answers", func() bool { return p.said("ZooKeeper does not answer") })
		}
		if diff := cmp.Diff(with.kinds(), []sdk.EventKind{sdk.EventStale, sdk.EventStage, sdk.EventStage}); diff != "" {
			t.Error("with a snapshot:", diff)
		}
		if diff := cmp.Diff(without.kinds(), []sdk.EventKind(nil)); diff != "" {
			t.Error("without one:", diff)
		}
		if !with.running() || !without.running() {
			t.Error("a process has ended because ZooKeeper is away")
		}

		sea.sail()
		for _, p := range []*process{with, without} {
			f.until(p.name+" has joined and stands at on", func() bool {
				return p.life.has(sdk.EventJoined) && p.stands(feature) == muster.On && p.stands("held") == muster.On
			})
			p.signal(syscall.SIGTERM)
			<-p.done
		}
	})
}

// stands is the last stage of a feature that the process has told of.
func (p *process) stands(key string) muster.Stage {
	for _, m := range slices.Backward(p.life.all()) {
		if m.Kind == sdk.EventStage && m.Feature == key {
			return m.Stage
		}
	}
	return muster.Off
}

// kinds lists what it has told, in order.
func (p *process) kinds() (kinds []sdk.EventKind) {
	for _, m := range p.life.all() {
		kinds = append(kinds, m.Kind)
	}
	return kinds
}

// said reports whether it has said so on standard error.
func (p *process) said(text string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Contains(p.log.String(), text)
}
