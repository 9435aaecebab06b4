package plan

import (
	"time"

	"github.com/musterhq/muster"
)

// Reap returns the vanished members of a service whose quarantine is over, and
// when to look again (zero for never). A member counts as long as it may still
// be serving, so nobody is given up while confirm is set, or while so much of
// the roster vanished at once that it is more likely cut off than dead.
func Reap(svc muster.Service, confirm bool, now time.Time, quarantine time.Duration) (due []muster.Member, wake time.Time) {
	if confirm || svc.Problem != "" || Shrunk(svc) {
		return nil, time.Time{}
	}
	for _, m := range svc.Members {
		if m.Live || m.Problem != "" || m.Vanished.IsZero() {
			continue
		}
		end := m.Vanished.Add(quarantine)
		switch {
		case !now.Before(end):
			due = append(due, m)
		case wake.IsZero() || end.Before(wake):
			wake = end
		}
	}
	return due, wake
}

// Shrunk reports whether half of a roster or more is gone without a leave. In a
// roster of fewer than four that is no more than a crash.
func Shrunk(svc muster.Service) bool {
	gone := 0
	for _, m := range svc.Members {
		if !m.Live {
			gone++
		}
	}
	return len(svc.Members) >= 4 && 2*gone >= len(svc.Members)
}
