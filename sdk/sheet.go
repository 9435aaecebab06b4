package sdk

import (
	"fmt"
	"slices"
	"time"

	"github.com/musterhq/muster"
)

// A snapshot is a sheet made ready to answer from. It never changes.
type snapshot struct {
	*era
	revision int32                   // of the sheet; that of the era, but for one that was on disk
	saved    time.Time               // when the sheet was written to disk, where it came from there
	features map[string]muster.Entry // nil while there is no sheet
	slots    []slot                  // by index of handle
	halts    []string                // why the instance is unready while it is fenced
}

// A slot is a handle's answer: stage, and what the fence makes of it. Only
// where they differ somebody has to look at the clock.
type slot struct{ stage, fenced Stage }

// unknown is what there is before the first sheet.
func unknown() *snapshot { return &snapshot{era: &era{revision: -1}, revision: -1} }

// compile makes a snapshot of a sheet, for an instance of this version.
func compile(sheet muster.Sheet, version string, handles []handleKey, e *era) *snapshot {
	s := &snapshot{era: e, revision: sheet.Revision, features: sheet.Features}
	if s.features == nil {
		s.features = map[string]muster.Entry{}
	}
	for _, key := range sheet.Keys() {
		switch entry := sheet.Features[key]; {
		case entry.OnDisconnect == muster.Hold: // availability before coordination
		case entry.OnDisconnect == muster.Stop:
			s.halts = append(s.halts, fmt.Sprintf("%s says stop", key))
		case !entry.Constraint.Satisfied(version):
			// It cannot understand the new form, which may come on without it.
			s.halts = append(s.halts, fmt.Sprintf("%s needs %s", key, entry.Constraint))
		}
	}
	return s.with(handles)
}

// with returns the snapshot with slots for these handles.
func (s *snapshot) with(handles []handleKey) *snapshot {
	next := *s
	next.slots = slices.Grow(slices.Clone(s.slots), len(handles)-len(s.slots))
	for _, h := range handles[len(s.slots):] {
		next.slots = append(next.slots, s.resolve(h))
	}
	return &next
}

func (s *snapshot) known() bool { return s.features != nil }

// resolve says what a handle answers by this sheet.
func (s *snapshot) resolve(h handleKey) slot {
	entry, named := s.features[h.key]
	switch {
	case !s.known():
		return slot{h.unknown, h.unknown}
	case !s.saved.IsZero():
		return slot{fenced(entry), fenced(entry)} // no contact lifts this fence
	case !named:
		return slot{Off, Accept}
	default:
		return slot{entry.Stage, fenced(entry)}
	}
}

// fenced is where a feature stands for an instance without contact: what
// neighbours both off and on, unless the policy says hold (G4).
func fenced(entry muster.Entry) Stage {
	if entry.OnDisconnect == muster.Hold {
		return entry.Stage
	}
	return Accept
}

// slot returns a handle's answer. A request may be pinned to a snapshot that is
// older than the handle.
func (s *snapshot) slot(h *handle) slot {
	if h.index < len(s.slots) {
		return s.slots[h.index]
	}
	return s.resolve(h.handleKey)
}
