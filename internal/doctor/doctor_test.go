package doctor_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/internal/doctor"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// well is an installation in which nothing is wrong: two agents, three servers
// that tell their settings, one feature that is on.
func well() *doctor.Facts {
	server := func(n int, mode string) muster.ZooKeeperServer {
		return muster.ZooKeeperServer{
			Address: fmt.Sprintf("zk%d:2181", n), Mode: mode, Zxid: 0x500000010, MeanLatency: time.Millisecond,
			Tick: 2 * time.Second, SyncLimit: 5, MaxSession: 40 * time.Second, Source: muster.SettingsAsked, Members: 3,
		}
	}
	agent := func(name string) doctor.Agent {
		return doctor.Agent{
			Address: name + ":7420", Asked: now.Add(-time.Second), Answered: now,
			Diagnosis: muster.Diagnosis{
				Agent: name, Version: "1.2.0", Leader: "a1", Leading: name == "a1", Time: now.Add(-time.Second / 2), Enrolled: []string{"a1", "a2"},
				ZooKeeper: muster.ZooKeeper{
					Servers: []muster.ZooKeeperServer{server(1, "follower"), server(2, "leader"), server(3, "follower")},
					Asked:   now, SessionTimeout: 8 * time.Second, Granted: 8 * time.Second, Digest: true, TLS: true,
				},
				Quarantine: muster.Quarantine{
					Service: "checkout", Instance: "c1", Lease: 12 * time.Second, SessionTimeout: 8 * time.Second,
					Lag: 12 * time.Second, Needed: 24 * time.Second, InForce: 24 * time.Second,
				},
				Access:  muster.Access{TLS: true},
				Records: 100, KeepRecords: 10_000,
			},
		}
	}
	return &doctor.Facts{
		Now: now, Version: "1.2.0", Agents: []doctor.Agent{agent("a1"), agent("a2")},
		Features: []muster.Feature{{Status: muster.Status{Feature: "f", Desired: muster.On, Stage: muster.On, Changed: now.Add(-time.Hour)}}},
		Services: []muster.Service{{Sheet: muster.Sheet{Service: "checkout"}, Members: []muster.Member{
			{Instance: muster.Instance{Service: "checkout", ID: "c1", Version: "2.0.0"}, Live: true},
		}}},
	}
}

// wrong are the checks that are not ok, without what to do.
func wrong(t *testing.T, checks []doctor.Check) []string {
	t.Helper()
	var list []string
	for _, c := range checks {
		if c.Severity == doctor.OK {
			continue
		}
		if c.Todo == "" {
			t.Errorf("%s of %s is %s, and nothing says what to do", c.Name, c.Subject, c.Severity)
		}
		list = append(list, fmt.Sprintf("%s %s %s: %s", c.Severity, c.Name, c.Subject, c.Found))
	}
	return list
}

func TestNothingIsWrong(t *testing.T) {
	t.Parallel()
	checks := doctor.Examine(*well())
	if got := wrong(t, checks); len(got) > 0 {
		t.Errorf("got\n%s", strings.Join(got, "\n"))
	}
	if doctor.Worst(checks) != doctor.OK || len(checks) < 15 {
		t.Errorf("worst %s of %d checks", doctor.Worst(checks), len(checks))
	}
}

// Every fault is found, named, and nothing else with it.
func TestEachFaultIsFound(t *testing.T) {
	t.Parallel()
	each := func(change func(*muster.Diagnosis)) func(*doctor.Facts) {
		return func(f *doctor.Facts) {
			for i := range f.Agents {
				change(&f.Agents[i].Diagnosis)
			}
		}
	}
	first := func(change func(*muster.Diagnosis)) func(*doctor.Facts) {
		return func(f *doctor.Facts) { change(&f.Agents[0].Diagnosis) }
	}
	servers := func(change func(n int, s *muster.ZooKeeperServer)) func(*doctor.Facts) {
		return each(func(d *muster.Diagnosis) {
			for i := range d.ZooKeeper.Servers {
				change(i, &d.ZooKeeper.Servers[i])
			}
		})
	}
	blocked := func(b muster.Blocker) func(*doctor.Facts) {
		return func(f *doctor.Facts) {
			f.Features[0].Status.Stage = muster.Off
			f.Features[0].Blockers = []muster.Blocker{b, b}
		}
	}
	member := func(m muster.Member) func(*doctor.Facts) {
		m.Instance.Service, m.Instance.ID = "checkout", "c2"
		return func(f *doctor.Facts) { f.Services[0].Members = append(f.Services[0].Members, m) }
	}
	tests := []struct {
		name  string
		spoil func(*doctor.Facts)
		want  []string
	}{
		{"an agent is down", func(f *doctor.Facts) { f.Agents[1] = doctor.Agent{Address: "a2:7420", Problem: "refused"} }, []string{
			"error agent a2:7420: refused", "warning agents election: agents that run and were not asked: a2",
		}},
		{"all are down", func(f *doctor.Facts) {
			f.Agents, f.Registry = []doctor.Agent{{Address: "a1:7420", Problem: "refused"}}, "no agent answers"
		}, []string{"error agent a1:7420: refused", "error registry features and services: could not be read: no agent answers"}},
		{"one is not ready", first(func(d *muster.Diagnosis) { d.Problem = "away" }), []string{"error agent a1:7420: a1 is not ready: away"}},
		{"two versions", first(func(d *muster.Diagnosis) { d.Version = "1.1.0" }), []string{"warning version agents: agents of several versions: 1.1.0, 1.2.0"}},
		{"another program", func(f *doctor.Facts) { f.Version = "1.3.0" }, []string{"warning version agents: the agents are 1.2.0, and this program is 1.3.0"}},
		{"one agent", func(f *doctor.Facts) { f.Agents = f.Agents[:1]; f.Agents[0].Diagnosis.Enrolled = []string{"a1"} }, []string{
			"warning agents election: there is one agent, so nobody takes over when it ends",
		}},
		{"nobody leads", each(func(d *muster.Diagnosis) { d.Leader, d.Leading = "", false }), []string{"error leader election: no agent leads, so no feature moves"}},
		{"two lead", each(func(d *muster.Diagnosis) { d.Leader, d.Leading = d.Agent, true }), []string{"warning leader election: several believe that they lead: a1, a2"}},
		{"they disagree", first(func(d *muster.Diagnosis) { d.Leader, d.Leading = "a3", false }), []string{"warning leader election: the agents do not agree on who leads: a1, a3"}},
		{"a clock is behind", first(func(d *muster.Diagnosis) { d.Time = now.Add(-time.Minute) }), []string{"warning clock a1:7420: 59s behind this machine's"}},
		{"a clock is ahead", first(func(d *muster.Diagnosis) { d.Time = now.Add(5 * time.Second) }), []string{"warning clock a1:7420: 5s ahead of this machine's"}},
		{"a clock within the time of the call", first(func(d *muster.Diagnosis) { d.Time = now.Add(-time.Second) }), nil},
		{"a server is away from both", servers(func(n int, s *muster.ZooKeeperServer) {
			if n == 0 {
				s.Problem, s.Mode, s.Source = "no answer for 2s", "", muster.SettingsRemembered
			}
		}), []string{
			"warning zookeeper zk1:2181: does not serve agent a1:7420: no answer for 2s", "warning zookeeper zk1:2181: does not serve agent a2:7420: no answer for 2s",
		}},
		{"no server serves one agent", first(func(d *muster.Diagnosis) {
			for i := range d.ZooKeeper.Servers {
				s := &d.ZooKeeper.Servers[i]
				s.Problem, s.Mode, s.Zxid = "refused", "", 0
			}
		}), []string{
			"error quorum ZooKeeper: none of 3 servers serves agent a1:7420",
			"warning zookeeper zk1:2181: does not serve agent a1:7420: refused",
			"warning zookeeper zk2:2181: does not serve agent a1:7420: refused",
			"warning zookeeper zk3:2181: does not serve agent a1:7420: refused",
		}},
		{"the leader is out of reach", first(func(d *muster.Diagnosis) {
			d.ZooKeeper.Servers[1].Problem, d.ZooKeeper.Servers[1].Mode = "refused", ""
		}), []string{
			"warning quorum ZooKeeper: agent a1:7420 does not reach the server that leads", "warning zookeeper zk2:2181: does not serve agent a1:7420: refused",
		}},
		{"servers that know nothing of each other", servers(func(_ int, s *muster.ZooKeeperServer) { s.Mode, s.Members = "standalone", 0 }), []string{
			"error quorum ZooKeeper: 3 of 3 servers stand alone, each with its own data",
		}},
		{"two leaders", servers(func(n int, s *muster.ZooKeeperServer) {
			if n == 0 {
				s.Mode = "leader"
			}
		}), []string{"error quorum ZooKeeper: 2 servers lead: they are several ensembles, or one is being deposed"}},
		{"the ensemble is larger", servers(func(_ int, s *muster.ZooKeeperServer) { s.Members = 5 }), []string{
			"warning quorum ZooKeeper: the ensemble has 5 servers, and the agent knows 3",
		}},
		{"a single server", each(func(d *muster.Diagnosis) {
			d.ZooKeeper.Servers = d.ZooKeeper.Servers[:1]
			d.ZooKeeper.Servers[0].Mode, d.ZooKeeper.Servers[0].Members = "standalone", 0
			d.ZooKeeper.Servers[0].Source, d.ZooKeeper.Servers[0].Withheld = muster.SettingsAssumed, "conf: not in the whitelist" // it matters not
		}), []string{"warning quorum ZooKeeper: a single server: when it is away nothing can be changed"}},
		{"a slow server that lags", servers(func(n int, s *muster.ZooKeeperServer) {
			if n == 2 {
				s.MeanLatency, s.Outstanding, s.Zxid = 300*time.Millisecond, 500, 0x500000010-5
			} else {
				s.Zxid += 5000
			}
		}), []string{"warning zookeeper zk3:2181: follower, answers within 300ms on average, 500 requests wait, is 5005 transactions behind"}},
		{"an idle follower in a new epoch", servers(func(n int, s *muster.ZooKeeperServer) {
			if n == 1 {
				s.Zxid = 0x600000000
			}
		}), nil},
		{"a follower in an old epoch", servers(func(n int, s *muster.ZooKeeperServer) {
			if n != 0 {
				s.Zxid = 0x600000000 + 2000
			}
		}), []string{"warning zookeeper zk1:2181: follower, is 2000 transactions behind"}},
		{"servers of different settings", servers(func(n int, s *muster.ZooKeeperServer) {
			if n == 2 {
				s.SyncLimit = 10
			}
		}), []string{"warning settings zk3:2181: tickTime 2s, syncLimit 10, asked; another server has tickTime 2s, syncLimit 5"}},
		{"settings that are assumed", servers(func(_ int, s *muster.ZooKeeperServer) {
			s.Source, s.Withheld = muster.SettingsAssumed, "conf: not in the whitelist"
		}), []string{
			"warning settings zk1:2181: does not tell its settings (conf: not in the whitelist); ZooKeeper's defaults are assumed: tickTime 2s, syncLimit 5",
			"warning settings zk2:2181: does not tell its settings (conf: not in the whitelist); ZooKeeper's defaults are assumed: tickTime 2s, syncLimit 5",
			"warning settings zk3:2181: does not tell its settings (conf: not in the whitelist); ZooKeeper's defaults are assumed: tickTime 2s, syncLimit 5",
		}},
		{"settings that are configured", servers(func(_ int, s *muster.ZooKeeperServer) { s.Source = muster.SettingsConfigured }), nil},
		{"configured otherwise than the others tell", servers(func(n int, s *muster.ZooKeeperServer) {
			if n == 0 {
				s.Source, s.Tick = muster.SettingsConfigured, time.Second
			}
		}), []string{
			"warning settings zk1:2181: does not tell its settings; reckoned with as configured: tickTime 1s, syncLimit 5; another server has tickTime 2s, syncLimit 5",
		}},
		{"a session that was granted for less", first(func(d *muster.Diagnosis) { d.ZooKeeper.Granted = 4 * time.Second }), []string{
			"warning session a1: was granted a session timeout of 4s, and asked for 8s",
		}},
		{"a quarantine that is too short", first(func(d *muster.Diagnosis) { d.Quarantine.Fixed, d.Quarantine.InForce = true, 5*time.Second }), []string{
			"error quarantine a1: is set to 5s, and must be 24s for checkout/c1 (lease 12s, session 8s, servers that lag by 12s)",
		}},
		{"one that is set and long enough", each(func(d *muster.Diagnosis) { d.Quarantine.Fixed, d.Quarantine.InForce = true, time.Minute }), nil},
		{"an instance with an hour's lease", first(func(d *muster.Diagnosis) {
			d.Quarantine.Lease, d.Quarantine.Needed, d.Quarantine.InForce = time.Hour, time.Hour, time.Hour
		}), []string{"warning quarantine a1: reckoned for each instance; 1h0m0s for checkout/c1 (lease 1h0m0s, session 8s, servers that lag by 12s)"}},
		{"an API that is open to all", first(func(d *muster.Diagnosis) { d.Access = muster.Access{Open: true} }), []string{
			"error access a1:7420: every host that reaches the agent may command the fleet",
		}},
		{"an API that is open to this host", first(func(d *muster.Diagnosis) { d.Access = muster.Access{Open: true, Local: true} }), nil},
		{"tokens in plain text", first(func(d *muster.Diagnosis) { d.Access = muster.Access{} }), []string{
			"error access a1:7420: callers have roles, and their tokens travel in plain text",
		}},
		{"no credential for ZooKeeper", first(func(d *muster.Diagnosis) { d.ZooKeeper.Digest = false }), []string{
			"warning registry-access a1:7420: no credential for ZooKeeper: whoever reaches the servers can write what the agents write",
		}},
		{"a credential in plain text", first(func(d *muster.Diagnosis) { d.ZooKeeper.TLS = false }), []string{
			"warning registry-access a1:7420: the credential for ZooKeeper travels in plain text",
		}},
		{"a history that is nearly full", each(func(d *muster.Diagnosis) { d.Records = 9500 }), []string{"warning history history: 9500 records of at most 10000"}},
		{"a history that could not be counted", each(func(d *muster.Diagnosis) { d.Records = -1 }), nil},
		{"a step that cannot be written", first(func(d *muster.Diagnosis) {
			d.Failures = []muster.Failure{{Feature: "f", Since: now.Add(-time.Minute), Attempts: 9, Problem: "denied"}}
		}), []string{"error write f: agent a1 cannot write the next step, for 1m0s, 9 times: denied"}},
		{"a step that nobody makes", blocked(muster.Blocker{Reason: muster.ReasonNotWritten, Detail: "it does not make it"}), []string{
			"error write f: it does not make it", "error write f: it does not make it",
		}},
		{"a feature that waits for long", blocked(muster.Blocker{Reason: muster.ReasonOldVersion, Service: "s", Instance: "i", Detail: "upgrade it"}), []string{
			"warning waiting f: at off, wanted on for 1h0m0s; waits for s/i: upgrade it (and 1 more)",
		}},
		{"a feature that waits for a minute", func(f *doctor.Facts) {
			blocked(muster.Blocker{Reason: muster.ReasonOldVersion, Detail: "x"})(f)
			f.Features[0].Status.Changed = now.Add(-time.Minute)
		}, nil},
		{"a status that cannot be read", func(f *doctor.Facts) {
			f.Features[0].Blockers = []muster.Blocker{{Reason: muster.ReasonUnreadable, Detail: "/muster/features/f: not JSON"}}
		}, []string{"error unreadable f: /muster/features/f: not JSON"}},
		{"a sheet that cannot be read is told once", func(f *doctor.Facts) {
			f.Services[0].Problem = "/muster/services/checkout: not JSON"
			f.Features[0].Blockers = []muster.Blocker{{Reason: muster.ReasonUnreadable, Service: "checkout", Detail: f.Services[0].Problem}}
		}, []string{"error unreadable checkout: /muster/services/checkout: not JSON"}},
		{"half a roster vanished", blocked(muster.Blocker{Reason: muster.ReasonShrunk, Service: "checkout", Detail: "paused"}), []string{
			"warning confirm f: checkout: paused", "warning confirm f: checkout: paused",
		}},
		{"a member that cannot be read", member(muster.Member{Problem: "bad"}), []string{"error unreadable checkout/c2: bad"}},
		{"a member without a version", member(muster.Member{Live: true}), []string{
			"warning version-missing checkout: instances without a semantic version, which satisfy no feature: c2 (no version)",
		}},
		{"a member that vanished", member(muster.Member{Instance: muster.Instance{Version: "2.0.0"}, Vanished: now.Add(-3 * time.Second)}), []string{
			"warning vanished checkout: gone without leaving, and counted until their quarantine is over: c2 (3s ago)",
		}},
		{"an instance at the gate", func(f *doctor.Facts) {
			f.Services[0].Knocks = []muster.Knock{{Instance: muster.Instance{ID: "old", Version: "1.0.0"}, Since: now.Add(-time.Minute)}, {Instance: muster.Instance{ID: "bad"}, Problem: "garbage"}}
		}, []string{"error unreadable checkout/bad: garbage", "warning refused checkout: too old for a feature, and waiting at its gate: old 1.0.0 (for 1m0s)"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := well()
			tt.spoil(f)
			if diff := cmp.Diff(wrong(t, doctor.Examine(*f)), tt.want); diff != "" {
				t.Errorf("what is wrong (-got +want):\n%s", diff)
			}
		})
	}
}
