package voyage_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/client"
	"github.com/musterhq/muster/internal/store"
	"github.com/musterhq/muster/internal/zkserver"
	"github.com/musterhq/muster/internal/zoo"
)

var (
	services = []string{"checkout", "shipping", "storefront"}
	features = []string{"address", "receipt"}
	versions = []string{"1.4.0", "2.0.0", "2.1.0"}
)

const newest = "2.1.0"

// An outcome is what came of a voyage.
type outcome struct {
	wrong *failure // nil when every promise was kept
	stats stats
	ops   operations // to be checked where time is real
	lines []string   // what happened last
}

// A world is one voyage: servers, agents, instances, operators, and what happens
// to them.
type world struct {
	t       *testing.T
	seed    uint64
	variant variant
	length  time.Duration // of the part with faults

	// Of the driver's goroutine alone:
	dice     *rand.Rand
	born     uint64 // dice drawn
	started  int    // instances, ever
	requests int    // ever
	agents   []*helm
	slots    int  // agents, ever
	rough    bool // faults happen all the time
	plans    []planned
	heal     func() // ends the server's silence; nil when it is not silent
	dir      string // of the server's data; "" for memory only
	client   []*client.Client
	reader   *zoo.Session
	registry *store.Store

	server  atomic.Pointer[zkserver.Server] // nil while there is none
	storm   atomic.Bool
	faults  atomic.Bool // there may be any
	bait    atomic.Bool // an agent is about to write that a feature leaves off
	reading atomic.Bool // the reader is at it
	wg      sync.WaitGroup
	serving sync.WaitGroup // of the server

	drawn sync.Mutex // guards born

	tally sync.Mutex // guards stats; nothing else is locked under it
	stats stats

	mu        sync.Mutex // guards the fields below, and what says so; the server is never called under it
	history   history
	truth     truth
	linear    linear
	fleet     []*instance
	instances map[string]*instance // by service/entry
	doors     map[string]door      // of the agents' API, by address
	over      bool                 // nothing is judged any more
}

// sail makes one voyage, in a bubble of virtual time.
func sail(t *testing.T, seed uint64, v variant, length time.Duration) outcome {
	t.Helper()
	var out outcome
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, seed, v, length)
		w.run()
		w.tearDown()
		w.stats.Virtual = time.Since(w.history.began)
		out = outcome{wrong: w.history.wrong, stats: w.stats, ops: w.linear.all(), lines: w.history.lines}
	})
	return out
}

func newWorld(t *testing.T, seed uint64, v variant, length time.Duration) *world {
	w := &world{
		t: t, seed: seed, variant: v, length: length, dice: rand.New(rand.NewPCG(seed, 0)),
		stats: newStats(), truth: newTruth(), linear: newLinear(),
		instances: make(map[string]*instance), doors: make(map[string]door),
	}
	w.history.began = time.Now()
	return w
}

// draw returns dice for one part of the voyage, so that parts that run at once
// do not take one another's.
func (w *world) draw() *rand.Rand {
	w.drawn.Lock()
	defer w.drawn.Unlock()
	w.born++
	return rand.New(rand.NewPCG(w.seed, w.born))
}

func (w *world) now() time.Time { return time.Now() }

// running returns the server that runs, nil where none does.
func (w *world) running() *zkserver.Server { return w.server.Load() }

// stormy reports whether packets are lost; calm, whether nothing is wrong at
// all.
func (w *world) stormy() bool { return w.storm.Load() }
func (w *world) calm() bool   { return !w.faults.Load() }

// spawn starts what the voyage waits for.
func (w *world) spawn(f func()) { w.wg.Go(f) }

func (w *world) chance(percent float64) bool { return w.dice.Float64()*100 < percent }

func pick[T any](w *world, from []T) T { return from[w.dice.IntN(len(from))] }

// run is the voyage.
func (w *world) run() {
	w.faults.Store(true)
	if w.chance(30) {
		w.dir = w.t.TempDir()
	}
	w.serve()
	w.connect()
	for range 2 + w.dice.IntN(2) {
		w.startAgent()
	}
	for _, service := range services {
		for range 2 + w.dice.IntN(2) {
			w.start(service, pick(w, versions[1:]))
		}
	}
	for _, key := range features {
		w.command(key, muster.ActionApply)
	}
	rest(context.Background(), 2*time.Second)
	for _, key := range features {
		w.command(key, muster.ActionActivate)
	}
	for time.Since(w.history.began) < w.length && !w.failed() {
		w.step()
	}
	if !w.failed() && !w.variant.unjudged {
		w.finish()
	}
}

// serve starts a server, with the data of the one before where it keeps any.
func (w *world) serve() {
	s, err := zkserver.New(zkserver.Config{DataDir: w.dir, Observer: w.observe, SnapshotEvery: 200})
	if err != nil {
		w.t.Error(err)
		return
	}
	w.serving.Go(func() {
		if err := s.Run(context.Background()); err != nil && !errors.Is(err, zkserver.ErrClosed) { // it was ended before it began
			w.t.Errorf("server: %v", err)
		}
	})
	w.server.Store(s)
}

// halt stops the server.
func (w *world) halt() {
	if s := w.server.Swap(nil); s != nil {
		_ = s.Close()
	}
	w.serving.Wait()
	w.heal = nil
}

// connect makes the operators, and the reader, whom no fault concerns but those
// of the server.
func (w *world) connect() {
	network := newNetwork(w, "reader", nil)
	w.t.Cleanup(network.end)
	zk, err := zoo.Dial(context.Background(), zoo.Config{
		Servers: []string{"zk:2181"}, SessionTimeout: 40 * time.Second, OpTimeout: 20 * time.Second, Dial: network.calmly(),
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.reader, w.registry = zk, store.New(zk, root)
	for range 3 {
		w.client = append(w.client, w.operator())
	}
}

// tearDown ends everything.
func (w *world) tearDown() {
	w.mu.Lock()
	w.over = true
	fleet := w.fleet
	for _, i := range fleet {
		for _, r := range i.requests {
			r.cancel()
		}
	}
	w.mu.Unlock()
	w.storm.Store(false)
	if w.heal != nil {
		w.heal()
	}
	for _, i := range fleet {
		w.stop(i)
		i.network.kill(true)
	}
	for _, a := range w.agents {
		w.killAgent(a, true)
	}
	w.wg.Wait()
	for _, i := range fleet {
		i.network.end()
	}
	for _, c := range w.client {
		_ = c.Close()
	}
	_ = w.reader.Close()
	w.halt()
	clear(w.doors)
}
