package integration_test

import (
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/internal/ensemble"
	"github.com/musterhq/muster/internal/plan"
)

// legion is how many members one service has.
const legion = 10_000

// BenchmarkTenThousandMembers says what an agent costs that keeps a service of
// 10,000 members in view, and how long it takes to decide about them. The
// servers are processes of their own, so what this process holds is the agent's.
func BenchmarkTenThousandMembers(b *testing.B) {
	f := &fleet{TB: b, pace: unhurried(), servers: genuine().serve(b), root: ensemble.Root(b), ctx: b.Context()}
	began := time.Now()
	st := f.store()
	f.many(legion, func(i int) {
		if _, err := st.Join(f.ctx, anonymous("checkout", fmt.Sprintf("c%d", i), "2.0.0"), ackAll); err != nil {
			b.Errorf("join: %v", err)
		}
	})
	joined := time.Since(began)

	before := heap()
	began = time.Now()
	a := f.startAgent("agent-1", "127.0.0.1:0")
	f.agents = append(f.agents, a)
	f.until("the agent has read it all", func() bool { return f.ask(a).Ready })
	ready := time.Since(began)
	kept := heap() - before
	fmt.Printf("\n%d members: registered in %v, read by an agent in %v; its heap is %.1f MiB, %d bytes a member\n",
		legion, joined.Round(time.Millisecond), ready.Round(time.Millisecond), float64(kept)/(1<<20), kept/legion)

	f.client = f.dial(a.Addr())
	shop := spec(feature, "checkout", ">=2.0.0")
	f.apply(shop)
	began = time.Now()
	f.activate(feature)
	f.awaitStage(feature, muster.Accept)
	fmt.Printf("%d members: at accept %v after the command\n", legion, time.Since(began).Round(time.Millisecond))

	svc, err := st.Service(f.ctx, "checkout", nil)
	if err != nil {
		b.Fatal(err)
	}
	for _, stage := range []muster.Stage{muster.Off, muster.Accept} {
		state := planState(shop.WithDefaults(), svc, stage)
		b.Run("plan-"+stage.String(), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if step := plan.Next(state); step.Move == nil {
					b.Fatalf("nothing to do: %v", step.Waiting)
				}
			}
			b.ReportMetric(float64(kept)/(1<<20), "agent-MiB")
		})
	}
}

// planState is one in which the whole service is ready for the next step up.
func planState(spec muster.Spec, svc muster.Service, stage muster.Stage) plan.State {
	spec.Revision = 1
	status := muster.Status{Feature: feature, Desired: muster.On, Stage: stage, Epoch: 1, Spec: 1, DesiredSpec: 1, Gate: stage > muster.Off}
	svc.Members = slices.Clone(svc.Members)
	for i := range svc.Members {
		svc.Members[i].Ack = muster.Ack{Revision: svc.Sheet.Revision, Applied: svc.Sheet.Revision}
	}
	svc.Sheet = svc.Sheet.With(feature, muster.Entry{
		Stage: stage, Epoch: 1, Since: svc.Sheet.Revision, Spec: 1, Constraint: spec.Participants["checkout"].Version,
		Gate: status.Gate, OnDisconnect: spec.OnDisconnect,
	})
	return plan.State{
		Now: time.Now(), Status: status, Spec: &spec, Services: map[string]muster.Service{"checkout": svc},
		Agent: "agent-1", Operation: "operation",
	}
}

// heap is what is held, after garbage was collected.
func heap() int64 {
	for range 3 {
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
