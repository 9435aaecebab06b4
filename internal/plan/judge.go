package plan

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/musterhq/muster"
)

// judge returns why the other features forbid what the command leads to.
func (c Command) judge(next muster.Status) error {
	switch c.Action {
	case muster.ActionApply:
		return c.judgeSpec(next)
	case muster.ActionActivate:
		return c.judgeWanted(next, needs(next.Stage, c.InForce, c.Newest))
	case muster.ActionDeactivate:
		return c.judgeDependents()
	case muster.ActionDelete:
		return c.judgeNamed()
	}
	return nil // a kill needs nobody
}

// RestsOn returns the versions of the other features' nodes that must still
// hold when the command is written. Of a command that all features were read
// for, the list of them must hold as well.
func (c Command) RestsOn() map[string]int32 {
	versions := make(map[string]int32)
	switch c.Action {
	case muster.ActionApply:
		for _, key := range c.Spec.Prerequisites {
			versions[key] = c.Others[key].Version
		}
	case muster.ActionActivate:
		for _, key := range Prerequisites(c.InForce, c.Newest) {
			if other, known := c.Others[key]; known {
				versions[key] = other.Version
			}
		}
	case muster.ActionDeactivate, muster.ActionDelete:
		for key, other := range c.Others {
			if other.names(c.Feature) {
				versions[key] = other.Version
			}
		}
	}
	return versions
}

// judgeSpec holds a new spec against those of all others.
func (c Command) judgeSpec(next muster.Status) error {
	if err := contradiction(*c.Spec, c.Others); err != nil {
		return err
	}
	for _, key := range c.Spec.Prerequisites {
		problem := ""
		switch other := c.Others[key]; {
		case other.Problem != "":
			problem = "cannot be read: " + other.Problem
		case other.Status.Feature == "" || other.Status.Deleted:
			problem = "is not a known feature: apply it first"
		case other.Status.Deleting:
			problem = "is being deleted"
		default:
			continue
		}
		return &muster.InvalidError{Field: "prerequisites", Value: key, Problem: problem}
	}
	cycle := muster.Cycle(c.Feature, func(key string) []string {
		if key == c.Feature {
			return c.Spec.Prerequisites
		}
		return Prerequisites(c.Others[key].Spec, c.Others[key].Next)
	})
	if len(cycle) > 0 {
		return &muster.InvalidError{Field: "prerequisites", Problem: "form a cycle: " + strings.Join(cycle, " -> ")}
	}
	if next.Desired != muster.On {
		return nil
	}
	return c.judgeWanted(next, c.Spec.Prerequisites)
}

// contradiction returns an [*muster.InvalidError] when spec asks a service for
// versions that another feature rules out, so that both could never be on.
func contradiction(spec muster.Spec, others map[string]Neighbour) error {
	for _, key := range slices.Sorted(maps.Keys(others)) {
		for _, other := range []*muster.Spec{others[key].Spec, others[key].Next} {
			if other == nil {
				continue
			}
			for _, service := range spec.Services() {
				p, shared := other.Participants[service]
				if mine := spec.Participants[service].Version; shared && !muster.Satisfiable(mine, p.Version) {
					return &muster.InvalidError{
						Field:   "participants." + service + ".version",
						Value:   mine.String(),
						Problem: fmt.Sprintf("contradicts feature %s, which needs %s: no version of %s satisfies both", key, p.Version, service),
					}
				}
			}
		}
	}
	return nil
}

// judgeWanted: a feature is wanted on only while all its prerequisites are.
func (c Command) judgeWanted(next muster.Status, keys []string) error {
	for _, key := range keys {
		if why := c.Others[key].unwanted(); why != "" {
			return fmt.Errorf("%s %s: it is to be on, and its prerequisite %s %s: %w (first: muster activate %s)",
				c.Action, next.Feature, key, why, muster.ErrFailedPrecondition, key)
		}
	}
	return nil
}

// judgeDependents: nothing goes off that another feature needs on.
func (c Command) judgeDependents() error {
	var relies, wayOut []string
	for _, key := range slices.Sorted(maps.Keys(c.Others)) {
		other := c.Others[key]
		s := other.Status
		if s.Desired == muster.Off && s.Stage == muster.Off || !slices.Contains(needs(s.Stage, other.Spec, other.Next), c.Feature) {
			continue
		}
		relies = append(relies, fmt.Sprintf("%s (at %s, wanted %s)", key, s.Stage, s.Desired))
		wayOut = append(wayOut, key)
	}
	if len(relies) == 0 {
		return nil
	}
	return fmt.Errorf("%s %s: it is a prerequisite of %s: %w (first: muster deactivate %s --wait; in an emergency muster kill %s takes all of them down)",
		c.Action, c.Feature, list(relies), muster.ErrFailedPrecondition, wayOut[0], c.Feature)
}

// judgeNamed: nothing is removed that another feature names.
func (c Command) judgeNamed() error {
	var names []string
	for _, key := range slices.Sorted(maps.Keys(c.Others)) {
		if other := c.Others[key]; !other.Status.Deleting && other.names(c.Feature) {
			names = append(names, key)
		}
	}
	if len(names) == 0 {
		return nil
	}
	return fmt.Errorf("%s %s: it is a prerequisite of %s: %w (first: apply %s without it, or muster feature delete %s)",
		c.Action, c.Feature, list(names), muster.ErrFailedPrecondition, names[0], names[0])
}

// list writes a few names, and counts the rest.
func list(names []string) string {
	const most = 5
	if more := len(names) - most; more > 0 {
		return strings.Join(names[:most], ", ") + fmt.Sprintf(" and %d more", more)
	}
	return strings.Join(names, ", ")
}
