package wire

import (
	"strings"

	"github.com/musterhq/muster"
	musterv1 "github.com/musterhq/muster/proto/muster/v1"
)

// RecordProto writes an audit record.
func RecordProto(rec muster.Record) *musterv1.Record {
	m := &musterv1.Record{
		Name:         recordPrefix + text(rec.ID),
		Time:         moment(rec.Time),
		Action:       text(string(rec.Action)),
		Feature:      text(rec.Feature),
		Service:      text(rec.Service),
		Instance:     text(rec.Instance),
		From:         stages.value(rec.From),
		To:           stages.value(rec.To),
		Gate:         gates.value(rec.Gate),
		Epoch:        rec.Epoch,
		SpecRevision: rec.Spec,
		By:           text(rec.By),
		Reason:       text(rec.Why),
		Operation:    text(rec.Operation),
	}
	if len(rec.Evidence) > 0 {
		m.Evidence = make(map[string]*musterv1.Evidence, len(rec.Evidence))
	}
	for service, e := range rec.Evidence {
		m.Evidence[text(service)] = evidenceProto(e)
	}
	return m
}

// Record reads what [RecordProto] wrote.
func Record(m *musterv1.Record) (muster.Record, error) {
	id, found := strings.CutPrefix(m.GetName(), recordPrefix)
	if !found {
		return muster.Record{}, &muster.InvalidError{Field: "name", Value: m.GetName(), Problem: "is not of the form records/{record}"}
	}
	r := new(reader)
	rec := muster.Record{
		ID:        id,
		Time:      r.time("record.time", m.GetTime()),
		Action:    muster.Action(m.GetAction()),
		Feature:   m.GetFeature(),
		Service:   m.GetService(),
		Instance:  m.GetInstance(),
		From:      r.stage("record.from", m.GetFrom()),
		To:        r.stage("record.to", m.GetTo()),
		Gate:      r.gate("record.gate", m.GetGate()),
		Epoch:     m.GetEpoch(),
		Spec:      m.GetSpecRevision(),
		By:        m.GetBy(),
		Why:       m.GetReason(),
		Operation: m.GetOperation(),
	}
	if len(m.GetEvidence()) > 0 {
		rec.Evidence = make(map[string]muster.Evidence, len(m.GetEvidence()))
	}
	for service, e := range m.GetEvidence() {
		rec.Evidence[service] = evidence(e)
	}
	return rec, r.err
}

func evidenceProto(e muster.Evidence) *musterv1.Evidence {
	m := &musterv1.Evidence{
		RosterVersion: e.Roster,
		SheetRevision: e.Revision,
		Members:       count(e.Members),
		Live:          count(e.Live),
		Acked:         count(e.Acked),
		Checked:       e.Checked,
	}
	if len(e.Versions) > 0 {
		m.Versions = make(map[string]int32, len(e.Versions))
	}
	for version, n := range e.Versions {
		m.Versions[text(version)] = count(n)
	}
	return m
}

func evidence(m *musterv1.Evidence) muster.Evidence {
	e := muster.Evidence{
		Roster:   m.GetRosterVersion(),
		Revision: m.GetSheetRevision(),
		Members:  int(m.GetMembers()),
		Live:     int(m.GetLive()),
		Acked:    int(m.GetAcked()),
		Checked:  m.GetChecked(),
	}
	if len(m.GetVersions()) > 0 {
		e.Versions = make(map[string]int, len(m.GetVersions()))
	}
	for version, n := range m.GetVersions() {
		e.Versions[version] = int(n)
	}
	return e
}
