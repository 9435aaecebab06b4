package sdk

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/internal/store"
)

const (
	// notice is how long requests on an older sheet go unmentioned: most end
	// before.
	notice = time.Second
	// grace is what cancelled requests have to end before the client is closed
	// without them.
	grace = time.Second
)

// serve is the life of a member: it applies what comes and acks what has
// drained, until the session ends, the instance is no member any more, or life
// has ended and everything in flight with it. Errors say that it is to join
// again.
func (t *tenancy) serve(life context.Context) error {
	ctx := context.WithoutCancel(life) // draining goes on beyond life; the session bounds every operation
	ended := life.Done()
	var changed <-chan struct{}
	var giveUp <-chan time.Time
	check := time.NewTimer(jitter(poll))
	defer check.Stop()
	look, compare := true, false
	for {
		var err error
		if look {
			changed, err = t.look(ctx)
		}
		next, ackErr := t.assert(ctx, compare)
		if errors.Is(ackErr, store.ErrNotMember) {
			t.lost(nil)
			t.trouble(ackErr)
			return ackErr
		}
		if err = cmp.Or(err, ackErr); err != nil {
			next = jitter(retry)
		}
		t.trouble(err)
		if ended == nil && t.idle() {
			return nil
		}
		again := time.NewTimer(next)
		look, compare = err != nil, false
		select {
		case <-changed:
			look = true
		case <-t.wake:
		case <-again.C:
		case <-check.C:
			check.Reset(jitter(poll))
			compare = true
		case <-ended:
			ended, giveUp = nil, time.After(t.cfg.Drain+grace)
		case <-giveUp:
			again.Stop()
			return nil
		case <-t.sess.Done():
			again.Stop()
			return t.sess.Err()
		}
		again.Stop()
	}
}

// look reads the sheet and applies it if it is newer than the one in force. One
// that cannot be read, or is older, changes nothing.
func (t *tenancy) look(ctx context.Context) (changed <-chan struct{}, err error) {
	sheet, changed, err := t.store.WatchSheet(ctx, t.inst.Service)
	if err != nil {
		return changed, err
	}
	if ack := t.apply(sheet); ack.Applied > sheet.Revision {
		return changed, fmt.Errorf("sheet of %s: read revision %d and have applied %d: the server lags, or the registry was restored from a backup (then restart the instance)", t.inst.Service, sheet.Revision, ack.Applied)
	}
	return changed, nil
}

// assert makes the ack in the registry what it should be. Acks are a level: on
// compare the entry is read, and whatever it says is put right. It returns
// after which time to assert again.
func (t *tenancy) assert(ctx context.Context, compare bool) (next time.Duration, err error) {
	written := t.ackedNow()
	if compare {
		written, err = t.store.Acked(ctx, t.inst)
		var garbage *store.GarbageError
		switch {
		case errors.As(err, &garbage): // the entry is the instance's own: it is put right
			t.cfg.Logger.Warn("own ack was spoilt", "error", err)
			written = muster.Ack{Revision: -1, Applied: -1}
		case err != nil:
			return retry, err
		}
		t.setAcked(written)
	}
	t.mu.Lock()
	want, since := t.ackLocked(), t.current.Load().began
	t.mu.Unlock()
	far := want.Revision == written.Revision && want.Applied == written.Applied
	switch quiet := notice - time.Since(since); {
	case far && (!compare || want.Draining == written.Draining && want.Oldest.Equal(written.Oldest)):
		return poll, nil
	case want.Revision < want.Applied && quiet > 0:
		return quiet, nil // it will have drained before anyone asks
	}
	if err := t.store.Ack(ctx, t.inst, want); err != nil {
		return retry, err
	}
	t.setAcked(want)
	return poll, nil
}

// idle reports whether nothing is in flight. It is asked when the client is
// being closed, so it has the current requests drain as well.
func (t *tenancy) idle() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.supersedeLocked(t.current.Load().era)
	return len(t.eras) == 0
}

func (c *Client) ackedNow() muster.Ack {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.acked
}

func (c *Client) setAcked(ack muster.Ack) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.acked = ack
}
