package agent

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/internal/store"
	"github.com/musterhq/muster/internal/zoo"
)

// A feed reads what changes in the registry into the mirror, for as long as one
// session lasts. It holds a cell for every feature and every service that it
// ever heard of; what goes again, which only a hand can do, is nil there.
type feed struct {
	ctx    context.Context // of the session: ends the goroutines that follow cells
	st     *store.Store
	mirror *mirror
	log    *logrus.Entry
	wg     sync.WaitGroup // one for each cell that is followed

	mu       sync.Mutex // guards the fields below
	features map[string]*featureCell
	services map[string]*serviceCell
	unlisted int // of the two lists
}

type (
	featureCell = cell[*store.FeatureNode]
	serviceCell = cell[*muster.Service]
)

// startFeed starts to follow everything. The caller ends ctx and then waits.
func startFeed(ctx context.Context, st *store.Store, m *mirror, log *logrus.Entry) *feed {
	f := &feed{
		ctx: ctx, st: st, mirror: m, log: log,
		features: make(map[string]*featureCell),
		services: make(map[string]*serviceCell),
		unlisted: 2,
	}
	follow(f, newCell(st.WatchFeatures, f.listFeatures()), "features")
	follow(f, newCell(st.WatchServices, f.listServices()), "services")
	return f
}

// wait returns when all that the feed started has ended; its context has.
func (f *feed) wait() { f.wg.Wait() }

// follow keeps a cell up to date as long as the session lasts.
func follow[T any](f *feed, c *cell[T], what string) {
	f.wg.Go(func() {
		c.follow(f.ctx, pollEvery, func(err error) {
			f.log.WithError(err).WithField("what", what).Warn("cannot read; trying again")
		})
	})
}

// unread counts what is known to be there and was not read yet.
func (f *feed) unread() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := f.unlisted
	for _, c := range f.features {
		if _, read := c.peek(); !read {
			n++
		}
	}
	for _, c := range f.services {
		if _, read := c.peek(); !read {
			n++
		}
	}
	return n
}

// listFeatures returns what hears of the features' keys. All are read again
// where the list has changed: one may have gone, or come back.
func (f *feed) listFeatures() func(keys []string) {
	var once sync.Once
	return func(keys []string) {
		for _, key := range keys {
			f.feature(key)
		}
		f.mu.Lock()
		for _, c := range f.features {
			c.wake()
		}
		f.mu.Unlock()
		once.Do(f.listed)
	}
}

func (f *feed) listServices() func(names []string) {
	var once sync.Once
	return func(names []string) {
		for _, name := range names {
			if svc, read := f.service(name).peek(); read && !exists(svc) {
				f.service(name).wake() // a spec named it before it was there
			}
		}
		once.Do(f.listed)
	}
}

func (f *feed) listed() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.unlisted--
}

// feature returns the cell of a feature.
func (f *feed) feature(key string) *featureCell {
	f.mu.Lock()
	defer f.mu.Unlock()
	if c, ok := f.features[key]; ok {
		return c
	}
	c := newCell(func(ctx context.Context) (*store.FeatureNode, <-chan struct{}, error) {
		node, changed, err := f.st.WatchFeature(ctx, key)
		if errors.Is(err, muster.ErrNotFound) {
			return nil, nil, nil
		}
		return &node, changed, err
	}, func(node *store.FeatureNode) { f.mirror.setFeature(key, node) })
	f.features[key] = c
	follow(f, c, "feature "+key)
	return c
}

// service returns the cell of a service. One that only a spec names is followed
// as well: it may come.
func (f *feed) service(name string) *serviceCell {
	f.mu.Lock()
	defer f.mu.Unlock()
	if c, ok := f.services[name]; ok {
		return c
	}
	var c *serviceCell
	var gone absences // kept as long as the session
	bodies := store.NewBodies(func() { c.wake() })
	c = newCell(func(ctx context.Context) (*muster.Service, <-chan struct{}, error) {
		svc, err := f.st.Service(ctx, name, bodies)
		switch {
		case errors.Is(err, zoo.ErrDenied):
			// It holds up the features that it takes part in, and no other.
			svc = muster.Service{Sheet: muster.Sheet{Service: name, Revision: -1}, Problem: err.Error()}
		case err != nil:
			return nil, nil, err
		}
		gone = gone.observe(svc.Members, time.Now())
		return &svc, nil, nil
	}, func(svc *muster.Service) { f.mirror.setService(name, svc) })
	f.services[name] = c
	follow(f, c, "service "+name)
	return c
}
