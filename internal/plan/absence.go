package plan

import (
	"fmt"

	"github.com/musterhq/muster"
)

// An absence is what becomes of the vanished members of one service.
type absence struct {
	quarantine Quarantine
	confirm    bool // somebody must say that they are gone
	shrunk     bool // too many vanished at once for any to be given up
}

// absence judges by the policy of the spec, by those of other features that the
// service takes part in, and by the roster.
func (d decision) absence(svc muster.Service, spec *muster.Spec) absence {
	return absence{
		quarantine: d.Quarantine,
		confirm:    spec.Vanished == muster.Confirm || d.Confirm[svc.Sheet.Service],
		shrunk:     Shrunk(svc),
	}
}

// blocker says how long the vanished member is waited for, or what must be done
// about it. It agrees with [Reap].
func (a absence) blocker(b muster.Blocker, m muster.Member) muster.Blocker {
	b.Reason, b.Since = muster.ReasonVanished, m.Vanished
	wayOut := fmt.Sprintf("muster instance decommission %s/%s", b.Service, b.Instance)
	switch {
	case a.confirm:
		b.Reason = muster.ReasonUnconfirmed
		b.Detail = "vanished and may still serve; confirm that it is gone: " + wayOut
	case a.shrunk:
		b.Detail = "vanished together with half of its roster or more, so it counts until it returns, or: " + wayOut
	default:
		lasts := a.quarantine.Of(m.Instance)
		b.Detail = fmt.Sprintf("vanished and may still serve until its quarantine of %s is over", lasts)
		if !m.Vanished.IsZero() {
			b.Until = m.Vanished.Add(lasts)
		}
	}
	return b
}
