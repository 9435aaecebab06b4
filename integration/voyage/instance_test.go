package voyage_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/musterhq/muster/sdk"
)

// The time within which an instance lets its requests drain.
const drain = 6 * time.Second

// An instance is one process of a service: the real SDK on a network of its own.
type instance struct {
	service, version string
	lease            time.Duration // how long it may go on without contact
	client           *sdk.Client
	network          *network
	flags            map[string]*sdk.Flag[bool]

	// Guarded by world.mu:
	crashed  bool // the process is gone
	leaving  bool // it was told to end
	ended    bool // and has
	requests []*request
	began    [2]int64  // numbers of the last two events that it told of its membership
	joined   bool      // its birth was told
	cut      time.Time // since when nothing passes; zero while it does
	lastAway time.Time // when it was last seen without a lease
	closing  chan struct{}
}

func (i *instance) String() string {
	inst := i.client.Instance()
	return i.service + "/" + inst.Entry() + " " + i.version
}

func (i *instance) key() string { return i.service + "/" + i.client.Instance().Entry() }

// aliveLocked reports whether there is a process.
func (i *instance) aliveLocked() bool { return !i.crashed && !i.ended }

func number(n int32) string { return strconv.Itoa(int(n)) }

// start starts an instance. It joins when it can.
func (w *world) start(service, version string) *instance {
	w.started++
	id := fmt.Sprintf("%s%d", service[:1], w.started)
	if w.dice.IntN(4) == 0 {
		id = service[:1] + "-reused" // names may be borne twice
	}
	i := &instance{service: service, version: version, closing: make(chan struct{}), flags: make(map[string]*sdk.Flag[bool])}
	i.network = newNetwork(w, service+"/"+id, w.variant.instance)
	heard := make(chan struct{}) // events wait until the instance is in the list
	cfg := sdk.Config{
		Service: service, Version: version, ID: id, Servers: []string{"zk:2181"}, Dial: i.network.dial, Drain: drain,
		Events: func(e sdk.Event) { <-heard; w.told(i, e) },
	}
	cfg.SessionTimeout, cfg.Lease = w.terms()
	i.lease = cfg.Lease
	if w.variant.lease != 0 {
		cfg.Lease = w.variant.lease
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel() // it is not waited for
	client, err := sdk.Open(ctx, cfg)
	if err != nil {
		w.fail("G7", "open %s/%s: %v", service, id, err)
	}
	i.client = client
	for _, key := range features {
		i.flags[key] = client.Bool(key, false)
	}
	if w.chance(25) { // it takes its time to change over, and its ack waits for that
		slow := time.Duration(w.dice.IntN(2000)) * time.Millisecond
		client.OnChange(func(sdk.Change) { time.Sleep(slow) })
	}
	w.mu.Lock()
	n := w.noteLocked("%s starts", i)
	i.began = [2]int64{n, n}
	w.fleet = append(w.fleet, i)
	w.instances[i.key()] = i
	w.mu.Unlock()
	close(heard)
	return i
}

// terms draws how long an instance lives without a word, for the servers and for
// itself: what quarantines are reckoned from.
func (w *world) terms() (session, lease time.Duration) {
	session = 8 * time.Second
	if w.variant.lease != 0 {
		return session, session * 3 / 2
	}
	if w.chance(30) {
		session = pick(w, []time.Duration{2 * time.Second, 5 * time.Second, 15 * time.Second, time.Minute})
	}
	lease = session * 3 / 2
	if w.chance(20) {
		lease = min(session*time.Duration(5+w.dice.IntN(26))/10, 2*time.Minute)
	}
	return session, lease
}

// told notes what an instance tells of itself.
func (w *world) told(i *instance, e sdk.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if i.crashed {
		return // nobody hears it
	}
	text := string(e.Kind)
	if e.Kind == sdk.EventStage {
		text = fmt.Sprintf("%s is %s, epoch %d", e.Feature, e.Stage, e.Epoch)
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	n := w.sayLocked("%s tells: revision %d: %s", i, e.Revision, text)
	w.count("event " + string(e.Kind))
	inst := i.client.Instance()
	switch e.Kind {
	case sdk.EventJoined:
		if !i.joined {
			w.linear.joined(i.service, inst.Entry(), i.version, i.began[0], n)
			i.joined = true
		}
	case sdk.EventRefused:
		w.linear.refused(i.service, inst.Entry(), i.version, i.began[0], n)
	default:
		return
	}
	i.began = [2]int64{i.began[1], n}
}

// stop ends an instance in good order: it drains, and leaves.
func (w *world) stop(i *instance) {
	w.mu.Lock()
	if i.leaving || i.crashed {
		w.mu.Unlock()
		return
	}
	i.leaving = true
	n := w.noteLocked("%s is told to end", i)
	w.mu.Unlock()
	w.spawn(func() {
		defer close(i.closing)
		err := i.client.Close()
		w.mu.Lock()
		defer w.mu.Unlock()
		i.ended = true
		end := w.noteLocked("%s has ended: %v", i, err)
		w.linear.left(i.service, i.client.Instance().Entry(), n, end, err == nil && !i.crashed)
		if err != nil && w.calm() && !i.crashed && !errors.Is(err, sdk.ErrClosed) {
			w.failLocked("G7", "%s cannot leave, and nothing is wrong: %v", i, err)
		}
	})
}

// crash ends an instance without a word. With reset the system closes its
// connections, else its machine is silent.
func (w *world) crash(i *instance, reset bool) {
	w.mu.Lock()
	if i.crashed || i.ended {
		w.mu.Unlock()
		return
	}
	i.crashed = true
	for _, r := range i.requests {
		r.cancel()
	}
	w.count("instance crashed")
	w.noteLocked("%s crashes", i)
	leaving := i.leaving
	if !i.joined {
		w.linear.unknown(i.service, i.client.Instance().Entry(), i.version, i.began[0])
	}
	w.mu.Unlock()
	i.network.kill(reset)
	if !leaving {
		w.spawn(func() { defer close(i.closing); _ = i.client.Close() }) // what is left of it
	}
}
