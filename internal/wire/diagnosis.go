package wire

import (
	"github.com/musterhq/muster"
	musterv1 "github.com/musterhq/muster/proto/muster/v1"
)

// DiagnosisProto writes what an agent knows of itself.
func DiagnosisProto(d muster.Diagnosis) *musterv1.Diagnosis {
	return &musterv1.Diagnosis{
		Agent: &musterv1.Agent{
			Name: text(d.Agent), Version: text(d.Version), Leader: text(d.Leader), Leading: d.Leading,
			Ready: d.Problem == "", Problem: text(d.Problem),
		},
		Time:           moment(d.Time),
		EnrolledAgents: each(d.Enrolled, text),
		Zookeeper: &musterv1.ZooKeeper{
			Servers:               each(d.ZooKeeper.Servers, serverProto),
			AskTime:               moment(d.ZooKeeper.Asked),
			SessionTimeout:        span(d.ZooKeeper.SessionTimeout),
			GrantedSessionTimeout: span(d.ZooKeeper.Granted),
			Digest:                d.ZooKeeper.Digest,
			Tls:                   d.ZooKeeper.TLS,
		},
		Quarantine: &musterv1.Quarantine{
			Service:        text(d.Quarantine.Service),
			Instance:       text(d.Quarantine.Instance),
			Lease:          span(d.Quarantine.Lease),
			SessionTimeout: span(d.Quarantine.SessionTimeout),
			Assumed:        d.Quarantine.Assumed,
			Lag:            span(d.Quarantine.Lag),
			Needed:         span(d.Quarantine.Needed),
			InForce:        span(d.Quarantine.InForce),
			Fixed:          d.Quarantine.Fixed,
		},
		Access:      &musterv1.Access{Open: d.Access.Open, Local: d.Access.Local, Tls: d.Access.TLS},
		RecordCount: count(d.Records),
		RecordLimit: count(d.KeepRecords),
		Failures: each(d.Failures, func(f muster.Failure) *musterv1.Failure {
			return &musterv1.Failure{Feature: text(f.Feature), Since: moment(f.Since), Attempts: count(f.Attempts), Problem: text(f.Problem)}
		}),
	}
}

func serverProto(s muster.ZooKeeperServer) *musterv1.ZooKeeperServer {
	return &musterv1.ZooKeeperServer{
		Address:             text(s.Address),
		Problem:             text(s.Problem),
		Version:             text(s.Version),
		Mode:                text(s.Mode),
		Zxid:                s.Zxid,
		OutstandingRequests: s.Outstanding,
		MeanLatency:         span(s.MeanLatency),
		MaxLatency:          span(s.MaxLatency),
		TickTime:            span(s.Tick),
		SyncLimit:           count(s.SyncLimit),
		MaxSessionTimeout:   span(s.MaxSession),
		SettingsSource:      text(string(s.Source)),
		Withheld:            text(s.Withheld),
		MemberCount:         count(s.Members),
	}
}

// Diagnosis reads what [DiagnosisProto] wrote.
func Diagnosis(m *musterv1.Diagnosis) (muster.Diagnosis, error) {
	r := new(reader)
	d := muster.Diagnosis{
		Agent:       m.GetAgent().GetName(),
		Version:     m.GetAgent().GetVersion(),
		Leader:      m.GetAgent().GetLeader(),
		Leading:     m.GetAgent().GetLeading(),
		Problem:     m.GetAgent().GetProblem(),
		Time:        r.time("diagnosis.time", m.GetTime()),
		Enrolled:    m.GetEnrolledAgents(),
		ZooKeeper:   r.zooKeeper(m.GetZookeeper()),
		Quarantine:  r.quarantine(m.GetQuarantine()),
		Access:      muster.Access{Open: m.GetAccess().GetOpen(), Local: m.GetAccess().GetLocal(), TLS: m.GetAccess().GetTls()},
		Records:     int(m.GetRecordCount()),
		KeepRecords: int(m.GetRecordLimit()),
		Failures: each(m.GetFailures(), func(f *musterv1.Failure) muster.Failure {
			return muster.Failure{
				Feature: f.GetFeature(), Since: r.time("failure.since", f.GetSince()), Attempts: int(f.GetAttempts()), Problem: f.GetProblem(),
			}
		}),
	}
	return d, r.err
}

func (r *reader) zooKeeper(m *musterv1.ZooKeeper) muster.ZooKeeper {
	return muster.ZooKeeper{
		Servers:        each(m.GetServers(), r.server),
		Asked:          r.time("zookeeper.ask_time", m.GetAskTime()),
		SessionTimeout: r.span("zookeeper.session_timeout", m.GetSessionTimeout()),
		Granted:        r.span("zookeeper.granted_session_timeout", m.GetGrantedSessionTimeout()),
		Digest:         m.GetDigest(),
		TLS:            m.GetTls(),
	}
}

func (r *reader) server(m *musterv1.ZooKeeperServer) muster.ZooKeeperServer {
	return muster.ZooKeeperServer{
		Address:     m.GetAddress(),
		Problem:     m.GetProblem(),
		Version:     m.GetVersion(),
		Mode:        m.GetMode(),
		Zxid:        m.GetZxid(),
		Outstanding: m.GetOutstandingRequests(),
		MeanLatency: r.span("server.mean_latency", m.GetMeanLatency()),
		MaxLatency:  r.span("server.max_latency", m.GetMaxLatency()),
		Tick:        r.span("server.tick_time", m.GetTickTime()),
		SyncLimit:   int(m.GetSyncLimit()),
		MaxSession:  r.span("server.max_session_timeout", m.GetMaxSessionTimeout()),
		Source:      muster.SettingsSource(m.GetSettingsSource()),
		Withheld:    m.GetWithheld(),
		Members:     int(m.GetMemberCount()),
	}
}

func (r *reader) quarantine(m *musterv1.Quarantine) muster.Quarantine {
	return muster.Quarantine{
		Service:        m.GetService(),
		Instance:       m.GetInstance(),
		Lease:          r.span("quarantine.lease", m.GetLease()),
		SessionTimeout: r.span("quarantine.session_timeout", m.GetSessionTimeout()),
		Assumed:        m.GetAssumed(),
		Lag:            r.span("quarantine.lag", m.GetLag()),
		Needed:         r.span("quarantine.needed", m.GetNeeded()),
		InForce:        r.span("quarantine.in_force", m.GetInForce()),
		Fixed:          m.GetFixed(),
	}
}
