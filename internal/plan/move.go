package plan

import (
	"strconv"

	"github.com/musterhq/muster"
)

// step moves the feature one stage toward its target in the sheets of the
// given services.
func (d decision) step(services []string, rosters map[string]int32) Step {
	next := d.Status
	next.Stage = d.Status.Stage.Toward(d.target())
	next.Epoch++
	next.Since = d.Now
	next.Gate = muster.GateClosed
	step := d.move(muster.ActionMove, next, d.entries(services, d.Spec, next), "")
	step.Move.Rosters = rosters
	for service := range rosters {
		e := step.Move.Record.Evidence[service]
		e.Checked = true
		step.Move.Record.Evidence[service] = e
	}
	if next.Stage > d.Status.Stage {
		return d.relying(step, d.Spec.Prerequisites)
	}
	return step
}

// adoption puts Next in force: entries for its participants, none for former
// ones.
func (d decision) adoption(next muster.Status, rosters map[string]int32) Step {
	next.Spec = d.Next.Revision
	sheets := d.entries(d.Next.Services(), d.Next, next)
	if d.Spec != nil {
		for _, service := range d.Spec.Services() {
			if _, stays := d.Next.Participants[service]; !stays {
				sheets[service] = d.Services[service].Sheet.Without(d.key)
			}
		}
	}
	step := d.move(muster.ActionAdopt, next, sheets, "")
	step.Move.Rosters = rosters
	return step
}

// entries returns the sheets of the services with the feature's entry as status
// has it.
func (d decision) entries(services []string, spec *muster.Spec, status muster.Status) map[string]muster.Sheet {
	sheets := make(map[string]muster.Sheet, len(services))
	for _, service := range services {
		sheet := d.Services[service].Sheet
		since := sheet.Revision + 1 // of the sheet that is being written
		// The same epoch in the same sheet stays acked.
		if old, ok := sheet.Features[d.key]; ok && old.Epoch == status.Epoch && old.Stage == status.Stage {
			since = old.Since
		}
		sheets[service] = sheet.With(d.key, entry(spec, service, status, since))
	}
	return sheets
}

func entry(spec *muster.Spec, service string, status muster.Status, since int32) muster.Entry {
	return muster.Entry{
		Stage:        status.Stage,
		Epoch:        status.Epoch,
		Since:        since,
		Spec:         spec.Revision,
		Constraint:   spec.Participants[service].Version,
		Gate:         status.Gate,
		OnDisconnect: spec.OnDisconnect,
	}
}

// move makes the transaction, with the record that tells of it (G8).
func (d decision) move(action muster.Action, next muster.Status, sheets map[string]muster.Sheet, why string) Step {
	next.Changed = d.Now
	next.Operation = d.Operation
	return Step{Move: &Move{
		Feature: d.key,
		Version: d.Version,
		Status:  next,
		Sheets:  sheets,
		Record: muster.Record{
			Time:      d.Now,
			Action:    action,
			Feature:   d.key,
			From:      d.Status.Stage,
			To:        next.Stage,
			Gate:      next.Gate,
			Epoch:     next.Epoch,
			Spec:      next.Spec,
			By:        d.by(),
			Why:       why,
			Operation: d.Operation,
			Evidence:  d.evidence(),
		},
	}}
}

func (d decision) by() string { return "agent/" + d.Agent }

// evidence tells what was seen of every service that takes part.
func (d decision) evidence() map[string]muster.Evidence {
	evidence := make(map[string]muster.Evidence, len(d.Services))
	for name, svc := range d.Services {
		e := muster.Evidence{
			Roster: svc.Roster, Revision: svc.Sheet.Revision, Members: len(svc.Members),
			Versions: make(map[string]int),
		}
		current := svc.Sheet.Features[d.key]
		for _, m := range svc.Members {
			e.Versions[version(m.Instance.Version)]++
			if m.Live {
				e.Live++
			}
			if Acked(m, current) {
				e.Acked++
			}
		}
		evidence[name] = e
	}
	return evidence
}

// rosters returns the versions that the judgement of spec rests on.
func (d decision) rosters(spec *muster.Spec) map[string]int32 {
	rosters := make(map[string]int32, len(spec.Participants))
	for service := range spec.Participants {
		rosters[service] = d.Services[service].Roster
	}
	return rosters
}

// readable returns the participants whose sheets can be read.
func (d decision) readable() []string {
	var services []string
	for _, service := range d.Spec.Services() {
		if d.Services[service].Problem == "" {
			services = append(services, service)
		}
	}
	return services
}

func (d decision) wait(blockers ...muster.Blocker) Step {
	muster.SortBlockers(blockers)
	return Step{Waiting: blockers}
}

// version shows a version, also where there is none.
func version(v string) string {
	if v == "" {
		return "without a version"
	}
	return v
}

func revision(n int64) string { return strconv.FormatInt(n, 10) }
