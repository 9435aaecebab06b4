package agent

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/internal/plan"
	"github.com/musterhq/muster/internal/store"
	"github.com/musterhq/muster/internal/zoo"
)

// reap gives vanished members up when their quarantine is over. The servers'
// settings may have changed before this term.
func (t *term) reap(ctx context.Context) error {
	t.servers.ask(ctx)
	for {
		changed := t.mirror.Changed()
		confirm := t.mirror.confirming()
		rest := tick
		for _, seen := range t.mirror.Services() {
			name := seen.Sheet.Service
			svc, err := t.feed.service(name).current(ctx)
			if err != nil || svc == nil {
				continue // the feed tells; the others go on
			}
			now := time.Now()
			due, wake := plan.Reap(*svc, confirm[name], now, t.servers.quarantine())
			rest = min(rest, until(now, wake))
			if err := t.reapAll(ctx, *svc, due, now); err != nil {
				return err
			}
		}
		if err := wait(ctx, changed, rest); err != nil {
			return err
		}
	}
}

// reapAll reaps members of one service. One that is back, or that cannot be
// reaped now, is judged anew after a pause. Its error ends the term.
func (t *term) reapAll(ctx context.Context, svc muster.Service, due []muster.Member, now time.Time) error {
	if len(due) == 0 {
		return nil
	}
	name := svc.Sheet.Service
	defer t.feed.service(name).invalidate()
	for _, m := range due {
		log := t.log.WithFields(logrus.Fields{"service": name, "instance": m.Instance.ID, "vanished": m.Vanished})
		err := t.store.Reap(ctx, t.node, name, m, t.reaped(svc, m, now))
		var stale *store.StaleError
		switch {
		case err == nil:
			log.Info("reaped instance")
			continue
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case errors.Is(err, store.ErrDeposed), errors.Is(err, zoo.ErrSessionEnded):
			return fmt.Errorf("reap %s/%s: %w", name, m.Instance.ID, err)
		case errors.As(err, &stale):
			log.WithError(err).Debug("instance has come back or is gone; not reaped")
		default:
			log.WithError(err).Warn("cannot reap instance; trying again")
		}
		return sleep(ctx, jitter(retryPause))
	}
	return nil
}

// reaped tells of it in the history (G8).
func (t *term) reaped(svc muster.Service, m muster.Member, now time.Time) muster.Record {
	name := svc.Sheet.Service
	evidence := muster.Evidence{Roster: svc.Roster, Revision: svc.Sheet.Revision, Members: len(svc.Members)}
	for _, m := range svc.Members {
		if m.Live {
			evidence.Live++
		}
	}
	return muster.Record{
		Time: now, Action: muster.ActionReap, Service: name, Instance: m.Instance.ID,
		By:        "agent/" + t.name,
		Why:       fmt.Sprintf("vanished at %s, and a quarantine of %s is over", m.Vanished.UTC().Format(time.RFC3339), t.servers.quarantine().Of(m.Instance)),
		Operation: operation(),
		Evidence:  map[string]muster.Evidence{name: evidence},
	}
}
