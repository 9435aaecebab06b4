package zoo

import (
	"testing"
	"time"

	"github.com/musterhq/muster/internal/clock"
)

// G4: answers may be noted in another order than they came in.
func TestLeaseOnlyMovesForward(t *testing.T) {
	t.Parallel()
	var now time.Duration
	c := clock.From(clock.Source{
		Now:  func() (mono, wall time.Duration) { return now, now },
		Boot: func() (time.Duration, bool) { return now, true },
	})
	var l lease
	l.begin(c)
	newest := *l.sent.Load()
	for _, after := range []time.Duration{2, 1, 5, 5, 3, 4, 6, 0} {
		now = after * time.Second
		sent := c.Now()
		l.renew(sent)
		if newest.Before(sent) {
			newest = sent
		}
		if got := *l.sent.Load(); got != newest {
			t.Errorf("the contact is %v older than an answered request", newest.Sub(got))
		}
	}
}
