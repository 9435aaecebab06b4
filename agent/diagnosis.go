package agent

import (
	"context"
	"net"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/internal/doctor"
	"github.com/musterhq/muster/internal/store"
	"github.com/musterhq/muster/internal/wire"
	musterv1 "github.com/musterhq/muster/proto/muster/v1"
)

// factTimeout bounds what is asked of the registry for a diagnosis, so that it
// is answered when ZooKeeper is silent, which is when it is wanted.
const factTimeout = 2 * time.Second

// GetDiagnosis tells what this agent knows of itself and of what it stands on.
func (s *server) GetDiagnosis(ctx context.Context, _ *musterv1.GetDiagnosisRequest) (*musterv1.Diagnosis, error) {
	d := s.facts(ctx)
	d.Agent, d.Version = s.name, s.cfg.Version
	d.Leader, d.Leading = s.view.Leader()
	if err := s.view.Ready(); err != nil {
		d.Problem = err.Error()
	}
	d.Access = muster.Access{Open: s.guard.open(), Local: local(s.onGRPC) && local(s.onHTTP), TLS: s.certificates != nil}
	d.Time = time.Now()
	return wire.DiagnosisProto(d), nil
}

// local reports whether only this host can reach a listener; l may be nil.
func local(l net.Listener) bool {
	if l == nil {
		return true
	}
	addr, ok := l.Addr().(*net.TCPAddr)
	return !ok || addr.IP.IsLoopback()
}

// facts are those that lie below the API. They are gathered anew.
func (a *Agent) facts(ctx context.Context) muster.Diagnosis {
	a.zk.ask(ctx)
	d := muster.Diagnosis{
		ZooKeeper:   a.zk.describe(),
		Quarantine:  worst(a.zk.quarantine(), a.mirror.Services()),
		Failures:    a.mirror.Failures(),
		Records:     -1,
		KeepRecords: a.cfg.HistoryKeep,
	}
	d.ZooKeeper.Digest = a.cfg.Auth != ""
	ctx, cancel := context.WithTimeout(ctx, factTimeout)
	defer cancel()
	st, _, err := a.store()
	if err != nil {
		return d
	}
	if nodes, err := st.Agents(ctx); err == nil {
		d.Enrolled = names(nodes, store.AgentName)
	}
	if n, err := st.Records(ctx); err == nil {
		d.Records = n
	}
	return d
}

// caution returns what is done after each look at the servers: blockers tell of
// the quarantine that is in force, and the log of what is wrong with it, each
// thing once.
func (a *Agent) caution() func() {
	said := make(map[doctor.Check]bool)
	return func() {
		q := a.zk.quarantine()
		a.mirror.setQuarantine(q)
		d := muster.Diagnosis{Agent: a.cfg.Name, ZooKeeper: a.zk.describe(), Quarantine: worst(q, a.mirror.Services())}
		now := make(map[doctor.Check]bool)
		for _, c := range doctor.Timing(d) {
			now[c] = true
			if c.Severity == doctor.OK || said[c] {
				continue
			}
			log := a.log.WithFields(logrus.Fields{"check": c.Name, "subject": c.Subject, "found": c.Found, "todo": c.Todo})
			if c.Severity == doctor.Error {
				log.Error("the quarantine is not safe")
			} else {
				log.Warn("the quarantine may be wrong")
			}
		}
		said = now
	}
}
