package agent

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/internal/store"
	"github.com/musterhq/muster/internal/zoo"
)

// An instance is made by hand: it joins, and acks what it is told.
type instance struct {
	muster.Instance
	f       *fleet
	zk      *zoo.Session
	store   *store.Store
	silent  atomic.Bool // does not ack
	acked   atomic.Int32
	nudge   chan struct{}
	cancel  context.CancelFunc
	follows sync.WaitGroup
}

var incarnations atomic.Int64

// instance makes one that has not joined yet.
func (f *fleet) instance(service, id, version string) *instance {
	f.t.Helper()
	i := &instance{f: f, nudge: make(chan struct{}, 1), Instance: muster.Instance{
		Service: service, ID: id, Version: version, Started: time.Now(),
		Incarnation: fmt.Sprintf("%08d", incarnations.Add(1)),
	}}
	i.zk, i.store = f.session(new(network))
	return i
}

// join makes one that has joined and follows its sheet.
func (f *fleet) join(service, id, version string) *instance {
	f.t.Helper()
	i := f.instance(service, id, version)
	if err := i.join(); err != nil {
		f.t.Fatal(err)
	}
	return i
}

func (i *instance) join() error {
	ctx, cancel := context.WithCancel(i.f.t.Context())
	_, err := i.store.Join(ctx, i.Instance, func(s muster.Sheet) muster.Ack {
		i.acked.Store(s.Revision)
		return muster.Ack{Revision: s.Revision, Applied: s.Revision}
	})
	if err != nil {
		cancel()
		return err
	}
	i.cancel = cancel
	i.follows.Go(func() { i.follow(ctx) })
	i.f.t.Cleanup(i.stop)
	return nil
}

// follow acks every sheet until ctx ends.
func (i *instance) follow(ctx context.Context) {
	for ctx.Err() == nil {
		sheet, changed, err := i.store.WatchSheet(ctx, i.Service)
		if err == nil && sheet.Revision > i.acked.Load() && !i.silent.Load() {
			err = i.store.Ack(ctx, i.Instance, muster.Ack{Revision: sheet.Revision, Applied: sheet.Revision})
			if err == nil {
				i.acked.Store(sheet.Revision)
			}
		}
		rest := 5 * time.Second
		if err != nil {
			rest = time.Second
		}
		select {
		case <-ctx.Done():
		case <-changed:
		case <-i.nudge:
		case <-time.After(rest):
		}
	}
}

// setSilent has it ack no more, or again.
func (i *instance) setSilent(silent bool) {
	i.silent.Store(silent)
	select {
	case i.nudge <- struct{}{}:
	default:
	}
}

func (i *instance) stop() {
	i.cancel()
	i.follows.Wait()
}

// leave goes as it should.
func (i *instance) leave() {
	i.f.t.Helper()
	i.stop()
	if err := i.store.Leave(i.f.t.Context(), i.Instance); err != nil {
		i.f.t.Error(err)
	}
	_ = i.zk.Close()
}

// vanish goes without a word: its live entry is gone, and the member stands.
func (i *instance) vanish() {
	i.stop()
	_ = i.zk.Close()
}
