package integration_test

import (
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/client"
	"github.com/musterhq/muster/internal/ensemble"
	"github.com/musterhq/muster/internal/zoo"
	"github.com/musterhq/muster/sdk"
)

// crowd is how many instances flip, and how many sessions watch a znode.
const crowd = 1000

// unhurried is the pace of benchmarks: nobody dies.
func unhurried() pace {
	return pace{session: 30 * time.Second, lease: 45 * time.Second, quarantine: 60 * time.Second}
}

// BenchmarkFanOut takes the time from the command to activate until the last of
// 1,000 instances stands at on: off, accept with 1,000 acks, on. Beside it, in
// the same run, stands the time from a write until the last of 1,000 sessions
// has had its watch: as fast as ZooKeeper can tell them. The instances share
// this process and its cores, and nothing else.
func BenchmarkFanOut(b *testing.B) {
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "\nserver\tsessions\tflips\tall accept\tfirst on\tall on\tworst\tbare watch\tworst\tratio\t")
	for _, backend := range backends() {
		b.Run(backend.name, func(b *testing.B) { fanOut(b, backend, table) })
	}
	table.Flush()
}

func fanOut(b *testing.B, backend backend, table io.Writer) {
	f := newFleet(b, backend, unhurried())
	c := f.gather()
	w := f.watchers()
	var accepts, firsts, flips, watches []time.Duration
	for b.Loop() {
		accept, first, flip := c.flip()
		accepts, firsts, flips = append(accepts, accept), append(firsts, first), append(flips, flip)
		b.StopTimer()
		for range 3 {
			watches = append(watches, w.tell())
		}
		f.deactivate(feature, client.Wait())
		b.StartTimer()
	}
	flip, watch := median(flips), median(watches)
	ratio := flip.Seconds() / watch.Seconds()
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(ms(flip), "flip-ms")
	b.ReportMetric(ms(watch), "watch-ms")
	b.ReportMetric(ratio, "ratio")
	fmt.Fprintf(table, "%s\t%d\t%d\t%.0f ms\t%.0f ms\t%.0f ms\t%.0f ms\t%.0f ms\t%.0f ms\t%.1f\t\n", backend.name, crowd, len(flips),
		ms(median(accepts)), ms(median(firsts)), ms(flip), ms(slices.Max(flips)), ms(watch), ms(slices.Max(watches)), ratio)
}

// A flock is the instances that flip.
type flock struct {
	f                          *fleet
	accepting, on              atomic.Int64
	allAccept, firstOn, lastOn chan time.Time
}

// gather joins the instances, some at a time.
func (f *fleet) gather() *flock {
	f.Helper()
	moment := func() chan time.Time { return make(chan time.Time, 1) }
	c := &flock{f: f, allAccept: moment(), firstOn: moment(), lastOn: moment()}
	f.apply(spec(feature, "checkout", ">=2.0.0"))
	f.many(crowd, func(i int) {
		m, err := sdk.Open(f.ctx, sdk.Config{
			Service: "checkout", Version: "2.0.0", ID: fmt.Sprintf("c%d", i), Servers: f.servers, Root: f.root,
			SessionTimeout: f.session, Lease: f.lease, Events: c.hear,
		})
		if err != nil {
			f.Errorf("open: %v", err)
			return
		}
		f.Cleanup(func() { _ = m.Close() })
	})
	if f.Failed() {
		f.FailNow()
	}
	return c
}

func (c *flock) hear(e sdk.Event) {
	switch {
	case e.Kind != sdk.EventStage:
	case e.Stage == muster.Accept && c.accepting.Add(1) == crowd:
		c.allAccept <- e.Time
	case e.Stage == muster.On:
		switch c.on.Add(1) {
		case 1:
			c.firstOn <- e.Time
		case crowd:
			c.lastOn <- e.Time
		}
	}
}

// flip activates the feature and returns when the last instance had heard of
// accept, the first of on, and the last of on.
func (c *flock) flip() (accept, first, last time.Duration) {
	c.f.Helper()
	c.accepting.Store(0)
	c.on.Store(0)
	began := time.Now()
	c.f.activate(feature)
	accept = c.f.moment("instance at accept", c.allAccept).Sub(began)
	first = c.f.moment("instance at on", c.firstOn).Sub(began)
	last = c.f.moment("instance at on", c.lastOn).Sub(began)
	return accept, first, last
}

// moment waits for what is to happen.
func (f *fleet) moment(what string, moment <-chan time.Time) time.Time {
	f.Helper()
	select {
	case t := <-moment:
		return t
	case <-f.patience():
		f.Fatalf("waited in vain for an %s", what)
		return time.Time{}
	}
}

// watchers are sessions that watch one znode, and do no more.
type watchers struct {
	f        *fleet
	path     string
	writer   *zoo.Session
	sessions []*zoo.Session
}

func (f *fleet) watchers() *watchers {
	f.Helper()
	w := &watchers{f: f, path: ensemble.Root(f), writer: f.zoo(), sessions: make([]*zoo.Session, crowd)}
	var t zoo.Txn
	t.Create(w.path, []byte("watched"), zoo.Persistent)
	if _, err := w.writer.Commit(f.ctx, t); err != nil {
		f.Fatal(err)
	}
	f.many(crowd, func(i int) {
		s, err := zoo.Dial(f.ctx, zoo.Config{Servers: f.servers, SessionTimeout: f.session, MaxRequest: 64 << 10, MaxReply: 64 << 10})
		if err != nil {
			f.Errorf("session: %v", err)
			return
		}
		f.Cleanup(func() { _ = s.Close() })
		w.sessions[i] = s
	})
	if f.Failed() {
		f.FailNow()
	}
	return w
}

// tell writes the znode and returns how long the last watch took.
func (w *watchers) tell() time.Duration {
	w.f.Helper()
	channels := make([]<-chan struct{}, len(w.sessions))
	w.f.many(len(w.sessions), func(i int) {
		var err error
		if _, channels[i], err = w.sessions[i].Watch(w.f.ctx, w.path); err != nil {
			w.f.Errorf("watch: %v", err)
		}
	})
	var told atomic.Int64
	last := make(chan time.Time, 1)
	var wg sync.WaitGroup
	for _, changed := range channels {
		wg.Go(func() {
			<-changed
			if told.Add(1) == crowd {
				last <- time.Now()
			}
		})
	}
	var t zoo.Txn
	t.Set(w.path, []byte("watched"), -1)
	began := time.Now()
	if _, err := w.writer.Commit(w.f.ctx, t); err != nil {
		w.f.Fatal(err)
	}
	took := w.f.moment("end of all watches", last).Sub(began)
	wg.Wait()
	return took
}

// many does something n times, some at a time.
func (f *fleet) many(n int, do func(i int)) {
	var wg sync.WaitGroup
	tokens := make(chan struct{}, 100)
	for i := range n {
		tokens <- struct{}{}
		wg.Go(func() {
			defer func() { <-tokens }()
			do(i)
		})
	}
	wg.Wait()
}

func median(ds []time.Duration) time.Duration {
	slices.Sort(ds)
	return ds[len(ds)/2]
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
