package zoo

import (
	"testing"
	"time"
)

// G4: answers may be noted in another order than they came in.
func TestLeaseOnlyMovesForward(t *testing.T) {
	l := lease{origin: time.Now()}
	last := l.origin
	for _, after := range []time.Duration{2, 1, 5, 5, 3, 4, 6, 0} {
		l.renew(l.origin.Add(after * time.Second))
		if got := l.contact(); got.Before(last) || got.Before(l.origin.Add(after*time.Second)) {
			t.Errorf("got a contact at %v after an answer to what was sent at %v", got.Sub(l.origin), after*time.Second)
		}
		last = l.contact()
	}
}
