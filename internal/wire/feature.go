package wire

import (
	"slices"

	"github.com/musterhq/muster"
	musterv1 "github.com/musterhq/muster/proto/muster/v1"
)

// FeatureProto writes a feature. The requests that its status remembers are
// the registry's own affair and are left out.
func FeatureProto(f muster.Feature) *musterv1.Feature {
	m := &musterv1.Feature{
		Name:     FeatureName(text(f.Status.Feature)),
		Status:   statusProto(f.Status),
		Blockers: blockersProto(f.Blockers),
	}
	if f.Spec.Feature != "" { // unreadable features have none
		m.Spec = SpecProto(f.Spec)
	}
	if f.Pending != nil {
		m.PendingSpec = SpecProto(*f.Pending)
	}
	return m
}

// Feature reads what [FeatureProto] wrote.
func Feature(m *musterv1.Feature) (muster.Feature, error) {
	key, err := FeatureKey(m.GetName())
	if err != nil {
		return muster.Feature{}, err
	}
	r := new(reader)
	f := muster.Feature{Blockers: r.blockers(m.GetBlockers())}
	if m.GetStatus() != nil {
		f.Status = r.status(m.GetStatus())
	}
	f.Status.Feature = key
	if m.GetSpec() != nil {
		f.Spec = r.spec(key, m.GetSpec())
	}
	if m.GetPendingSpec() != nil {
		pending := r.spec(key, m.GetPendingSpec())
		f.Pending = &pending
	}
	return f, r.err
}

// SpecProto writes a spec; the feature's name stands beside it. A policy that
// is not one of ours is left unspecified: validate a spec before.
func SpecProto(s muster.Spec) *musterv1.Spec {
	m := &musterv1.Spec{
		Revision:      s.Revision,
		Description:   text(s.Description),
		Owner:         text(s.Owner),
		OnDisconnect:  onDisconnects.value(s.OnDisconnect),
		OnOldInstance: onOldInstances.value(s.OldInstance),
		Vanished:      vanisheds.value(s.Vanished),
		Prerequisites: each(s.Prerequisites, text),
	}
	if len(s.Participants) > 0 {
		m.Participants = make(map[string]*musterv1.Participant, len(s.Participants))
	}
	for service, p := range s.Participants {
		m.Participants[text(service)] = &musterv1.Participant{Version: text(p.Version.String()), MinInstances: count(p.MinInstances)}
	}
	return m
}

// Spec reads the spec of the feature with this key; it is not validated.
func Spec(key string, m *musterv1.Spec) (muster.Spec, error) {
	r := new(reader)
	s := r.spec(key, m)
	return s, r.err
}

func (r *reader) spec(key string, m *musterv1.Spec) muster.Spec {
	s := muster.Spec{
		Feature:      key,
		Revision:     m.GetRevision(),
		Description:  m.GetDescription(),
		Owner:        m.GetOwner(),
		OnDisconnect: word(r, "spec.on_disconnect", onDisconnects, m.GetOnDisconnect()),
		OldInstance:  word(r, "spec.on_old_instance", onOldInstances, m.GetOnOldInstance()),
		Vanished:     word(r, "spec.vanished", vanisheds, m.GetVanished()),

		Prerequisites: slices.Clone(m.GetPrerequisites()),
	}
	if len(m.GetParticipants()) > 0 {
		s.Participants = make(map[string]muster.Participant, len(m.GetParticipants()))
	}
	for service, p := range m.GetParticipants() {
		s.Participants[service] = muster.Participant{Version: r.constraint(p.GetVersion()), MinInstances: int(p.GetMinInstances())}
	}
	return s
}

func statusProto(s muster.Status) *musterv1.Status {
	return &musterv1.Status{
		Desired:             stages.value(s.Desired),
		Stage:               stages.value(s.Stage),
		Epoch:               s.Epoch,
		Gate:                gates.value(s.Gate),
		SpecRevision:        s.Spec,
		DesiredSpecRevision: s.DesiredSpec,
		Deleting:            s.Deleting,
		Deleted:             s.Deleted,
		StageTime:           moment(s.Since),
		UpdateTime:          moment(s.Changed),
		By:                  text(s.By),
		Reason:              text(s.Why),
		Operation:           text(s.Operation),
	}
}

func (r *reader) status(m *musterv1.Status) muster.Status {
	return muster.Status{
		Desired:     r.stage("status.desired", m.GetDesired()),
		Stage:       r.stage("status.stage", m.GetStage()),
		Epoch:       m.GetEpoch(),
		Gate:        r.gate("status.gate", m.GetGate()),
		Spec:        m.GetSpecRevision(),
		DesiredSpec: m.GetDesiredSpecRevision(),
		Deleting:    m.GetDeleting(),
		Deleted:     m.GetDeleted(),
		Since:       r.time("status.stage_time", m.GetStageTime()),
		Changed:     r.time("status.update_time", m.GetUpdateTime()),
		By:          m.GetBy(),
		Why:         m.GetReason(),
		Operation:   m.GetOperation(),
	}
}

func blockersProto(bs []muster.Blocker) []*musterv1.Blocker {
	return each(bs, func(b muster.Blocker) *musterv1.Blocker {
		return &musterv1.Blocker{
			Reason:     text(string(b.Reason)),
			Service:    text(b.Service),
			Instance:   text(b.Instance),
			Version:    text(b.Version),
			Constraint: text(b.Constraint.String()),
			Since:      moment(b.Since),
			Count:      count(b.Count),
			Detail:     text(b.Detail),
			Until:      moment(b.Until),
		}
	})
}

func (r *reader) blockers(ms []*musterv1.Blocker) []muster.Blocker {
	return each(ms, func(m *musterv1.Blocker) muster.Blocker {
		return muster.Blocker{
			Reason:     muster.Reason(m.GetReason()),
			Service:    m.GetService(),
			Instance:   m.GetInstance(),
			Version:    m.GetVersion(),
			Constraint: r.constraint(m.GetConstraint()),
			Since:      r.time("blocker.since", m.GetSince()),
			Count:      int(m.GetCount()),
			Detail:     m.GetDetail(),
			Until:      r.time("blocker.until", m.GetUntil()),
		}
	})
}

// each translates a list; an empty one becomes nil.
func each[A, B any](as []A, f func(A) B) []B {
	if len(as) == 0 {
		return nil
	}
	bs := make([]B, len(as))
	for i, a := range as {
		bs[i] = f(a)
	}
	return bs
}
