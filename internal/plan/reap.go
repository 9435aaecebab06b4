package plan

import (
	"time"

	"github.com/musterhq/muster"
)

// Reap returns the vanished members of a service whose quarantine is over, and
// when to look again (zero for never). Each member has a quarantine of its own:
// it counts as long as it may still be serving (G4). So nobody is given up while
// confirm is set either, or while so much of the roster vanished at once that it
// is more likely cut off than dead.
func Reap(svc muster.Service, confirm bool, now time.Time, quarantine Quarantine) (due []muster.Member, wake time.Time) {
	if confirm || svc.Problem != "" || Shrunk(svc) {
		return nil, time.Time{}
	}
	for _, m := range svc.Members {
		if m.Live || m.Problem != "" || m.Vanished.IsZero() {
			continue
		}
		end := m.Vanished.Add(quarantine.Of(m.Instance))
		switch {
		case !now.Before(end):
			due = append(due, m)
		case wake.IsZero() || end.Before(wake):
			wake = end
		}
	}
	return due, wake
}

// Shrunk reports whether half of a roster or more vanished without being
// replaced: a network or a configuration, not a deployment. In a roster of fewer
// than four that is no more than a crash. Who started after the first of them
// vanished stands in for one that is gone, and was not there before.
func Shrunk(svc muster.Service) bool {
	gone, live, before := 0, 0, 0
	first := firstVanished(svc.Members)
	for _, m := range svc.Members {
		switch {
		case !m.Live:
			gone++
		case first.IsZero() || !m.Instance.Started.After(first):
			before++
			fallthrough
		default:
			live++
		}
	}
	size := gone + before
	return size >= 4 && gone >= 2 && 2*live <= size
}

func firstVanished(members []muster.Member) time.Time {
	var first time.Time
	for _, m := range members {
		if !m.Live && !m.Vanished.IsZero() && (first.IsZero() || m.Vanished.Before(first)) {
			first = m.Vanished
		}
	}
	return first
}
