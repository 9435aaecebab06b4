package sdk

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/internal/zoo"
)

// An era is the time for which one sheet revision is in force, with the
// requests that began in it.
type era struct {
	began time.Time // when the sheet came
	// outlived: the instance was fenced or reaped since and is a member again.
	// Meanwhile the others went on without it, so these requests stay at the fence.
	outlived atomic.Bool

	// Guarded by Client.mu:
	revision    int32       // -1 before the first sheet, and of another registry
	first, last *pin        // the requests in flight, oldest first
	open        int         // how many
	bound       *time.Timer // cancels them; nil while nobody waits for them
}

func (e *era) add(p *pin) {
	e.open++
	p.prev = e.last
	if e.last == nil {
		e.first = p
	} else {
		e.last.next = p
	}
	e.last = p
}

func (e *era) remove(p *pin) {
	e.open--
	if p.prev == nil {
		e.first = p.next
	} else {
		p.prev.next = p.next
	}
	if p.next == nil {
		e.last = p.prev
	} else {
		p.next.prev = p.prev
	}
	p.prev, p.next = nil, nil
}

func (e *era) superseded() bool { return e.bound != nil }

// supersedeLocked ends an era: its requests have until the bound to end.
func (c *Client) supersedeLocked(e *era) {
	if e.superseded() || e.open == 0 {
		return
	}
	c.eras = append(c.eras, e)
	e.bound = time.AfterFunc(c.cfg.Drain, func() { c.expire(e) })
}

// forgetLocked ends the wait for an era.
func (c *Client) forgetLocked(e *era) {
	e.bound.Stop()
	e.bound = nil
	c.eras = slices.DeleteFunc(c.eras, func(o *era) bool { return o == e })
}

// enter notes that the instance is a member in this session. The lease counts
// in it from here on (G4); what was pinned before a fence stays behind it (G3).
//
// A lease that is not over has covered the time between. Yet there are pauses of
// a virtual machine that none of its clocks knows of; then its entry in the
// roster tells: it was reaped, and born again.
func (c *Client) enter(sess *zoo.Session, birth int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	reborn := birth == 0 || birth != c.birth
	c.birth = birth
	if reborn || c.fence.down() {
		for _, e := range c.eras {
			e.outlived.Store(true)
		}
	}
	c.fence.member.Store(sess)
}

// expire cancels the requests of an era whose time is over. They are counted
// until they have ended.
func (c *Client) expire(e *era) {
	c.mu.Lock()
	revision, cancels := e.revision, make([]context.CancelCauseFunc, 0, e.open)
	for p := e.first; p != nil; p = p.next {
		cancels = append(cancels, p.cancel)
	}
	c.mu.Unlock()
	if len(cancels) == 0 {
		return
	}
	c.cfg.Logger.Warn("cancelled requests that were pinned to an older sheet", "revision", revision, "requests", len(cancels), "drain", c.cfg.Drain)
	for _, cancel := range cancels {
		cancel(ErrDrainTimeout)
	}
}

// ackLocked says how far the instance is (G3): nothing that is in flight, and
// nobody who is still to be told, is older than its revision.
func (c *Client) ackLocked() muster.Ack {
	current := c.current.Load().era
	ack := muster.Ack{Revision: current.revision, Applied: current.revision}
	older := func(e *era, count int, since time.Time) {
		ack.Revision = min(ack.Revision, e.revision)
		ack.Draining += count
		if ack.Oldest.IsZero() || since.Before(ack.Oldest) {
			ack.Oldest = since
		}
	}
	if c.told != current && c.told.revision >= 0 {
		older(c.told, 1, current.began) // a callback that runs
	}
	for _, e := range c.eras {
		if e != current {
			older(e, e.open, e.first.began)
		}
	}
	ack.Oldest = ack.Oldest.Round(0)
	return ack
}
