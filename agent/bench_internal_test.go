package agent

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/internal/plan"
	"github.com/musterhq/muster/internal/store"
)

// crowd registers n instances of a service through a few sessions; they ack
// together when they are told to.
type crowd struct {
	f       *fleet
	stores  []*store.Store
	members [][]muster.Instance // by session
}

func (f *fleet) crowd(service string, n int) *crowd {
	f.t.Helper()
	const sessions = 16
	c := &crowd{f: f, members: make([][]muster.Instance, sessions)}
	for i := range sessions {
		_, st := f.session(new(network))
		c.stores = append(c.stores, st)
		for k := i; k < n; k += sessions {
			c.members[i] = append(c.members[i], muster.Instance{
				Service: service, ID: fmt.Sprintf("instance-%05d", k), Incarnation: fmt.Sprintf("%08d", k), Version: fmt.Sprintf("2.%d.0", k%3),
				Labels: map[string]string{"zone": "a"}, Started: time.Now(),
			})
		}
	}
	c.each(16, func(st *store.Store, inst muster.Instance) error {
		_, err := st.Join(context.Background(), inst, func(s muster.Sheet) muster.Ack {
			return muster.Ack{Revision: s.Revision, Applied: s.Revision}
		})
		return err
	})
	return c
}

// each does something for every instance, several at a time in each session.
func (c *crowd) each(parallel int, do func(*store.Store, muster.Instance) error) {
	c.f.t.Helper()
	var wg sync.WaitGroup
	for i, st := range c.stores {
		for p := range parallel {
			wg.Go(func() {
				for k := p; k < len(c.members[i]); k += parallel {
					if err := do(st, c.members[i][k]); err != nil {
						c.f.t.Error(err)
						return
					}
				}
			})
		}
	}
	wg.Wait()
}

// ack has all of them ack the sheet's revision.
func (c *crowd) ack(revision int32) {
	c.f.t.Helper()
	c.each(4, func(st *store.Store, inst muster.Instance) error {
		return st.Ack(context.Background(), inst, muster.Ack{Revision: revision, Applied: revision})
	})
}

// BenchmarkFlip takes a service of n instances from off to on and back. Beside
// the time of a step it tells how long the acks alone took: the rest is the
// agent's. All share the machine.
func BenchmarkFlip(b *testing.B) {
	for _, n := range []int{1_000, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			f := newFleet(b)
			p := f.agent("one")
			c := f.crowd("svc", n)
			f.order(p, muster.ActionApply, "f", featureSpec("f", map[string]string{"svc": ">=2.0.0"}))
			f.await("f", "is adopted", func(s muster.Status) bool { return s.Spec == 1 })
			var acks time.Duration
			step := func(what string, met func(muster.Status) bool) {
				f.await("f", what, met)
				sheet, _, err := f.store.WatchSheet(b.Context(), "svc")
				if err != nil {
					b.Fatal(err)
				}
				began := time.Now()
				c.ack(sheet.Revision)
				acks += time.Since(began)
			}
			var heap uint64
			for b.Loop() {
				f.order(p, muster.ActionActivate, "f", nil)
				step("accepts", func(s muster.Status) bool { return s.Stage == muster.Accept })
				step("is on", func(s muster.Status) bool { return s.Stage == muster.On })
				f.order(p, muster.ActionDeactivate, "f", nil)
				step("accepts", func(s muster.Status) bool { return s.Stage == muster.Accept })
				step("is off", func(s muster.Status) bool { return s.Stage == muster.Off })
				f.awaitOff("f")
				heap = max(heap, sys())
			}
			steps := float64(4 * b.N)
			b.ReportMetric(float64(b.Elapsed().Milliseconds())/steps, "ms/step")
			b.ReportMetric(float64(acks.Milliseconds())/steps, "ms/acks")
			b.ReportMetric(float64(heap)/(1<<20), "MiB-with-server-and-fleet")
			stopAll(f)
		})
	}
}

// BenchmarkLoad reads and judges a service of n instances again after one ack.
func BenchmarkLoad(b *testing.B) {
	for _, n := range []int{1_000, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			f := newFleet(b)
			f.crowd("svc", n)
			node, _ := standing(muster.Accept, muster.On)
			before := sys()
			zk, st := f.session(new(network))
			bodies := store.NewBodies(func() {})
			if _, err := st.Service(b.Context(), "svc", bodies); err != nil {
				b.Fatal(err)
			}
			after := sys()
			for b.Loop() {
				svc, err := st.Service(b.Context(), "svc", bodies)
				if err != nil {
					b.Fatal(err)
				}
				in := inputs{feature: node, services: map[string]*muster.Service{"svc": &svc}}
				plan.Next(in.state(epoch))
			}
			b.ReportMetric((float64(after)-float64(before))/(1<<20), "MiB-held")
			runtime.KeepAlive(bodies)
			_ = zk.Close()
		})
	}
}

// sys returns what the program holds, after a collection.
func sys() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse + m.StackInuse
}

func stopAll(f *fleet) {
	for _, p := range f.agents {
		p.stop()
	}
}
