package zoo

import (
	"sync/atomic"
	"time"

	"github.com/musterhq/muster/internal/clock"
)

// lease is the moment of the last proven contact. Readers take no lock: it is
// asked wherever a flag is used.
type lease struct {
	clock *clock.Clock
	sent  atomic.Pointer[clock.Moment]
}

// begin is before anything was answered: nothing is owed to the time before.
func (l *lease) begin(c *clock.Clock) {
	l.clock = c
	now := c.Now()
	l.sent.Store(&now)
}

// renew notes that a request that was sent then has been answered. G4: it takes
// the time of sending, and late answers to early requests change nothing.
func (l *lease) renew(sent clock.Moment) {
	for {
		was := l.sent.Load()
		if !was.Before(sent) || l.sent.CompareAndSwap(was, &sent) {
			return
		}
	}
}

// Silence is how long ago the last answered request was sent: what a lease is
// reckoned from (G4). It counts the time for which the process was stopped or
// the machine suspended, whatever the library believes about being connected,
// and takes no lock. The request may have left a little later, never earlier.
func (s *Session) Silence() time.Duration { return s.lease.clock.Since(*s.lease.sent.Load()) }

// Silent reports whether Silence is longer than d. It is made to be asked all
// the time.
func (s *Session) Silent(d time.Duration) bool { return s.lease.clock.Over(*s.lease.sent.Load(), d) }

// Contact is when the last answered request was sent: Silence ago.
func (s *Session) Contact() time.Time { return time.Now().Add(-s.Silence()) }
