package plan

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/musterhq/muster"
)

// mostNamed bounds how many members of one service are named as blockers; the
// rest are counted.
const mostNamed = 100

// Acked reports whether the member has applied the entry's epoch and has
// nothing older in flight. It compares revisions, and thereby epochs, never
// stages: an ack of an earlier accept is none of this one.
//
// The ack with which a member joined lies in its durable entry, and holds when
// the member has vanished: what was born in this epoch may still serve, and then
// stands where the epoch says. So an instance that crashes and returns faster
// than quarantines end holds nothing up.
func Acked(m muster.Member, e muster.Entry) bool {
	acked := m.Born
	if m.Live {
		acked = m.Ack.Revision
	}
	return m.Problem == "" && acked >= e.Since
}

// ready names all that keeps the participants of spec from leaving off: every
// member must satisfy the constraint, and enough of them must be live (G1).
func (d decision) ready(spec *muster.Spec) []muster.Blocker {
	blockers := d.unreadable(spec)
	for _, service := range spec.Services() {
		svc := d.Services[service]
		if svc.Problem != "" {
			continue
		}
		constraint := spec.Participants[service].Version
		check := checker(constraint)
		list, absent := named{service: service}, d.absence(svc, spec)
		for _, m := range svc.Members {
			if problem := check(m.Instance.Version); m.Problem == "" && problem != "" {
				list.add(oldVersion(service, m, constraint, problem, absent))
			}
		}
		blockers = append(blockers, list.blockers()...)
	}
	return append(blockers, d.missing(spec)...)
}

// checker returns constraint.Check that answers each version once: rosters are
// long, versions few.
func checker(constraint muster.Constraint) func(version string) (problem string) {
	checked := make(map[string]string)
	return func(version string) string {
		problem, ok := checked[version]
		if !ok {
			problem = constraint.Check(version)
			checked[version] = problem
		}
		return problem
	}
}

// missing names the participants with too few live, ready instances, or of
// which too many vanished at once to be believed.
func (d decision) missing(spec *muster.Spec) []muster.Blocker {
	var blockers []muster.Blocker
	for _, service := range spec.Services() {
		svc, p := d.Services[service], spec.Participants[service]
		if svc.Problem != "" {
			continue
		}
		ready, check := 0, checker(p.Version)
		for _, m := range svc.Members {
			if m.Live && m.Problem == "" && check(m.Instance.Version) == "" {
				ready++
			}
		}
		b := muster.Blocker{Service: service, Constraint: p.Version, Count: ready, Since: d.Status.Changed}
		switch {
		case len(svc.Members) == 0:
			b.Reason = muster.ReasonNoInstances
			b.Detail = fmt.Sprintf("no instance is registered, at least %d of %s must be", p.MinInstances, p.Version)
		case ready < p.MinInstances:
			b.Reason = muster.ReasonTooFewInstances
			b.Detail = fmt.Sprintf("%d live and ready, at least %d must be", ready, p.MinInstances)
		case Shrunk(svc):
			b.Reason = muster.ReasonShrunk
			b.Detail = "half of the roster or more vanished at once; paused until they return or are decommissioned (muster instance decommission)"
		default:
			continue
		}
		blockers = append(blockers, b)
	}
	return blockers
}

// unacked names every member, of every participant in force, that has not acked
// the current epoch (G1, G3).
func (d decision) unacked() []muster.Blocker {
	blockers := d.unreadable(d.Spec)
	for _, service := range d.Spec.Services() {
		svc := d.Services[service]
		if svc.Problem != "" {
			continue
		}
		current := svc.Sheet.Features[d.key]
		list, absent := named{service: service}, d.absence(svc, d.Spec)
		for _, m := range svc.Members {
			if m.Problem == "" && !Acked(m, current) {
				list.add(notAcked(service, m, current, d.Status.Since, absent))
			}
		}
		blockers = append(blockers, list.blockers()...)
	}
	return blockers
}

// untold names the participants of which nobody can tell what they are told: of
// a feature at rest, that is what its repair waits for.
func (d decision) untold() []muster.Blocker {
	var blockers []muster.Blocker
	for _, service := range d.Spec.Services() {
		if problem := d.Services[service].Problem; problem != "" {
			blockers = append(blockers, unreadable(service, "", problem))
		}
	}
	return blockers
}

func unreadable(service, instance, problem string) muster.Blocker {
	return muster.Blocker{Reason: muster.ReasonUnreadable, Service: service, Instance: instance, Detail: problem}
}

// unreadable names what cannot be read of the participants of the specs; a spec
// may be nil.
func (d decision) unreadable(specs ...*muster.Spec) []muster.Blocker {
	services := make(map[string]bool)
	for _, spec := range specs {
		if spec != nil {
			for service := range spec.Participants {
				services[service] = true
			}
		}
	}
	var blockers []muster.Blocker
	for _, service := range slices.Sorted(maps.Keys(services)) {
		svc := d.Services[service]
		if svc.Problem != "" {
			blockers = append(blockers, unreadable(service, "", svc.Problem))
			continue
		}
		for _, m := range svc.Members {
			if m.Problem != "" {
				blockers = append(blockers, unreadable(service, m.Instance.ID, m.Problem))
			}
		}
	}
	return blockers
}

func oldVersion(service string, m muster.Member, c muster.Constraint, problem string, absent absence) muster.Blocker {
	b := of(service, m)
	b.Constraint = c
	if !m.Live {
		return absent.blocker(b, m)
	}
	b.Reason, b.Since = muster.ReasonOldVersion, m.Instance.Started
	b.Detail = problem + ": upgrade it"
	return b
}

func notAcked(service string, m muster.Member, e muster.Entry, since time.Time, absent absence) muster.Blocker {
	b := of(service, m)
	switch {
	case !m.Live:
		return absent.blocker(b, m)
	case m.Ack.Applied >= e.Since:
		b.Reason, b.Since, b.Count = muster.ReasonDraining, m.Ack.Oldest, m.Ack.Draining
		b.Detail = fmt.Sprintf("has applied %s; %d requests from before are still in flight", e.Stage, m.Ack.Draining)
		if b.Since.IsZero() {
			b.Since = since
		}
	default:
		b.Reason, b.Since = muster.ReasonNotAcked, since
		b.Detail = fmt.Sprintf("has not applied %s, epoch %d", e.Stage, e.Epoch)
	}
	return b
}

func of(service string, m muster.Member) muster.Blocker {
	return muster.Blocker{Service: service, Instance: m.Instance.ID, Version: m.Instance.Version}
}

// pending tells blockers of a spec that is not yet in force from the others.
func pending(rev int64, blockers []muster.Blocker) []muster.Blocker {
	return append(blockers, muster.Blocker{
		Reason: muster.ReasonPending,
		Detail: "spec revision " + revision(rev) + " comes into force when all that it asks for is so",
	})
}

// named collects blockers of one service, names the first of them and counts
// the rest.
type named struct {
	service string
	list    []muster.Blocker
	more    int
}

func (n *named) add(b muster.Blocker) {
	if len(n.list) == mostNamed {
		n.more++
		return
	}
	n.list = append(n.list, b)
}

func (n *named) blockers() []muster.Blocker {
	if n.more == 0 {
		return n.list
	}
	return append(n.list, muster.Blocker{
		Reason: n.list[0].Reason, Service: n.service, Count: n.more,
		Detail: fmt.Sprintf("and %d more instances", n.more),
	})
}
