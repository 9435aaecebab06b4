package sim

// A Stats tells how much a run did, so that nobody takes an idle one for a
// success.
type Stats struct {
	Steps    int // of the scheduler
	Commits  int // transactions that were applied
	Moves    int // features that left off or accept
	Ons      int // of these, to on
	Offs     int // and to off
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
		Joins: s.Joins + o.Joins, Returns: s.Returns + o.Returns, Refusals: s.Refusals + o.Refusals,
		Fences: s.Fences + o.Fences, Reaps: s.Reaps + o.Reaps,
	}
}
