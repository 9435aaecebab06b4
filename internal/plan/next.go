package plan

import (
	"slices"

	"github.com/musterhq/muster"
)

// Next decides the next step of one feature. It is a pure function; the same
// state gives the same step.
func Next(s State) Step {
	d := decision{State: s, key: s.Status.Feature}
	switch {
	case s.Status.Deleted:
		return Step{}
	case s.Spec == nil && s.Next == nil:
		return d.wait(muster.Blocker{Reason: muster.ReasonPending, Detail: "a spec: none was applied (muster apply -f FILE)"})
	}
	for _, step := range []func() (Step, bool){d.rollBack, d.forsaken, d.repair, d.adopt} {
		if next, decided := step(); decided {
			return next
		}
	}
	return d.walk()
}

// A decision is one run of the planner.
type decision struct {
	State
	key string
}

// target is the stage to walk to.
func (d decision) target() muster.Stage {
	if d.Status.Deleting {
		return muster.Off
	}
	return d.Status.Desired
}

// rollBack takes the wish for the feature back when an old instance knocks and
// the policy prefers the instance (G2).
func (d decision) rollBack() (Step, bool) {
	if d.Spec == nil || d.Spec.OldInstance != muster.RollBack || d.target() == muster.Off {
		return Step{}, false
	}
	for _, service := range d.Spec.Services() {
		for _, k := range d.Services[service].Knocks {
			if k.Problem != "" || !d.refuses(service, k) {
				continue
			}
			next := d.Status
			next.Desired = muster.Off
			next.By = d.by()
			next.Why = "rolled back for " + service + "/" + k.Instance.ID + ", which is " + version(k.Instance.Version)
			return d.move(muster.ActionRollBack, next, nil, next.Why), true
		}
	}
	return Step{}, false
}

// refuses reports whether it is this feature's gate that keeps the knocking
// instance out now, whatever it was when the instance knocked.
func (d decision) refuses(service string, k muster.Knock) bool {
	return slices.ContainsFunc(d.Services[service].Sheet.Admit(k.Instance.Version), func(r muster.Refusal) bool {
		return r.Feature == d.key
	})
}

// repair writes the entries of sheets that do not say what the status says, as
// after an entry was edited by hand, or was unreadable when the feature moved.
func (d decision) repair() (Step, bool) {
	if d.Spec == nil {
		return Step{}, false
	}
	var broken []string
	for _, service := range d.Spec.Services() {
		svc := d.Services[service]
		if svc.Problem == "" && !d.agrees(service, svc.Sheet) {
			broken = append(broken, service)
		}
	}
	if len(broken) == 0 {
		return Step{}, false
	}
	sheets := d.entries(broken, d.Spec, d.Status)
	return d.move(muster.ActionAdopt, d.Status, sheets, "the sheet did not agree with the status"), true
}

// agrees reports whether the sheet says of the feature what the status says.
func (d decision) agrees(service string, sheet muster.Sheet) bool {
	e, ok := sheet.Features[d.key]
	want := entry(d.Spec, service, d.Status, e.Since)
	return ok && e.Equal(want)
}

// adopt brings a newer spec into force, where the feature stands so that
// nobody is surprised by it.
func (d decision) adopt() (Step, bool) {
	switch {
	case d.Next == nil || d.target() < d.Status.Stage:
		return Step{}, false // the way down is not held up by a spec
	case d.Spec == nil, d.Status.Stage == muster.Off && (d.Status.Gate == muster.GateOpen || d.Spec.SameTerms(*d.Next)):
		if b := d.unreadable(d.Spec, d.Next); len(b) > 0 {
			return d.wait(b...), true
		}
		return d.adoption(d.Status, nil), true
	case d.Status.Stage == muster.Off && d.target() == muster.Off:
		return Step{}, false // the gate is about to open
	case d.Status.Stage == muster.Off:
		// The gate is closed by the old constraints: open it, then adopt.
		return d.openGate("for spec revision "+revision(d.Next.Revision), nil), true
	}
	// While the feature is under way, what it is to need on must be on.
	if b := d.unmet(d.added()); len(b) > 0 {
		return d.wait(pending(d.Next.Revision, b)...), true
	}
	if d.Spec.SameTerms(*d.Next) {
		if b := d.unreadable(d.Spec, d.Next); len(b) > 0 {
			return d.wait(b...), true
		}
		return d.relying(d.adoption(d.Status, nil), d.added()), true
	}
	// Other terms: the new participants must be ready, and nobody may be at on
	// when they come in at accept (G3).
	if b := d.ready(d.Next); len(b) > 0 {
		return d.wait(pending(d.Next.Revision, b)...), true
	}
	if d.Status.Stage == muster.On {
		next := d.Status
		next.Stage, next.Epoch, next.Since = muster.Accept, next.Epoch+1, d.Now
		return d.move(muster.ActionMove, next, d.entries(d.readable(), d.Spec, next), "for spec revision "+revision(d.Next.Revision)), true
	}
	if b := d.unacked(); len(b) > 0 {
		return d.wait(b...), true
	}
	next := d.Status
	next.Epoch++
	next.Since = d.Now
	return d.relying(d.adoption(next, d.rosters(d.Next)), d.added()), true
}

// walk takes one step toward the target under the spec in force.
func (d decision) walk() Step {
	target := d.target()
	switch stage := d.Status.Stage; {
	case stage == muster.Off && target == muster.Off:
		return d.rest()
	case stage == muster.Off:
		return d.up()
	case stage == muster.On && target < muster.On:
		// At once, needing nobody: this is the kill switch. A sheet that cannot
		// be read is left as it is and repaired when it can.
		return d.step(d.readable(), nil)
	case stage == target:
		return d.wait(d.untold()...)
	default: // from accept to on or to off
		return d.fromAccept(target)
	}
}

// rest finishes a feature that is off and shall be: the gate is opened when
// everyone has acked off, and a feature to be deleted is removed then (G2).
func (d decision) rest() Step {
	switch {
	case d.Status.Gate == muster.GateClosed:
		return d.openGate("everyone is off", nil)
	case !d.Status.Deleting:
		return d.wait(d.untold()...)
	}
	if b := d.unreadable(d.Spec); len(b) > 0 {
		return d.wait(b...)
	}
	next := d.Status
	next.Deleting, next.Deleted = false, true
	sheets := make(map[string]muster.Sheet)
	for _, service := range d.Spec.Services() {
		sheets[service] = d.Services[service].Sheet.Without(d.key)
	}
	return d.move(muster.ActionRemove, next, sheets, "")
}

// up leaves off: every participant must be ready and every prerequisite on, and
// what was judged must hold in the transaction, because the rosters are checked
// in it or because the gate was closed before they were read (G1).
func (d decision) up() Step {
	blockers := append(d.ready(d.Spec), d.unmet(d.Spec.Prerequisites)...)
	closed := d.Status.Gate == muster.GateClosed
	switch {
	case len(blockers) > 0 && closed:
		return d.openGate("not everyone is ready", blockers)
	case len(blockers) > 0:
		return d.wait(blockers...)
	case closed:
		return d.step(d.Spec.Services(), nil)
	case d.Contended:
		next := d.Status
		next.Gate = muster.GateClosed
		return d.move(muster.ActionGate, next, d.entries(d.Spec.Services(), d.Spec, next), "registrations do not pause")
	default:
		return d.step(d.Spec.Services(), d.rosters(d.Spec))
	}
}

// fromAccept leaves accept, up or down, when every member has acked it (G1,
// G3). Joins cannot break that: they are born at accept.
func (d decision) fromAccept(target muster.Stage) Step {
	blockers := d.unacked()
	if target == muster.On {
		blockers = append(blockers, d.missing(d.Spec)...)
		blockers = append(blockers, d.unmet(d.Spec.Prerequisites)...)
	}
	if len(blockers) > 0 {
		return d.wait(blockers...)
	}
	return d.step(d.Spec.Services(), nil)
}

// openGate lets any version in again, when every member has acked off (G2).
// While they have not, they are waited for beside the given blockers.
func (d decision) openGate(why string, blockers []muster.Blocker) Step {
	if unacked := d.unacked(); len(unacked) > 0 {
		return d.wait(append(unacked, blockers...)...)
	}
	next := d.Status
	next.Gate = muster.GateOpen
	return d.move(muster.ActionGate, next, d.entries(d.Spec.Services(), d.Spec, next), why)
}
