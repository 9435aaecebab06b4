package integration_test

import (
	"slices"
	"testing"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/client"
)

// A partition takes agents from ZooKeeper, given with the one that leads first,
// and mends it.
type partition struct {
	name string
	cut  func(leader *agentHandle, others []*agentHandle) (gone []*agentHandle, heal func())
}

// away disturbs the lines of agents in one way.
func away(disturb func(*line) (heal func()), agents ...*agentHandle) ([]*agentHandle, func()) {
	var heals []func()
	for _, a := range agents {
		heals = append(heals, disturb(a.line))
	}
	return agents, func() {
		for _, heal := range heals {
			heal()
		}
	}
}

func closed(l *line) (heal func()) {
	l.Cut()
	return l.Heal
}

func partitions() []partition {
	return []partition{
		{"the leader is cut off", func(leader *agentHandle, _ []*agentHandle) ([]*agentHandle, func()) {
			return away(closed, leader)
		}},
		{"the leader hears and says nothing", func(leader *agentHandle, _ []*agentHandle) ([]*agentHandle, func()) {
			return away((*line).Hold, leader)
		}},
		{"the leader is heard, and hears nothing", func(leader *agentHandle, _ []*agentHandle) ([]*agentHandle, func()) {
			return away((*line).Deafen, leader)
		}},
		{"both others are cut off", func(_ *agentHandle, others []*agentHandle) ([]*agentHandle, func()) {
			return away(closed, others...)
		}},
		{"the leader and another hear and say nothing", func(leader *agentHandle, others []*agentHandle) ([]*agentHandle, func()) {
			return away((*line).Hold, leader, others[0])
		}},
	}
}

// Case 13: three agents are partitioned each way, with an activation under way.
// Whoever can reach ZooKeeper completes it; no step is made twice, whatever those
// who could not thought.
func TestCase13AgentsArePartitionedEachWay(t *testing.T) {
	t.Parallel()
	for _, b := range backends() {
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			f := newFleet(t, b, short())
			f.agents = append(f.agents, f.startAgent("agent-3", "127.0.0.1:0"))
			shop := spec(feature, "checkout", ">=2.0.0")
			f.apply(shop)
			busy := f.join("checkout", "busy", "2.0.0")
			f.join("checkout", "idle", "2.0.0")
			for _, p := range partitions() {
				f.completes(p, busy)
			}
			if records := f.judge(shop); len(records) != 2+len(partitions())*7 {
				f.Errorf("%d records:\n%s", len(records), show(told(records)))
			}
		})
	}
}

// completes cuts the agents, with an activation that waits for an ack, and sees it
// completed by those who are left.
func (f *fleet) completes(p partition, busy *instance) {
	f.Helper()
	f.until("all agents are ready", func() bool {
		return !slices.ContainsFunc(f.agents, func(a *agentHandle) bool { return !f.ask(a).Ready })
	})
	leader := f.leader()
	others := slices.DeleteFunc(slices.Clone(f.agents), func(a *agentHandle) bool { return a == leader })
	f.client = f.dial(leader.Addr())
	_, end := busy.Pin(f.ctx)
	defer end()
	f.activate(feature)
	f.awaitBlocker(feature, muster.ReasonDraining, "busy")

	gone, heal := p.cut(leader, others)
	defer heal()
	var left []string
	for _, a := range f.agents {
		if !slices.Contains(gone, a) {
			left = append(left, a.Addr())
		}
	}
	f.client = f.dial(left...)
	end()
	f.awaitStage(feature, muster.On)
	busy.awaitStage(feature, muster.On)
	heal()
	f.deactivate(feature, client.Wait())
	f.Logf("%s: completed by the others", p.name)
}
