package zoo

import (
	"sync/atomic"
	"time"
)

// lease is the moment of the last proven contact. Readers take no lock: it is
// asked wherever a flag is used.
type lease struct {
	origin time.Time    // carries the monotonic clock
	sent   atomic.Int64 // nanoseconds after origin
}

// renew notes that a request that was sent then has been answered. G4: it takes
// the time of sending, and late answers to early requests change nothing.
func (l *lease) renew(sent time.Time) {
	at := int64(sent.Sub(l.origin))
	for {
		was := l.sent.Load()
		if at <= was || l.sent.CompareAndSwap(was, at) {
			return
		}
	}
}

func (l *lease) contact() time.Time {
	return l.origin.Add(time.Duration(l.sent.Load()))
}

// Contact is when the last answered request was sent, on the monotonic clock:
// what a lease is reckoned from (G4). It only moves forward, whatever the
// library believes about being connected, and it takes no lock. The request
// may have left a little later, never earlier.
func (s *Session) Contact() time.Time { return s.lease.contact() }
