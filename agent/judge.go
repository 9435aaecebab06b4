package agent

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/internal/plan"
)

// moveGrace is how long a step that can be made may take before somebody should
// look why it is not.
const moveGrace = 10 * time.Second

// judge names what the feature's next step waits for, and who waits at its gate.
func judge(in inputs, now time.Time) judgement {
	if in.feature.Problem != "" {
		return judgement{inputs: in, waiting: []muster.Blocker{{Reason: muster.ReasonUnreadable, Detail: in.feature.Problem}}}
	}
	step := plan.Next(in.state(time.Time{}))
	j := judgement{inputs: in, waiting: append(slices.Clip(step.Waiting), knocking(in)...)}
	if step.Move != nil {
		j.movable = now
	}
	return j
}

// knocking names the instances that the feature's gate keeps out, and those of
// which nobody can tell.
func knocking(in inputs) []muster.Blocker {
	key := in.feature.Status.Feature
	var blockers []muster.Blocker
	for _, name := range slices.Sorted(maps.Keys(in.services)) {
		svc := in.services[name]
		for _, k := range svc.Knocks {
			if k.Problem != "" {
				blockers = append(blockers, muster.Blocker{Reason: muster.ReasonUnreadable, Service: name, Instance: k.Instance.ID, Detail: k.Problem})
				continue
			}
			for _, r := range svc.Sheet.Admit(k.Instance.Version) {
				if r.Feature == key {
					blockers = append(blockers, muster.Blocker{
						Reason: muster.ReasonKnock, Service: name, Instance: k.Instance.ID, Version: k.Instance.Version,
						Constraint: r.Constraint, Since: k.Since,
						Detail: fmt.Sprintf("is refused and waits at the gate: needs %s (upgrade it, or: muster deactivate %s)", r.Constraint, key),
					})
				}
			}
		}
	}
	return blockers
}

// feature is what readers see.
func feature(key string, known judgement) muster.Feature {
	node := known.inputs.feature
	f := muster.Feature{Status: node.Status, Blockers: slices.Clone(known.waiting)}
	f.Status.Feature = key // also where the status cannot be read
	switch {
	case node.Spec != nil:
		f.Spec, f.Pending = *node.Spec, node.Next
	case node.Next != nil:
		f.Spec = *node.Next
	}
	return f
}

// unmoved says why nobody makes the next step, where that is so: nobody leads,
// or it cannot be written. Only the leader knows the reason; the others see that
// nothing happens, and say whom to ask.
func unmoved(status muster.Status, known judgement, leader string, failure muster.Failure, now time.Time) []muster.Blocker {
	switch {
	case leader == "" && !status.Settled():
		return []muster.Blocker{{Reason: muster.ReasonNoLeader, Detail: "no agent leads, as far as this one can tell"}}
	case failure.Problem != "":
		return []muster.Blocker{{
			Reason: muster.ReasonNotWritten, Since: failure.Since, Count: failure.Attempts,
			Detail: fmt.Sprintf("the next step cannot be written; tried %d times: %s", failure.Attempts, failure.Problem),
		}}
	case !known.movable.IsZero() && now.Sub(known.movable) > moveGrace:
		return []muster.Blocker{{
			Reason: muster.ReasonNotWritten, Since: known.movable,
			Detail: fmt.Sprintf("nothing keeps agent %s, which leads, from the next step, and it does not make it (see: muster doctor, and its log)", leader),
		}}
	}
	return nil
}
