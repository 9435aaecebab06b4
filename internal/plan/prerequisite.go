package plan

import (
	"fmt"
	"maps"
	"slices"

	"github.com/musterhq/muster"
)

// A Neighbour is another feature as a decision sees it.
type Neighbour struct {
	Status  muster.Status
	Version int32        // of its node
	Spec    *muster.Spec // in force; nil before the first
	Next    *muster.Spec // applied and not yet in force; nil when there is none
	Problem string       // what cannot be read; "" when all can
}

// names reports whether any of its specs needs the feature on.
func (n Neighbour) names(key string) bool {
	return slices.Contains(Prerequisites(n.Spec, n.Next), key)
}

// unwanted says why another feature must not be wanted on while this one is as
// it is; "" where nothing forbids it.
func (n Neighbour) unwanted() string {
	switch s := n.Status; {
	case n.Problem != "":
		return "cannot be read"
	case s.Feature == "" || s.Deleted:
		return "is not known"
	case s.Deleting:
		return "is being deleted"
	case s.Desired != muster.On:
		return "is not wanted on"
	}
	return ""
}

// Prerequisites returns the keys of the features that any of the specs needs
// on, sorted. A spec may be nil.
func Prerequisites(specs ...*muster.Spec) []string {
	keys := make(map[string]bool)
	for _, spec := range specs {
		if spec != nil {
			for _, key := range spec.Prerequisites {
				keys[key] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(keys))
}

// needs returns what must be wanted on with a feature. At off a spec that waits
// comes into force before anything else, so it alone counts.
func needs(stage muster.Stage, spec, next *muster.Spec) []string {
	if stage == muster.Off && next != nil {
		return Prerequisites(next)
	}
	return Prerequisites(spec, next)
}

// forsaken takes the wish for the feature back when a prerequisite is not
// wanted on any more, which only a kill or a roll-back brings about. The
// transaction checks that it is so; one that cannot be read is held.
func (d decision) forsaken() (Step, bool) {
	if d.target() == muster.Off {
		return Step{}, false
	}
	for _, key := range needs(d.Status.Stage, d.Spec, d.Next) {
		p, known := d.Prerequisites[key]
		if !known || p.Problem != "" || p.unwanted() == "" {
			continue
		}
		next := d.Status
		next.Desired = muster.Off
		next.By = d.by()
		next.Why = "its prerequisite " + key + " " + p.unwanted()
		if p.Status.By != "" {
			next.Why += ", by " + p.Status.By
		}
		step := d.move(muster.ActionRollBack, next, nil, next.Why)
		step.Move.Prerequisites = map[string]int32{key: p.Version}
		return step, true
	}
	return Step{}, false
}

// unmet names the features among keys that do not stand at on.
func (d decision) unmet(keys []string) []muster.Blocker {
	var blockers []muster.Blocker
	for _, key := range keys {
		p := d.Prerequisites[key]
		why, since := p.unwanted(), p.Status.Changed
		wayOut := "muster activate " + key
		switch {
		case p.Problem != "":
			why, wayOut = why+": "+p.Problem, "muster feature show "+key
		case why == "" && p.Status.Stage == muster.On:
			continue
		case why == "":
			why, since = fmt.Sprintf("is at %s on its way to on", p.Status.Stage), p.Status.Since
			wayOut = "muster status " + key
		}
		blockers = append(blockers, muster.Blocker{
			Reason: muster.ReasonPrerequisite, Since: since,
			Detail: fmt.Sprintf("prerequisite %s %s; it must be on first: %s", key, why, wayOut),
		})
	}
	return blockers
}

// relying makes the step hold only while the features among keys are as they
// were seen.
func (d decision) relying(step Step, keys []string) Step {
	if len(keys) > 0 {
		step.Move.Prerequisites = make(map[string]int32, len(keys))
	}
	for _, key := range keys {
		step.Move.Prerequisites[key] = d.Prerequisites[key].Version
	}
	return step
}

// added returns what Next needs on and the spec in force does not.
func (d decision) added() []string {
	had := Prerequisites(d.Spec)
	return slices.DeleteFunc(Prerequisites(d.Next), func(key string) bool { return slices.Contains(had, key) })
}
