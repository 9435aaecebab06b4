package sdk

import (
	"context"
	"time"
)

// pulse is how often a client looks whether it is fenced: a timer does not run
// while the machine is suspended.
const pulse = time.Second

// guard cancels requests that the fence has overtaken, until the client is
// closed. It calls nothing that could hold it up, as a listener could.
func (c *Client) guard() {
	for {
		if closed := c.revoke(); closed {
			return
		}
		next := pulse
		if !c.fence.down() {
			next = min(next, max(c.fence.left(), 0)+time.Millisecond)
		}
		timer := time.NewTimer(next)
		select {
		case <-c.alarm:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// revoke cancels the requests in flight that rely on an answer which the fence
// changes (G3, G4): when the quarantine is over the others go on without this
// instance. It looks at what is, so a request that it has missed by a hair is
// found the next time. It reports whether the client is closed.
func (c *Client) revoke() (closed bool) {
	var cancels []context.CancelCauseFunc
	c.mu.Lock()
	closed = c.standing.closed
	down, current := c.fence.down(), c.current.Load().era
	take := func(e *era) {
		if !down && !e.outlived.Load() {
			return
		}
		for p := e.first; p != nil; p = p.next {
			if p.relies.Load() && !p.revoked {
				p.revoked = true
				cancels = append(cancels, p.cancel)
			}
		}
	}
	take(current)
	for _, e := range c.eras {
		if e != current { // it is listed while it drains at the end
			take(e)
		}
	}
	c.mu.Unlock()
	if len(cancels) == 0 {
		return closed
	}
	c.cfg.Logger.Warn("cancelled requests at the fence", "service", c.inst.Service, "instance", c.inst.ID, "requests", len(cancels))
	for _, cancel := range cancels {
		cancel(ErrFenced)
	}
	return closed
}
