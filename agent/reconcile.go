package agent

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sirupsen/logrus"
	"golang.org/x/sync/errgroup"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/internal/plan"
	"github.com/musterhq/muster/internal/store"
	"github.com/musterhq/muster/internal/zoo"
)

const (
	// contended is how many times in a row registrations may get in the way of a
	// step before the gate is closed for it (G1: nobody starves).
	contended = 2
	// mostMoves is how many steps in a row a feature may take without coming to
	// rest. No way through the stages is that long.
	mostMoves = 20
	// lasting is how many attempts in a row may fail for usual reasons before
	// status tells of it.
	lasting = 10
)

// reconcile moves every feature, each by a worker of its own, so that none
// waits for another.
func (t *term) reconcile(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	working := make(map[string]bool)
	for {
		changed := t.mirror.Changed()
		for _, key := range t.mirror.featureKeys() {
			if !working[key] {
				working[key] = true
				w := &worker{term: t, key: key, log: t.log.WithField("feature", key)}
				g.Go(func() error { return w.run(ctx) })
			}
		}
		if err := wait(ctx, changed, tick); err != nil {
			_ = g.Wait() // err is the first of them, where one of them failed
			return err
		}
	}
}

// A worker moves one feature for as long as a term lasts.
type worker struct {
	*term
	key string
	log *logrus.Entry

	judged  inputs    // what was last found to need nothing but waiting
	looked  time.Time // when it was judged, or looked at without being told
	moves   int       // in a row
	failed  int       // attempts in a row
	failing time.Time // since when a step could not be written for a reason that may last; zero when none is
	rosters int       // of these, because of registrations
}

// run is the whole agent in a loop: load, plan, commit or wait. What is waited
// for, the view tells. It ends with the term.
func (w *worker) run(ctx context.Context) error {
	for {
		changed := w.mirror.Changed()
		rest, err := w.step(ctx)
		if err != nil {
			return err
		}
		if rest > 0 {
			if err := wait(ctx, changed, rest); err != nil {
				return err
			}
		}
	}
}

// step makes one decision, and returns for how long to wait for a change before
// the next. Its error ends the term.
func (w *worker) step(ctx context.Context) (rest time.Duration, err error) {
	in, err := w.feed.inputs(ctx, w.key)
	if err != nil {
		return 0, w.retry(ctx, err)
	}
	now := time.Now()
	switch {
	case in.feature == nil || in.feature.Problem != "":
		w.fine()
		return tick, nil
	case in.same(w.judged):
		return w.idle(in, now), nil
	}
	state := in.state(now)
	state.Contended = w.rosters >= contended
	state.Agent, state.Operation = w.name, operation()
	step := plan.Next(state)
	if step.Move == nil {
		w.judged, w.looked, w.moves = in, now, 0
		w.fine()
		return tick, nil
	}
	if w.moves++; w.moves > mostMoves {
		w.moves = 0
		w.log.WithField("action", step.Move.Record.Action).Error("feature does not come to rest; pausing")
		return 0, sleep(ctx, tick)
	}
	return 0, w.commit(ctx, in, *step.Move)
}

// idle waits on, and looks once in a while without being told: a net under the
// watches.
func (w *worker) idle(in inputs, now time.Time) time.Duration {
	if rest := w.looked.Add(tick).Sub(now); rest > 0 {
		return rest
	}
	w.looked = now
	if !in.feature.Status.Settled() {
		w.feed.look(w.key, in)
	}
	return tick
}

// commit makes the move. Whatever came of it, what it was decided on is not
// planned on again; so a lost reply is settled by reading (G5), and the
// versions in the transaction make a second attempt safe.
func (w *worker) commit(ctx context.Context, in inputs, m plan.Move) error {
	err := w.store.Commit(ctx, w.node, m)
	w.feed.invalidate(w.key, in)
	var stale *store.StaleError
	switch {
	case err == nil:
		w.failed, w.rosters = 0, 0
		w.fine()
		w.log.WithFields(logrus.Fields{
			"action": m.Record.Action, "from": m.Record.From, "stage": m.Record.To, "gate": m.Record.Gate,
			"epoch": m.Record.Epoch, "spec": m.Record.Spec, "operation": m.Record.Operation,
		}).Info("moved feature")
		return nil
	case errors.As(err, &stale) && stale.Roster:
		w.rosters++
	}
	return w.retry(ctx, err)
}

// retry pauses before another attempt, longer each time; the first two are
// free, for it is usual that something has changed meanwhile. It returns an
// error when the term is over.
func (w *worker) retry(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, store.ErrDeposed), errors.Is(err, zoo.ErrSessionEnded):
		return fmt.Errorf("%s: %w", w.key, err)
	}
	w.failed++
	var stale *store.StaleError
	log := w.log.WithError(err).WithField("attempts", w.failed)
	switch usual := errors.As(err, &stale) || errors.Is(err, zoo.ErrUnknown); {
	case !usual && !errors.Is(err, zoo.ErrNotSent): // of a lost connection, others tell
		log.Warn("cannot move feature; trying again")
		w.fails(err)
	case usual && w.failed <= 2:
		log.Debug("feature has changed meanwhile; planning again")
		return nil
	case usual && w.failed > lasting:
		w.fails(err)
	}
	return sleep(ctx, jitter(min(10*time.Millisecond<<min(w.failed, 10), tick)))
}

// fails has status tell of what went wrong, which may last: somebody must know
// what the feature waits for.
func (w *worker) fails(err error) {
	if w.failing.IsZero() {
		w.failing = time.Now()
	}
	w.mirror.setFailure(w.key, muster.Failure{Feature: w.key, Since: w.failing, Attempts: w.failed, Problem: err.Error()})
}

// fine takes that back.
func (w *worker) fine() {
	if !w.failing.IsZero() {
		w.failing = time.Time{}
		w.mirror.setFailure(w.key, muster.Failure{})
	}
}
