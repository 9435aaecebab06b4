package sim

import (
	"slices"

	"github.com/musterhq/muster"
)

// judge checks what one transaction did, on the newest tree.
func (w *world) judge(s *session, changes []change) {
	var records []muster.Record
	for _, c := range changes {
		if placeOf(c.path).kind == "record" && c.is.there {
			records = append(records, read[muster.Record](w, c.path, c.is.data))
		}
	}
	told := 0 // records that tell of a change
	for _, c := range changes {
		if !c.touched {
			continue
		}
		switch at := placeOf(c.path); at.kind {
		case "feature":
			told += w.judgeFeature(s, c, at.name, records)
		case "spec":
			if c.is.there {
				spec := read[muster.Spec](w, c.path, c.is.data)
				w.truth.specs[specKey{at.name, spec.Revision}] = spec
			}
		case "member":
			told += w.judgeMember(c, at, records)
		}
	}
	// Sheets and acks come last: what was decided is judged by what was.
	for _, c := range changes {
		switch at := placeOf(c.path); {
		case !c.touched || !c.is.there:
		case at.kind == "sheet":
			w.noteSheet(c, at.name)
		case at.kind == "live":
			w.judgeAck(c, at)
		}
	}
	if told != len(records) {
		w.fail("G8", "%d records were written for %d changes", len(records), told)
	}
}

// judgeFeature checks one change of a status, and returns how many records tell
// of it.
func (w *world) judgeFeature(s *session, c change, key string, records []muster.Record) int {
	was, is := w.truth.status[key], read[muster.Status](w, c.path, c.is.data)
	w.truth.status[key] = is
	w.truth.changed = w.now
	var told []muster.Record
	for _, rec := range records {
		if rec.Feature == key {
			told = append(told, rec)
		}
	}
	if len(told) != 1 {
		w.fail("G8", "%d records tell of one change of %s", len(told), key)
		return len(told)
	}
	rec := told[0]
	w.say("%s %s: %s → %s, gate %s, wanted %s, epoch %d, spec %d/%d by %s", rec.Action, key,
		was.Stage, is.Stage, is.Gate, is.Desired, is.Epoch, is.Spec, is.DesiredSpec, rec.By)
	w.judgeWriter(s, key, was, is, rec)
	if rec.From != was.Stage || rec.To != is.Stage || rec.Gate != is.Gate || rec.Epoch != is.Epoch || rec.Operation != is.Operation {
		w.fail("G8", "the record %+v does not tell how %+v became %+v", rec, was, is)
	}
	if rec.Action != muster.ActionApply && rec.Spec != is.Spec && rec.Spec != is.DesiredSpec {
		w.fail("G8", "the record of %s names spec %d of %d and %d", key, rec.Spec, is.Spec, is.DesiredSpec)
	}
	w.judgeStep(key, was, is)
	w.judgeNeeds(key, was, is, rec)
	return 1
}

// judgeWriter checks that the write was one that might be made: by an agent
// that is enrolled, no step a second time, and no command lost (G5).
func (w *world) judgeWriter(s *session, key string, was, is muster.Status, rec muster.Record) {
	enrolled := false
	for _, path := range w.cluster.owned[s.id] {
		enrolled = enrolled || len(path) > len(root+"/agents/") && path[:len(root+"/agents/")] == root+"/agents/"
	}
	if !enrolled {
		w.fail("G5", "an agent that is deposed wrote %s %s", rec.Action, key)
	}
	moved := is.Stage != was.Stage
	switch {
	case rec.Action == muster.ActionMove && !moved, rec.Action == muster.ActionGate && was.Gate == is.Gate:
		w.fail("G5", "the step of %s to %s, gate %s, was made twice", key, is.Stage, is.Gate)
	case moved && is.Epoch != was.Epoch+1, is.Epoch < was.Epoch, is.Epoch > was.Epoch+1:
		w.fail("G5", "%s went from epoch %d to %d, %s to %s", key, was.Epoch, is.Epoch, was.Stage, is.Stage)
	case !is.Stage.Adjacent(was.Stage):
		w.fail("G3", "%s went from %s to %s", key, was.Stage, is.Stage)
	}
	switch rec.Action {
	case muster.ActionActivate:
		w.truth.wanted[key] = muster.On
	case muster.ActionDeactivate, muster.ActionKill, muster.ActionRollBack:
		w.truth.wanted[key] = muster.Off
	case muster.ActionApply:
		if was.Deleted {
			w.truth.wanted[key] = muster.Off
		}
	}
	if is.Desired != w.truth.wanted[key] {
		w.fail("G5", "a command is lost: %s is wanted %s, and the records say %s", key, is.Desired, w.truth.wanted[key])
	}
	for _, request := range is.Requests {
		if !was.HasRequest(request) {
			w.truth.carried[request]++
			if n := w.truth.carried[request]; n > 1 {
				w.fail("G5", "%s of %s was carried out %d times", request, key, n)
			}
		}
	}
}

// judgeStep checks that a feature might go where it went (G1, G2).
func (w *world) judgeStep(key string, was, is muster.Status) {
	before, after := w.truth.specs[specKey{key, was.Spec}], w.truth.specs[specKey{key, is.Spec}]
	if is.Stage != muster.Off && is.Gate == muster.GateOpen {
		w.fail("G2", "%s is at %s and its gate is open", key, is.Stage)
	}
	switch {
	case was.Stage == muster.Off && is.Stage == muster.Accept:
		w.stats.Moves++
		w.allSatisfy(key, after)
	case was.Stage == muster.Accept && is.Stage != muster.Accept:
		w.stats.Moves++
		w.allAcked(key, before)
		if is.Stage == muster.On {
			w.stats.Ons++
		} else {
			w.stats.Offs++
		}
	case was.Stage != muster.Off && was.Spec != is.Spec && !before.SameTerms(after):
		w.allSatisfy(key, after)
		w.allAcked(key, before)
	case was.Gate == muster.GateClosed && is.Gate == muster.GateOpen:
		w.allAcked(key, before)
	}
}

// judgeNeeds checks what a feature needs on, in the very transaction: it goes up
// only while that stands at on, is wanted on only while that is, and nothing
// that is needed goes off but by a kill, or what follows from one.
func (w *world) judgeNeeds(key string, was, is muster.Status, rec muster.Record) {
	before, after := w.truth.specs[specKey{key, was.Spec}], w.truth.specs[specKey{key, is.Spec}]
	for _, other := range after.Prerequisites {
		status := w.truth.status[other]
		stands := status.Stage == muster.On && status.Desired == muster.On
		added := is.Stage != muster.Off && is.Spec != was.Spec && !slices.Contains(before.Prerequisites, other)
		switch {
		case (is.Stage > was.Stage || added) && !stands:
			w.fail("prerequisite", "%s went to %s, spec %d, while its prerequisite %s is at %s, wanted %s",
				key, is.Stage, is.Spec, other, status.Stage, status.Desired)
		case rec.Action == muster.ActionActivate && was.Spec == was.DesiredSpec && status.Desired != muster.On:
			w.fail("prerequisite", "%s was activated while its prerequisite %s is wanted %s", key, other, status.Desired)
		case is.Stage > was.Stage:
			w.stats.Needs++
		}
	}
	if rec.Action != muster.ActionDeactivate && rec.Action != muster.ActionDelete {
		return
	}
	for _, other := range features {
		status := w.truth.status[other]
		spec, there := w.truth.inForce(other)
		if there && slices.Contains(spec.Prerequisites, key) && (status.Stage != muster.Off || status.Desired == muster.On && status.Spec == status.DesiredSpec) {
			w.fail("prerequisite", "%s of %s, which %s needs, at %s, wanted %s", rec.Action, key, other, status.Stage, status.Desired)
		}
	}
}

// allSatisfy: every member of every participant satisfies its constraint (G1).
func (w *world) allSatisfy(key string, spec muster.Spec) {
	for _, service := range spec.Services() {
		for _, entry := range w.members(service) {
			i := w.truth.processes[service+"/"+entry]
			if why := spec.Participants[service].Version.Check(i.Version); why != "" {
				w.fail("G1", "%s left off, and the member %s/%s %s", key, service, entry, why)
			}
		}
	}
}

// allAcked: every member of every participant has acked the present epoch (G1).
// To open the gate before is what lets old instances in (G2).
func (w *world) allAcked(key string, spec muster.Spec) {
	if w.Variant.Breaks == "G2" {
		return // let the harm be seen, not only the cause
	}
	for _, service := range spec.Services() {
		since := w.truth.sheet[service].Features[key].Since
		for _, entry := range w.members(service) {
			if acked, ok := w.truth.acked[service+"/"+entry]; !ok || acked < since {
				w.fail("G1", "%s moved on, and the member %s/%s has acked %d of %d", key, service, entry, acked, since)
			}
		}
	}
}

// judgeMember checks who becomes a member, and that every removal is recorded.
func (w *world) judgeMember(c change, at place, records []muster.Record) int {
	w.truth.changed = w.now
	i := w.truth.processes[at.name+"/"+at.under]
	if c.is.there {
		w.judgeJoin(i)
		return 0
	}
	told := 0
	for _, rec := range records {
		if rec.Service == at.name && rec.Instance == i.ID {
			told++
		}
	}
	left := i.leaving && told == 0
	if told != 1 && !left {
		w.fail("G8", "%d records tell of the removal of %s/%s", told, at.name, at.under)
	}
	return told
}

// judgeJoin checks that nobody is let in past the gate, and that whoever
// violates a constraint meets nobody who sends or expects the new form (G2).
func (w *world) judgeJoin(i *instance) {
	sheet := w.truth.sheet[i.Service]
	if refusals := sheet.Admit(i.Version); len(refusals) > 0 {
		w.fail("G2", "%s/%s became a member past the gate of %s", i.Service, i.Entry(), refusals[0])
	}
	for _, key := range sheet.Keys() {
		if sheet.Features[key].Constraint.Satisfied(i.Version) {
			continue
		}
		spec, _ := w.truth.inForce(key)
		for _, service := range spec.Services() {
			for _, entry := range w.members(service) {
				if other := w.truth.processes[service+"/"+entry]; other != i && other.applies(key) > muster.Off {
					w.fail("G2", "%s/%s, %s, became a member, and %s/%s applies %s of %s",
						i.Service, i.Entry(), i.Version, service, entry, other.applies(key), key)
				}
			}
		}
	}
}

// noteSheet notes a new sheet, and which features are new in it.
func (w *world) noteSheet(c change, service string) {
	sheet := read[muster.Sheet](w, c.path, c.is.data)
	sheet.Revision = c.is.stat.Version
	for key := range sheet.Features {
		if _, before := w.truth.sheet[service].Features[key]; !before {
			w.truth.takesPart[partKey{service, key}] = sheet.Revision
		}
	}
	w.truth.sheet[service], w.truth.sheets[sheetKey{service, sheet.Revision}] = sheet, sheet
}

// judgeAck notes what was acked: acks grow.
func (w *world) judgeAck(c change, at place) {
	entry := at.name + "/" + at.under
	acked := read[muster.Ack](w, c.path, c.is.data).Revision
	if acked < w.truth.acked[entry] {
		w.fail("ack", "%s acked %d after %d", entry, acked, w.truth.acked[entry])
	}
	w.truth.acked[entry] = acked
}
