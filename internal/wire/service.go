package wire

import (
	"github.com/musterhq/muster"
	musterv1 "github.com/musterhq/muster/proto/muster/v1"
)

// ServiceProto writes a service; without full only its sheet and counts.
func ServiceProto(s muster.Service, full bool) *musterv1.Service {
	m := &musterv1.Service{
		Name:          ServiceName(text(s.Sheet.Service)),
		Sheet:         sheetProto(s.Sheet),
		RosterVersion: s.Roster,
		InstanceCount: count(len(s.Members)),
		Problem:       text(s.Problem),
	}
	for _, member := range s.Members {
		if member.Live {
			m.LiveInstanceCount++
		}
	}
	if full {
		m.Instances = each(s.Members, MemberProto)
		m.Knocks = each(s.Knocks, knockProto)
	}
	return m
}

// Service reads what [ServiceProto] wrote.
func Service(m *musterv1.Service) (muster.Service, error) {
	name, err := ServiceKey(m.GetName())
	if err != nil {
		return muster.Service{}, err
	}
	r := new(reader)
	s := muster.Service{
		Sheet:   r.sheet(name, m.GetSheet()),
		Roster:  m.GetRosterVersion(),
		Members: each(m.GetInstances(), func(m *musterv1.Instance) muster.Member { return r.member(name, m) }),
		Knocks: each(m.GetKnocks(), func(m *musterv1.Knock) muster.Knock {
			return muster.Knock{
				Instance: r.member(name, m.GetInstance()).Instance,
				Refusals: r.refusals(m.GetRefusals()),
				Since:    r.time("knock.since", m.GetSince()),
				Problem:  m.GetProblem(),
			}
		}),
		Problem: m.GetProblem(),
	}
	return s, r.err
}

// MemberProto writes a member; the version of its entry and its birth are the
// registry's own affair and left out.
func MemberProto(m muster.Member) *musterv1.Instance {
	p := instanceProto(m.Instance)
	p.Live = m.Live
	p.VanishTime = moment(m.Vanished)
	p.Problem = text(m.Problem)
	if m.Live || m.Ack != (muster.Ack{}) {
		p.Ack = &musterv1.Ack{
			Revision:        m.Ack.Revision,
			AppliedRevision: m.Ack.Applied,
			Draining:        count(m.Ack.Draining),
			OldestTime:      moment(m.Ack.Oldest),
		}
	}
	return p
}

// Member reads what [MemberProto] wrote.
func Member(m *musterv1.Instance) (muster.Member, error) {
	service, _, err := InstanceEntry(m.GetName())
	if err != nil {
		return muster.Member{}, err
	}
	r := new(reader)
	member := r.member(service, m)
	return member, r.err
}

func (r *reader) member(service string, m *musterv1.Instance) muster.Member {
	return muster.Member{
		Instance: muster.Instance{
			Service:     service,
			ID:          m.GetId(),
			Incarnation: m.GetIncarnation(),
			Version:     m.GetVersion(),
			Labels:      m.GetLabels(),
			Started:     r.time("instance.start_time", m.GetStartTime()),
			Address:     m.GetAddress(),
			SDK:         m.GetSdk(),

			Lease:          r.span("instance.lease", m.GetLease()),
			SessionTimeout: r.span("instance.session_timeout", m.GetSessionTimeout()),
		},
		Live: m.GetLive(),
		Ack: muster.Ack{
			Revision: m.GetAck().GetRevision(),
			Applied:  m.GetAck().GetAppliedRevision(),
			Draining: int(m.GetAck().GetDraining()),
			Oldest:   r.time("instance.ack.oldest_time", m.GetAck().GetOldestTime()),
		},
		Vanished: r.time("instance.vanish_time", m.GetVanishTime()),
		Problem:  m.GetProblem(),
	}
}

func instanceProto(i muster.Instance) *musterv1.Instance {
	m := &musterv1.Instance{
		Name:        InstanceName(text(i.Service), text(i.Entry())),
		Id:          text(i.ID),
		Incarnation: text(i.Incarnation),
		Version:     text(i.Version),
		StartTime:   moment(i.Started),
		Address:     text(i.Address),
		Sdk:         text(i.SDK),

		Lease:          span(i.Lease),
		SessionTimeout: span(i.SessionTimeout),
	}
	if len(i.Labels) > 0 {
		m.Labels = make(map[string]string, len(i.Labels))
	}
	for k, v := range i.Labels {
		m.Labels[text(k)] = text(v)
	}
	return m
}

func sheetProto(s muster.Sheet) *musterv1.Sheet {
	m := &musterv1.Sheet{Revision: s.Revision}
	if len(s.Features) > 0 {
		m.Features = make(map[string]*musterv1.SheetEntry, len(s.Features))
	}
	for key, e := range s.Features {
		m.Features[text(key)] = &musterv1.SheetEntry{
			Stage:         stages.value(e.Stage),
			Epoch:         e.Epoch,
			SinceRevision: e.Since,
			SpecRevision:  e.Spec,
			Constraint:    text(e.Constraint.String()),
			Gate:          gates.value(e.Gate),
			OnDisconnect:  onDisconnects.value(e.OnDisconnect),
		}
	}
	return m
}

func (r *reader) sheet(service string, m *musterv1.Sheet) muster.Sheet {
	s := muster.Sheet{Service: service, Revision: m.GetRevision()}
	if len(m.GetFeatures()) > 0 {
		s.Features = make(map[string]muster.Entry, len(m.GetFeatures()))
	}
	for key, e := range m.GetFeatures() {
		s.Features[key] = muster.Entry{
			Stage:        r.stage("sheet.stage", e.GetStage()),
			Epoch:        e.GetEpoch(),
			Since:        e.GetSinceRevision(),
			Spec:         e.GetSpecRevision(),
			Constraint:   r.constraint(e.GetConstraint()),
			Gate:         r.gate("sheet.gate", e.GetGate()),
			OnDisconnect: word(r, "sheet.on_disconnect", onDisconnects, e.GetOnDisconnect()),
		}
	}
	return s
}

func knockProto(k muster.Knock) *musterv1.Knock {
	return &musterv1.Knock{
		Instance: instanceProto(k.Instance),
		Refusals: RefusalsProto(k.Refusals),
		Since:    moment(k.Since),
		Problem:  text(k.Problem),
	}
}

// RefusalsProto writes refusals.
func RefusalsProto(rs []muster.Refusal) []*musterv1.Refusal {
	return each(rs, func(r muster.Refusal) *musterv1.Refusal {
		return &musterv1.Refusal{
			Feature:    text(r.Feature),
			Stage:      stages.value(r.Stage),
			Constraint: text(r.Constraint.String()),
			Version:    text(r.Version),
		}
	})
}

// Refusals reads what [RefusalsProto] wrote.
func Refusals(ms []*musterv1.Refusal) ([]muster.Refusal, error) {
	r := new(reader)
	rs := r.refusals(ms)
	return rs, r.err
}

func (r *reader) refusals(ms []*musterv1.Refusal) []muster.Refusal {
	return each(ms, func(m *musterv1.Refusal) muster.Refusal {
		return muster.Refusal{
			Feature:    m.GetFeature(),
			Stage:      r.stage("refusal.stage", m.GetStage()),
			Constraint: r.constraint(m.GetConstraint()),
			Version:    m.GetVersion(),
		}
	})
}
