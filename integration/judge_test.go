package integration_test

import (
	"fmt"
	"slices"
	"time"

	"github.com/musterhq/muster"
)

// A judge says what is wrong with a run: the records of one feature, oldest
// first, held against what the processes told of themselves. It knows only what
// is certain, so that what it finds is a broken promise and not a slow machine:
//
//   - a move was decided at its record's time and committed later, before
//     anybody told of its epoch, and before the next was decided;
//   - a process is a member from when it says so until something is done to it.
type judge struct {
	feature      string
	participants map[string]muster.Participant
	records      []muster.Record
	lives        []*life
	end          time.Time     // of the run
	brief        time.Duration // a stop for less costs no session

	spans []span
	moves []window
	wrong []string
}

// A window is a move, and when it was made.
type window struct {
	muster.Record
	seen time.Time // it was made by then; zero when nobody told of it
	next time.Time // another was decided then, so until then it held
}

// judged returns what is wrong.
func (j judge) judged() []string {
	j.wrong = checkAudit(j.records, j.participants)
	for _, l := range j.lives {
		j.spans = append(j.spans, l.spans(j.feature, j.end, j.brief)...)
	}
	slices.SortFunc(j.spans, func(a, b span) int { return a.from.Compare(b.from) })
	j.windows()
	j.neighbours()
	j.admissions()
	j.acks()
	return j.wrong
}

func (j *judge) fail(format string, args ...any) {
	j.wrong = append(j.wrong, fmt.Sprintf(format, args...))
}

// windows finds out when the moves were made.
func (j *judge) windows() {
	seen := make(map[int64]time.Time)
	for _, l := range j.lives {
		for _, m := range l.all() {
			if m.Feature == j.feature && (seen[m.Epoch].IsZero() || m.Time.Before(seen[m.Epoch])) {
				seen[m.Epoch] = m.Time
			}
		}
	}
	for _, rec := range j.records {
		if rec.Action != muster.ActionMove {
			continue
		}
		if n := len(j.moves); n > 0 {
			j.moves[n-1].next = rec.Time
		}
		j.moves = append(j.moves, window{Record: rec, seen: seen[rec.Epoch], next: j.end})
	}
}

// neighbours: at every moment all members stand in two neighbouring stages (G3).
func (j *judge) neighbours() {
	for i, s := range j.spans {
		if !j.concerned(s) {
			continue
		}
		for _, o := range j.spans[:i] {
			if j.concerned(o) && o.covers(s.from) && !s.stage.Adjacent(o.stage) {
				j.fail("at %s %s/%s was at %s (epoch %d) and %s/%s at %s (epoch %d)", clock(s.from),
					s.life.Service, s.life.ID, s.stage, s.epoch, o.life.Service, o.life.ID, o.stage, o.epoch)
			}
		}
	}
}

// concerned reports whether the process of a span takes part in the feature, for
// certain.
func (j *judge) concerned(s span) bool {
	if j.participants == nil {
		return s.epoch > 0
	}
	_, takesPart := j.participants[s.life.Service]
	return takesPart
}

// admissions: nobody whose version violates the constraint is a member when the
// feature leaves off (G1) or while it is beyond (G2).
func (j *judge) admissions() {
	for _, s := range j.spans {
		p, takesPart := j.participants[s.life.Service]
		if !takesPart || p.Version.Satisfied(s.life.Version) {
			continue
		}
		for _, w := range j.moves {
			if w.To == muster.Off || w.seen.IsZero() {
				continue
			}
			made := s.covers(w.Time) && s.covers(w.seen)
			held := w.seen.Before(w.next) && s.from.Before(w.next) && w.seen.Before(s.to)
			if made || held {
				j.fail("%s/%s at %s was a member from %s to %s, while the feature was at %s (epoch %d, seen %s)",
					s.life.Service, s.life.ID, s.life.Version, clock(s.from), clock(s.to), w.To, w.Epoch, clock(w.seen))
			}
		}
	}
}

// acks: nobody is a member that has not told of accept when the feature leaves
// it (G1).
func (j *judge) acks() {
	for _, w := range j.moves {
		if w.From != muster.Accept {
			continue
		}
		for _, s := range j.spans {
			if j.concerned(s) && s.covers(w.Time) && s.stage != muster.Accept {
				j.fail("%s/%s had told of %s (epoch %d) when the feature left accept for %s, epoch %d, at %s",
					s.life.Service, s.life.ID, s.stage, s.epoch, w.To, w.Epoch, clock(w.Time))
			}
		}
	}
}

func clock(t time.Time) string { return t.Format("15:04:05.000000") }
