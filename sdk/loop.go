package sdk

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/internal/store"
	"github.com/musterhq/muster/internal/zoo"
)

const (
	// poll is how often the instance's own entry is compared with what it should
	// be, as a net under everything else.
	poll = 5 * time.Second
	// retry is how soon something is tried again that failed while the session
	// lives.
	retry = time.Second
	// dialTimeout is after which time a vain attempt is reported. It is begun
	// anew.
	dialTimeout = 15 * time.Second
	// leaveTimeout bounds the last words to the registry.
	leaveTimeout = 5 * time.Second
)

// own is the owner of the instance's place in the registry: one session after
// the other, until life ends.
func (c *Client) own(life context.Context) {
	pause := backoff.NewExponentialBackOff()
	pause.InitialInterval, pause.MaxInterval = 100*time.Millisecond, 5*time.Second
	for life.Err() == nil {
		served, err := c.session(life)
		if life.Err() != nil {
			break
		}
		c.trouble(err)
		if served {
			pause.Reset()
			sleep(life, c.spread())
			continue
		}
		sleep(life, pause.NextBackOff())
	}
	c.fence.member.Store(nil)
	c.change(func(s *standing) {
		if s.joined && !s.closed {
			s.left = fmt.Errorf("leave %s/%s: %w", c.inst.Service, c.inst.ID, errOutOfTouch)
		}
		s.closed = true
	})
}

// spread is how long to wait before a session that has ended is replaced: up to a
// quarter of its timeout, so that a fleet that lost its sessions at one moment
// does not return at one, and still returns within its leases.
func (c *Client) spread() time.Duration {
	return time.Duration(rand.Float64() * float64(c.cfg.SessionTimeout) / 4)
}

var (
	errInFlight   = errors.New("requests are still in flight, so it stays in the roster until its quarantine is over")
	errOutOfTouch = errors.New("ZooKeeper is not to be reached, so it stays in the roster until its quarantine is over")
)

// session lives through one session, and says whether the instance was a
// member in it.
func (c *Client) session(life context.Context) (served bool, err error) {
	ctx, cancel := context.WithTimeout(life, dialTimeout)
	sess, err := zoo.Dial(ctx, c.cfg.zoo())
	cancel()
	if err != nil {
		return false, err
	}
	defer sess.Close()
	t := &tenancy{Client: c, sess: sess, store: store.New(sess, c.cfg.Root)}
	for life.Err() == nil && sess.Err() == nil {
		err = t.join(life)
		refused, shut := asRefused(err)
		switch {
		case shut:
			t.waitAtGate(life, refused)
		case err != nil:
			t.trouble(err)
			t.wait(life, nil, jitter(retry))
		default:
			served = true
			err = t.serve(life)
		}
	}
	if life.Err() != nil {
		t.leave(life)
	}
	if ended := sess.Err(); ended != nil {
		err = ended
	}
	return served, err
}

// A tenancy is the instance in one session.
type tenancy struct {
	*Client
	sess  *zoo.Session
	store *store.Store
}

// join goes through the gate (G2). It changes nothing when it is refused.
func (t *tenancy) join(life context.Context) error {
	var ack muster.Ack
	_, err := t.store.Join(life, t.inst, func(sheet muster.Sheet) muster.Ack {
		ack = t.apply(sheet)
		return ack
	})
	if err != nil {
		return err
	}
	t.setAcked(ack)
	birth, err := t.store.Birth(life, t.inst)
	if err != nil {
		birth = 0 // as if it had been another
		t.trouble(err)
	}
	t.enter(t.sess, birth)
	first := false
	t.change(func(s *standing) {
		first = !s.joined
		s.joined, s.member, s.refused, s.problem = true, true, nil, nil
	})
	t.cfg.Logger.Info("joined", "service", t.inst.Service, "instance", t.inst.ID, "revision", ack.Applied)
	if first {
		close(t.joined)
	}
	return nil
}

// lost says that the instance is surely no member, whatever its contact: it
// stands at the fence at once.
func (t *tenancy) lost(refused *muster.RefusedError) {
	t.fence.member.Store(nil)
	t.change(func(s *standing) { s.member, s.refused = false, refused })
}

// waitAtGate knocks until the sheet admits the instance, or the session or life
// ends.
func (t *tenancy) waitAtGate(life context.Context, refused *muster.RefusedError) {
	since := time.Now().Round(0)
	for said := ""; ; {
		t.lost(refused)
		if reason := refused.Error(); reason != said {
			t.cfg.Logger.Warn("refused: waiting at the gate", "service", t.inst.Service, "instance", t.inst.ID, "error", refused)
			said = reason
		}
		again := poll
		if err := t.store.Knock(life, t.inst, refused.Refusals, since); err != nil {
			t.trouble(err)
			again = retry
		}
		sheet, changed, err := t.store.WatchSheet(life, t.inst.Service)
		if err != nil {
			t.trouble(err)
			again = retry
		} else if refusals := sheet.Admit(t.inst.Version); len(refusals) > 0 {
			refused = &muster.RefusedError{Service: t.inst.Service, Instance: t.inst.ID, Refusals: refusals}
		} else {
			return
		}
		if !t.wait(life, changed, jitter(again)) {
			return
		}
	}
}

// wait waits for changed or for d to pass, and says whether there is anything
// left to wait for.
func (t *tenancy) wait(life context.Context, changed <-chan struct{}, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-changed:
	case <-timer.C:
	case <-t.sess.Done():
		return false
	case <-life.Done():
		return false
	}
	return true
}

// leave says goodbye when life has ended. An instance that has not drained
// stays in the roster until its quarantine is over: it may still be serving.
func (t *tenancy) leave(life context.Context) {
	t.change(func(s *standing) { s.leaving = true })
	t.fence.member.Store(nil)
	drained := t.idle()
	t.mu.Lock()
	joined := t.standing.joined
	t.mu.Unlock()
	var err error
	if joined && !drained {
		err = fmt.Errorf("leave %s/%s: %w", t.inst.Service, t.inst.ID, errInFlight)
	} else {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(life), leaveTimeout)
		defer cancel()
		err = t.store.Leave(ctx, t.inst)
		for err != nil && t.wait(ctx, nil, jitter(retry/4)) { // a quarantine is dearer than another try
			err = t.store.Leave(ctx, t.inst)
		}
	}
	t.change(func(s *standing) { s.closed, s.left = true, err })
}

// sleep waits for d, or until ctx ends.
func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// jitter gives d, give or take a tenth.
func jitter(d time.Duration) time.Duration {
	return d + time.Duration((rand.Float64()-0.5)*0.2*float64(d))
}
