package integration_test

import (
	"slices"
	"time"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/sdk"
)

// A span is a time during which a process was a member for certain and a
// feature stood, by the last word of the process, at a stage.
//
// The word is given after the stage was applied and before it is acked. So
// whatever needs the ack of the next stage has not happened while the span
// lasts, and what is promised of stages holds of spans (G3).
type span struct {
	life     *life
	from, to time.Time
	stage    muster.Stage
	epoch    int64 // that brought the stage; 0 where the process never told of any
}

func (s span) covers(t time.Time) bool { return !t.Before(s.from) && t.Before(s.to) }

// spans tells what is certain of one life until end. A process that is ended, or
// fenced, or stopped for longer than brief, is not a member for certain: it may
// be given up at any moment.
func (l *life) spans(feature string, end time.Time, brief time.Duration) []span {
	b := spanner{life: l, feature: feature, brief: brief}
	// What a process tells comes in a little later than what is done to it.
	marks := slices.Clone(l.all())
	slices.SortStableFunc(marks, func(a, b mark) int { return a.Time.Compare(b.Time) })
	for i, m := range marks {
		b.take(m, marks[i+1:])
	}
	b.close(end)
	return b.done
}

// A spanner reads a life from its beginning to its end.
type spanner struct {
	life    *life
	feature string
	brief   time.Duration

	ending  bool // it has been told to end, and may go at any moment
	member  bool
	since   time.Time // of the open span
	stage   muster.Stage
	epoch   int64
	stopped time.Time // and a member then; zero otherwise
	done    []span
}

func (b *spanner) take(m mark, later []mark) {
	switch m.Kind {
	case sdk.EventJoined, sdk.EventResumed:
		b.close(m.Time)
		b.settle(m.Revision, later)
		b.open(m.Time)
	case sdk.EventStage:
		if m.Feature != b.feature {
			return
		}
		member := b.member
		b.close(m.Time)
		b.stage, b.epoch = m.Stage, m.Epoch
		if member {
			b.open(m.Time)
		}
	case markStop:
		if b.member {
			b.close(m.Time)
			b.stopped = m.Time
		}
	case markCont:
		if !b.stopped.IsZero() && m.Time.Sub(b.stopped) < b.brief {
			b.open(m.Time)
		}
		b.stopped = time.Time{}
	case markKill, markTerm:
		b.close(m.Time)
		b.ending = true
	default: // refused, fenced, left
		b.close(m.Time)
		b.stopped = time.Time{}
	}
}

// settle takes over the stages that the process tells of right after it has
// joined: they are of the sheet under which it was born.
func (b *spanner) settle(revision int32, later []mark) {
	for _, m := range later {
		if m.Kind != sdk.EventStage || m.Revision != revision {
			return
		}
		if m.Feature == b.feature {
			b.stage, b.epoch = m.Stage, m.Epoch
		}
	}
}

func (b *spanner) open(t time.Time) {
	if !b.ending {
		b.member, b.since = true, t
	}
}

func (b *spanner) close(t time.Time) {
	if b.member && b.since.Before(t) {
		b.done = append(b.done, span{life: b.life, from: b.since, to: t, stage: b.stage, epoch: b.epoch})
	}
	b.member = false
}
