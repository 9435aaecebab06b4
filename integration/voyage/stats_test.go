package voyage_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// A stats tells how much a voyage did, so that nobody takes an idle one for a
// success.
type stats struct {
	Virtual time.Duration
	Looks   int            // at all that serves
	Counts  map[string]int // by kind: faults, events, records, …
}

func newStats() stats { return stats{Counts: make(map[string]int)} }

// count counts one more of a kind.
func (w *world) count(kind string) {
	w.tally.Lock()
	defer w.tally.Unlock()
	w.stats.Counts[kind]++
}

// add adds up two voyages.
func (s *stats) add(o stats) {
	s.Virtual += o.Virtual
	s.Looks += o.Looks
	for kind, n := range o.Counts {
		s.Counts[kind] += n
	}
}

func (s stats) String() string {
	var all []string
	for _, kind := range slices.Sorted(maps.Keys(s.Counts)) {
		all = append(all, fmt.Sprintf("%s %d", kind, s.Counts[kind]))
	}
	return fmt.Sprintf("%s of virtual time, %d looks; %s", s.Virtual.Round(time.Second), s.Looks, strings.Join(all, ", "))
}
