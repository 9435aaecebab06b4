package voyage_test

import (
	"maps"
	"slices"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/internal/zkserver/tree"
)

// observe is told by the server of every transaction, and judges it on the tree
// as it was before and is after. It knows no more of the code under test than
// what that writes.
func (w *world) observe(txn tree.Txn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	enrolled := w.truth.enrolled(txn.Session) // before: an agent may leave in it
	if err := w.truth.tree.Redo(txn); err != nil {
		w.failLocked("G5", "the server has forgotten something: %v", err)
	}
	j := &judgement{world: w, truth: &w.truth, enrolled: enrolled}
	ops := slices.DeleteFunc(slices.Clone(txn.Ops), func(op tree.Op) bool {
		return op.Kind != tree.Create && op.Kind != tree.SetData && op.Kind != tree.Delete
	})
	for _, op := range ops {
		if placeOf(op.Path).kind == "record" && op.Kind == tree.Create {
			j.records = append(j.records, read[muster.Record](w, op.Path, op.Data))
		}
	}
	for _, op := range ops {
		switch at := placeOf(op.Path); {
		case op.Kind == tree.Delete && at.kind == "member":
			j.removed(at)
		case op.Kind == tree.Delete:
		case at.kind == "spec":
			w.truth.specs[specKey{at.name, read[muster.Spec](w, op.Path, op.Data).Revision}] = read[muster.Spec](w, op.Path, op.Data)
		case at.kind == "feature":
			j.feature(at.name, read[muster.Status](w, op.Path, op.Data))
		case at.kind == "member":
			j.member(at, read[muster.Instance](w, op.Path, op.Data))
		}
	}
	// Sheets and acks come last: what was decided is judged by what was.
	for _, op := range ops {
		switch at := placeOf(op.Path); {
		case op.Kind == tree.Delete:
		case at.kind == "sheet":
			j.sheet(at.name, op)
		case at.kind == "live" && len(op.Data) > 0: // an empty one only asserts that there is none
			j.ack(at, read[muster.Ack](w, op.Path, op.Data))
		}
	}
	if j.told != len(j.records) {
		w.failLocked("G8", "%d records were written for %d changes: %+v", len(j.records), j.told, j.records)
	}
	if len(ops) > 0 {
		w.lookLocked()
	}
}

// A judgement is that of one transaction.
type judgement struct {
	*world
	truth    *truth
	enrolled bool // the writer is an agent that is enrolled
	records  []muster.Record
	told     int  // changes that a record tells of
	reborn   bool // a member is back that was given up
}

// feature judges a change of a status: exactly one record tells of it (G8).
func (j *judgement) feature(key string, is muster.Status) {
	was := j.truth.status[key]
	j.truth.status[key], j.truth.changed = is, j.now()
	var told []muster.Record
	for _, rec := range j.records {
		if rec.Feature == key {
			told = append(told, rec)
		}
	}
	if j.told++; len(told) != 1 {
		j.failLocked("G8", "%d records tell of one change of %s", len(told), key)
		return
	}
	rec := told[0]
	j.noteLocked("%s %s: %s → %s, gate %s, wanted %s, epoch %d, spec %d/%d, by %s%s", key, rec.Action,
		was.Stage, is.Stage, is.Gate, is.Desired, is.Epoch, is.Spec, is.DesiredSpec, rec.By, because(rec.Why))
	if rec.From != was.Stage || rec.To != is.Stage || rec.Gate != is.Gate || rec.Epoch != is.Epoch || rec.Operation != is.Operation {
		j.failLocked("G8", "the record %+v does not tell how %+v became %+v", rec, was, is)
	}
	j.writer(key, was, is, rec)
	j.step(key, was, is)
	if rec.Action == muster.ActionRollBack {
		j.linear.wrote(key, is.Desired, j.history.last)
	}
	j.count(string(rec.Action))
}

func because(why string) string {
	if why == "" {
		return ""
	}
	return ": " + why
}

// writer checks that the write was one that might be made: by an agent that is
// enrolled, no step a second time, and no command lost or done twice (G5).
func (j *judgement) writer(key string, was, is muster.Status, rec muster.Record) {
	moved := is.Stage != was.Stage
	switch {
	case !j.enrolled:
		j.failLocked("G5", "an agent that is deposed wrote %s %s", rec.Action, key)
	case j.truth.operations[rec.Operation]:
		j.failLocked("G5", "operation %s of %s was carried out twice", rec.Operation, key)
	case rec.Action == muster.ActionMove && !moved, rec.Action == muster.ActionGate && was.Gate == is.Gate:
		j.failLocked("G5", "the step of %s to %s, gate %s, was made twice", key, is.Stage, is.Gate)
	case moved && is.Epoch != was.Epoch+1, is.Epoch < was.Epoch, is.Epoch > was.Epoch+1:
		j.failLocked("G5", "%s went from epoch %d to %d, %s to %s", key, was.Epoch, is.Epoch, was.Stage, is.Stage)
	case !is.Stage.Adjacent(was.Stage):
		j.failLocked("G3", "%s went from %s to %s", key, was.Stage, is.Stage)
	}
	j.truth.operations[rec.Operation] = true
	switch rec.Action {
	case muster.ActionActivate:
		j.truth.wanted[key] = muster.On
	case muster.ActionDeactivate, muster.ActionKill, muster.ActionRollBack:
		j.truth.wanted[key] = muster.Off
	}
	if is.Desired != j.truth.wanted[key] {
		j.failLocked("G5", "a command is lost: %s is wanted %s, and the records say %s", key, is.Desired, j.truth.wanted[key])
	}
	for _, request := range is.Requests {
		if !was.HasRequest(request) {
			if j.truth.carried[request] {
				j.failLocked("G5", "request %s of %s was carried out twice", request, key)
			}
			j.truth.carried[request] = true
		}
	}
}

// step checks that a feature might go where it went (G1, G2).
func (j *judgement) step(key string, was, is muster.Status) {
	before, after := j.truth.specs[specKey{key, was.Spec}], j.truth.specs[specKey{key, is.Spec}]
	if is.Stage != muster.Off && is.Gate == muster.GateOpen {
		j.failLocked("G2", "%s is at %s and its gate is open", key, is.Stage)
	}
	switch {
	case was.Stage == muster.Off && is.Stage == muster.Accept:
		j.allSatisfy(key, after)
	case was.Stage == muster.Accept && is.Stage != muster.Accept, was.Gate == muster.GateClosed && is.Gate == muster.GateOpen:
		j.allAcked(key, before)
	case was.Stage != muster.Off && was.Spec != is.Spec && !before.SameTerms(after):
		j.allSatisfy(key, after)
		j.allAcked(key, before)
	}
}

// allSatisfy: every member of every participant satisfies its constraint (G1).
func (j *judgement) allSatisfy(key string, spec muster.Spec) {
	for _, service := range spec.Services() {
		for _, entry := range slices.Sorted(maps.Keys(j.truth.members[service])) {
			if why := spec.Participants[service].Version.Check(j.truth.members[service][entry].Version); why != "" {
				j.failLocked("G1", "%s left off, and the member %s/%s %s", key, service, entry, why)
			}
		}
	}
}

// allAcked: every member of every participant has acked the present epoch (G1,
// and G2 where the gate opens).
func (j *judgement) allAcked(key string, spec muster.Spec) {
	for _, service := range spec.Services() {
		since := j.truth.sheets[service].Features[key].Since
		for _, entry := range slices.Sorted(maps.Keys(j.truth.members[service])) {
			if acked, ok := j.truth.acked[service+"/"+entry]; !ok || acked < since {
				j.failLocked("G1", "%s moved on, and the member %s/%s has acked %d of %d", key, service, entry, acked, since)
			}
		}
	}
}

// member judges who becomes a member, at birth or on return (G2).
func (j *judgement) member(at place, inst muster.Instance) {
	sheet, id := j.truth.sheets[at.name], at.name+"/"+at.under
	if refusals := sheet.Admit(inst.Version); len(refusals) > 0 {
		j.failLocked("G2", "%s, %s, became a member past the gate of %s", id, inst.Version, refusals[0])
	}
	_, stayed := j.truth.members[at.name][at.under]
	if j.truth.members[at.name] == nil {
		j.truth.members[at.name] = make(map[string]muster.Instance)
	}
	j.truth.members[at.name][at.under] = inst
	verb := "joins"
	if j.truth.born[id] {
		verb = "returns"
	}
	n := j.noteLocked("%s %s, %s, under revision %d", id, verb, inst.Version, sheet.Revision)
	j.reborn = j.truth.born[id] && !stayed
	if j.truth.born[id] {
		j.linear.returned(at.name, at.under, inst.Version, n)
		j.count("return")
	} else {
		j.count("join")
	}
	j.truth.born[id], j.truth.changed = true, j.now()
}

// removed judges that a member goes by its own leave, or with a record (G8).
func (j *judgement) removed(at place) {
	inst := j.truth.members[at.name][at.under]
	delete(j.truth.members[at.name], at.under)
	j.truth.changed = j.now()
	told := 0
	for _, rec := range j.records {
		if rec.Service == at.name && rec.Instance == inst.ID {
			told++
			j.count(string(rec.Action))
		}
	}
	n := j.noteLocked("%s/%s is no member any more, %d records", at.name, at.under, told)
	i := j.instances[at.name+"/"+at.under]
	switch {
	case told == 1:
		j.told++
		j.linear.reaped(at.name, at.under, n)
	case told > 1 || i == nil || !i.leaving:
		j.failLocked("G8", "%d records tell of the removal of %s/%s", told, at.name, at.under)
	}
}

// sheet notes a new sheet.
func (j *judgement) sheet(service string, op tree.Op) {
	sheet := read[muster.Sheet](j.world, op.Path, op.Data)
	stat, _ := j.truth.tree.Stat(op.Path)
	sheet.Revision = stat.Version
	j.truth.sheets[service] = sheet
	j.truth.everySheet[sheetKey{service, sheet.Revision}] = sheet
	j.linear.gate(service, sheet, j.history.last)
}

// ack notes what was acked. Who is back after it was given up has been fenced,
// and so has all that it still has in flight: that stands at accept for good,
// whatever the ack still counts (G4).
func (j *judgement) ack(at place, ack muster.Ack) {
	entry, revision := at.name+"/"+at.under, ack.Revision
	if j.reborn {
		revision = ack.Applied
	}
	if was, ok := j.truth.acked[entry]; !ok || revision > was {
		j.truth.acked[entry] = revision
	}
}
