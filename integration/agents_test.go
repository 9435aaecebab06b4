package integration_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/client"
	"github.com/musterhq/muster/sdk"
)

// Case 11: the agent that leads dies at every stage, with a step to be made; the
// next one finishes, and nothing is done twice.
func TestCase11LeaderDiesAtEachStage(t *testing.T) {
	onEach(t, func(f *fleet) {
		shop := spec(feature, "checkout", ">=2.0.0")
		f.apply(shop)
		busy := f.join("checkout", "busy", "2.0.0")
		f.join("checkout", "idle", "2.0.0")
		agents := 2
		die := func() {
			agents++
			f.replace(f.leader(), fmt.Sprintf("agent-%d", agents))
		}

		f.activate(feature, client.RequestID("up"))
		die() // wherever it was by then
		f.awaitStage(feature, muster.On)

		_, end := busy.Pin(f.ctx)
		defer end()
		f.deactivate(feature)
		f.awaitBlocker(feature, muster.ReasonDraining, "busy")
		die() // at accept, waiting for an ack on the way down
		end()
		f.awaitStage(feature, muster.Off)

		old := f.join("checkout", "old", "1.0.0")
		f.activate(feature)
		f.awaitBlocker(feature, muster.ReasonOldVersion, "old")
		_, end = busy.Pin(f.ctx)
		defer end()
		die() // at off, waiting for an upgrade
		old.leave()
		f.awaitBlocker(feature, muster.ReasonDraining, "busy")
		die() // at accept, waiting for an ack on the way up
		end()
		f.awaitStage(feature, muster.On)
		f.activate(feature, client.RequestID("up")) // sent again: it was carried out

		want := []string{
			"apply", "adopt", "activate", "move off→accept", "move accept→on",
			"deactivate", "move on→accept", "move accept→off", "gate everyone is off",
			"activate", "move off→accept", "move accept→on",
		}
		if got := told(f.judge(shop)); !cmp.Equal(got, want) {
			f.Errorf("history (-want +got):\n%s", cmp.Diff(want, got))
		}
	})
}

// Case 11, in good order: agents are restarted one after the other, as in a
// rolling upgrade of their own.
func TestAgentsAreRestartedOneAfterTheOther(t *testing.T) {
	onEach(t, func(f *fleet) {
		shop := spec(feature, "checkout", ">=2.0.0")
		f.apply(shop)
		i := f.join("checkout", "c1", "2.0.0")
		for n, stage := range []muster.Stage{muster.On, muster.Off, muster.On, muster.Off} {
			wanted := f.activate
			if stage == muster.Off {
				wanted = f.deactivate
			}
			wanted(feature)
			a := f.agents[n%2]
			addr := a.Addr()
			a.end()
			f.awaitStage(feature, stage)
			i.awaitStage(feature, stage)
			f.agents[n%2] = f.startAgent(fmt.Sprintf("agent-%d", 3+n), addr)
		}
		f.judge(shop)
	})
}

// Case 13: the agent that leads is cut off, does not know, and wakes up when
// another leads. What it then writes is refused, and it reads again.
func TestCase13DeposedLeaderWakesUp(t *testing.T) {
	onEach(t, func(f *fleet) {
		shop := spec(feature, "checkout", ">=2.0.0")
		f.apply(shop)
		busy := f.join("checkout", "busy", "2.0.0")
		_, end := busy.Pin(f.ctx)
		defer end()
		f.activate(feature)
		f.awaitBlocker(feature, muster.ReasonDraining, "busy")

		first := f.leader()
		release := first.line.Hold() // with a step to be made as soon as the ack is there
		defer release()
		f.until("another agent leads", func() bool { return f.leaderBut(first) != nil })
		end()
		f.awaitStage(feature, muster.On)
		f.kill(feature)
		release()
		f.until("the first is back in the election", func() bool {
			said := f.ask(first)
			return said.Ready && !said.Leading && said.Leader == f.leaderBut(first).name
		})
		f.awaitStage(feature, muster.Off)
		f.judge(shop)
	})
}

// Any agent takes commands and answers reads, whoever leads.
func TestAnyAgentTakesCommands(t *testing.T) {
	onEach(t, func(f *fleet) {
		shop := spec(feature, "checkout", ">=2.0.0")
		f.apply(shop)
		f.join("checkout", "c1", "2.0.0")
		for _, a := range f.agents {
			c := f.dial(a.Addr())
			f.must("activate and deactivate by "+a.name, func(ctx context.Context) error {
				if _, err := c.Activate(ctx, feature, client.Wait()); err != nil {
					return err
				}
				_, err := c.Deactivate(ctx, feature, client.Wait())
				return err
			})
		}
		if moves := f.judge(shop); len(moves) != 2+len(f.agents)*7 {
			f.Errorf("%d records:\n%s", len(moves), show(told(moves)))
		}
	})
}

// Cases 3 and 12: connections break between a transaction and its reply, and
// before it, all the time. What was written is found out by reading.
func TestCase12RepliesAreLost(t *testing.T) {
	onEach(t, func(f *fleet) {
		shop := spec(feature, "checkout", ">=2.0.0")
		f.apply(shop)
		breaks := func(nth int) func(*sdk.Config) {
			l := newLine()
			l.Break(nth)
			return func(cfg *sdk.Config) { cfg.Dial = l.Dial }
		}
		instances := []*instance{
			f.join("checkout", "c1", "2.0.0", breaks(2)),
			f.join("checkout", "c2", "2.0.0", breaks(3)),
		}
		f.agents[0].line.Break(2)
		f.agents[1].line.Break(3)
		for range 3 {
			f.activate(feature, client.Wait())
			for _, i := range instances {
				i.awaitStage(feature, muster.On)
			}
			f.deactivate(feature, client.Wait())
		}
		f.agents[0].line.Break(0)
		f.agents[1].line.Break(0)
		if members := f.members("checkout"); len(members) != len(instances) {
			f.Errorf("%d members of %d instances:\n%s", len(members), len(instances), show(members))
		}
		if records := f.judge(shop); len(records) != 2+3*7 {
			f.Errorf("%d records:\n%s", len(records), show(told(records)))
		}
	})
}
