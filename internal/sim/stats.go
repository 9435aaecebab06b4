package sim

// A Stats tells how much a run did, so that nobody takes an idle one for a
// success.
type Stats struct {
	Steps    int // of the scheduler
	Commits  int // transactions that were applied
	Moves    int // features that left off or accept
	Ons      int // of these, to on
	Offs     int // and to off
	Needs    int // steps up that a prerequisite had to be on for
	Refused  int // commands that other features forbade
	Commands int // that were answered with success
	Joins    int // births and returns
	Returns  int // of these, from a lost session
	Refusals int // joins that the gate refused
	Fences   int // returns after the lease was over
	Reaps    int // members given up
}

// Plus adds up two runs.
func (s Stats) Plus(o Stats) Stats {
	return Stats{
		Steps: s.Steps + o.Steps, Commits: s.Commits + o.Commits, Moves: s.Moves + o.Moves,
		Ons: s.Ons + o.Ons, Offs: s.Offs + o.Offs, Commands: s.Commands + o.Commands,
		Needs: s.Needs + o.Needs, Refused: s.Refused + o.Refused,
		Joins: s.Joins + o.Joins, Returns: s.Returns + o.Returns, Refusals: s.Refusals + o.Refusals,
		Fences: s.Fences + o.Fences, Reaps: s.Reaps + o.Reaps,
	}
}
