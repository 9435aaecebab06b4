package integration_test

import (
	"fmt"

	"github.com/musterhq/muster"
)

// checkAudit says what is wrong with the records of one feature, oldest first:
// each must follow from the one before (G3), each epoch has exactly one (G5,
// G8), and the evidence must justify what was done (G1). With participants nil,
// as where specs change on the way, the evidence is not judged.
func checkAudit(records []muster.Record, participants map[string]muster.Participant) (wrong []string) {
	a := &auditor{participants: participants, operations: make(map[string]bool)}
	for i, rec := range records {
		a.at = fmt.Sprintf("record %d (%s %s→%s, epoch %d, by %s)", i, rec.Action, rec.From, rec.To, rec.Epoch, rec.By)
		if i == 0 {
			a.check(rec.Action == muster.ActionApply && rec.Epoch == 0 && rec.To == muster.Off, "the first must be the application of a spec")
		} else {
			a.follows(records[i-1], rec)
		}
		a.check(rec.Operation != "" && !a.operations[rec.Operation], "operation %q is empty, or was carried out before", rec.Operation)
		a.operations[rec.Operation] = true
		if rec.Action == muster.ActionMove && participants != nil {
			a.justified(rec)
		}
	}
	return a.wrong
}

type auditor struct {
	participants map[string]muster.Participant
	operations   map[string]bool
	at           string
	wrong        []string
}

func (a *auditor) check(holds bool, format string, args ...any) {
	if !holds {
		a.wrong = append(a.wrong, a.at+": "+fmt.Sprintf(format, args...))
	}
}

// follows checks that rec begins where before ended.
func (a *auditor) follows(before, rec muster.Record) {
	a.check(rec.From == before.To, "begins at %s, where the one before ended at %s", rec.From, before.To)
	grown := rec.Epoch - before.Epoch
	switch rec.Action {
	case muster.ActionMove:
		a.check(rec.From != rec.To && rec.From.Adjacent(rec.To), "is not a step between neighbours")
		a.check(grown == 1, "the epoch grew by %d, want 1", grown)
	case muster.ActionAdopt:
		a.check(rec.From == rec.To, "a spec changes no stage")
		a.check(grown == 0 || grown == 1 && rec.To == muster.Accept, "the epoch grew by %d", grown)
	default:
		a.check(rec.From == rec.To && grown == 0, "changes a stage or an epoch")
	}
	a.check(rec.To == muster.Off || rec.Gate == muster.GateClosed, "leaves the gate open beyond off")
	if before.Gate == muster.GateClosed && rec.Gate == muster.GateOpen {
		a.check(rec.Action == muster.ActionGate && rec.To == muster.Off, "opens the gate, which is a record of its own at off")
	}
}

// justified checks that the evidence of a move allowed it.
func (a *auditor) justified(rec muster.Record) {
	for service, p := range a.participants {
		e, ok := rec.Evidence[service]
		a.check(ok, "no evidence of %s", service)
		switch {
		case rec.From == muster.Off:
			a.check(e.Live >= p.MinInstances && e.Live > 0, "%s had %d live instances, want %d", service, e.Live, p.MinInstances)
			for version, n := range e.Versions {
				a.check(p.Version.Satisfied(version), "%s had %d members at %s, want %s", service, n, version, p.Version)
			}
		case rec.From == muster.Accept:
			a.check(e.Acked == e.Members, "%s had %d members, of which %d had acked", service, e.Members, e.Acked)
		}
	}
}
