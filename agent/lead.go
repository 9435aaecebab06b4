package agent

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/sirupsen/logrus"
	"golang.org/x/sync/errgroup"

	"github.com/musterhq/muster/internal/store"
	"github.com/musterhq/muster/internal/zoo"
)

const (
	housekeeping = time.Minute            // between two looks at what only grows
	termPause    = 100 * time.Millisecond // between two terms
)

// campaign follows the election until ctx ends, and serves a term whenever the
// lowest node is this agent's own. It gives the session up when that node is
// gone: only a new session has a new one.
func (a *Agent) campaign(ctx context.Context, s *session) error {
	defer a.mirror.setLeader("", false)
	for {
		leader, changed, err := s.store.Leader(ctx)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case errors.Is(err, zoo.ErrSessionEnded):
			return err
		case err != nil:
			a.log.WithError(err).Warn("cannot read the election; trying again")
			if err := sleep(ctx, jitter(retryPause)); err != nil {
				return err
			}
			continue
		}
		a.mirror.setLeader(store.AgentName(leader), leader == s.node)
		if leader == s.node {
			err := a.term(ctx, s, changed)
			a.mirror.setLeader("", false)
			a.log.WithError(err).Info("no longer leads")
			// A server that lags may still show the node that is gone.
			if err := sleep(ctx, jitter(termPause)); err != nil {
				return err
			}
		}
		if err := s.enrolled(ctx); err != nil {
			return err
		}
		if leader != s.node {
			if err := wait(ctx, changed, tick); err != nil {
				return err
			}
		}
	}
}

// enrolled returns an error when the agent's own node is known to be gone.
func (s *session) enrolled(ctx context.Context) error {
	agents, err := s.store.Agents(ctx)
	if err == nil && !slices.Contains(agents, s.node) {
		return fmt.Errorf("%s is gone from the election: %w", s.node, store.ErrDeposed)
	}
	return nil
}

// A term is the time during which this agent leads. It is the receiver of all
// that only a leader does; its transactions check the leader's node (G5).
type term struct {
	*session
	name    string // of the agent
	servers *ensemble
	keep    int // records of history
	mirror  *mirror
	log     *logrus.Entry
}

// term leads until ctx ends or another does, and returns why. What it starts
// has ended when it returns.
func (a *Agent) term(ctx context.Context, s *session, changed <-chan struct{}) error {
	t := &term{
		session: s, name: a.cfg.Name, servers: a.zk, keep: a.cfg.HistoryKeep,
		mirror: a.mirror, log: a.log.WithField("node", s.node),
	}
	t.log.Info("leads")
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return t.watch(ctx, changed) })
	g.Go(func() error { return t.reconcile(ctx) })
	g.Go(func() error { return t.reap(ctx) })
	g.Go(func() error { return t.keepHouse(ctx) })
	return g.Wait()
}

// watch ends the term when another leads. While the election cannot be read the
// term goes on: nothing can be written then, and nothing that a deposed leader
// writes is accepted.
func (t *term) watch(ctx context.Context, changed <-chan struct{}) error {
	for {
		if err := wait(ctx, changed, tick); err != nil {
			return err
		}
		leader, next, err := t.store.Leader(ctx)
		switch {
		case err != nil:
			changed = nil
		case leader != t.node:
			return fmt.Errorf("%s leads: %w", leader, store.ErrDeposed)
		default:
			changed = next
		}
	}
}

// keepHouse trims what only grows.
func (t *term) keepHouse(ctx context.Context) error {
	for {
		if err := sleep(ctx, jitter(housekeeping)); err != nil {
			return err
		}
		err := t.store.Trim(ctx, t.node, t.keep)
		switch {
		case err == nil || ctx.Err() != nil:
		case errors.Is(err, store.ErrDeposed):
			return err
		default:
			t.log.WithError(err).Warn("cannot trim the history; trying again")
		}
	}
}
