package agent

import (
	"time"

	"github.com/musterhq/muster"
)

// A sighting is one stay of a member in the roster: its version grows when the
// instance returns from a lost session, and the stay is another then.
type sighting struct {
	entry   string
	version int32
}

// absences says since when members of one service are known not to be live.
type absences map[sighting]time.Time

// observe returns the absences as of now, after those before, and fills in
// Vanished of the members.
//
// They are this agent's own observation, and forgotten when its session ends:
// an absence is seen only after it began, so what is seen is never too early
// and a quarantine that is counted from it never too short.
func (before absences) observe(members []muster.Member, now time.Time) absences {
	var seen absences
	for i, m := range members {
		if m.Live {
			members[i].Vanished = time.Time{}
			continue
		}
		stay := sighting{entry: m.Instance.Entry(), version: m.Version}
		since, known := before[stay]
		if !known {
			since = now
		}
		if seen == nil {
			seen = make(absences)
		}
		seen[stay] = since
		members[i].Vanished = since
	}
	return seen
}
