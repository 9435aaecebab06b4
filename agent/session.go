package agent

import (
	"context"
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v5"
	"golang.org/x/sync/errgroup"

	"github.com/musterhq/muster/internal/store"
	"github.com/musterhq/muster/internal/zoo"
)

// dialTimeout is how long one attempt to get a session lasts.
const dialTimeout = 30 * time.Second

// A session is one session with ZooKeeper and all that is bound to it.
type session struct {
	zk    *zoo.Session
	store *store.Store
	node  string // the agent's own in the election
	feed  *feed
}

// sessions keeps one session after the other until ctx ends. Whatever goes
// wrong with one, the next is tried, after a pause that grows and is spread so
// that a fleet of agents does not return as one (G7).
func (a *Agent) sessions(ctx context.Context) {
	pause := backoff.NewExponentialBackOff()
	pause.InitialInterval = 100 * time.Millisecond
	pause.MaxInterval = 5 * time.Second
	for ctx.Err() == nil {
		began := time.Now()
		err := a.session(ctx)
		if ctx.Err() != nil {
			return
		}
		if time.Since(began) > pause.MaxInterval {
			pause.Reset()
		}
		rest := pause.NextBackOff()
		a.log.WithError(err).WithField("pause", rest).Warn("no session with zookeeper; trying again")
		_ = sleep(ctx, rest)
	}
}

// session works as long as one session lasts, and returns why it ended.
func (a *Agent) session(ctx context.Context) error {
	patience, cancel := context.WithTimeout(ctx, dialTimeout) // to tell that it takes long
	zk, err := zoo.Dial(patience, a.zooConfig())
	cancel()
	if err != nil {
		return err
	}
	defer func() { _ = zk.Close() }() // it has no other error than that it is closed
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		select {
		case <-zk.Done():
			return zk.Err()
		case <-ctx.Done():
			return nil
		}
	})
	g.Go(func() error { return a.work(ctx, zk) })
	return g.Wait()
}

// work enrolls, feeds the mirror and follows the election until ctx ends.
func (a *Agent) work(ctx context.Context, zk *zoo.Session) error {
	s := &session{zk: zk, store: store.New(zk, a.cfg.Root)}
	if err := s.store.Init(ctx); err != nil {
		return fmt.Errorf("prepare %s: %w", a.cfg.Root, err)
	}
	a.zk.grant(zk.Timeout())
	var err error
	if s.node, err = s.store.Enroll(ctx, a.cfg.Name); err != nil {
		return fmt.Errorf("enroll: %w", err)
	}
	ctx, stop := context.WithCancel(ctx)
	s.feed = startFeed(ctx, s.store, a.mirror, a.log)
	defer s.feed.wait()
	defer stop()
	a.setCurrent(s)
	defer a.setCurrent(nil)
	a.mirror.setReady(func() error { return s.ready(a.cfg.SessionTimeout) })
	defer a.mirror.setReady(func() error { return errAway })
	a.log.WithField("node", s.node).Info("session with zookeeper")
	return a.campaign(ctx, s)
}

// ready returns nil when all was read and the server answers.
func (s *session) ready(timeout time.Duration) error {
	if silent := time.Since(s.zk.Contact()); silent > timeout {
		return fmt.Errorf("zookeeper has been silent for %s", silent.Round(time.Second))
	}
	if n := s.feed.unread(); n > 0 {
		return fmt.Errorf("the registry is still being read: %d entries to go", n)
	}
	return nil
}

func (a *Agent) zooConfig() zoo.Config {
	return zoo.Config{
		Servers:        a.cfg.ZooKeeper,
		SessionTimeout: a.cfg.SessionTimeout,
		Auth:           a.cfg.Auth,
		TLS:            a.cfg.ZKTLS,
		Dial:           a.cfg.Dial,
		Logger:         func(format string, args ...any) { a.log.Debugf(format, args...) },
	}
}
