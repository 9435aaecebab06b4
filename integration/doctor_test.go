package integration_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/agent"
	"github.com/musterhq/muster/client"
	"github.com/musterhq/muster/internal/ensemble"
)

// Agents ask real servers for their settings, and reckon the quarantine from the
// worst of them; the ensemble has a tick of 500 ms and a syncLimit of 4.
func TestAgentsReckonWithTheServersSettings(t *testing.T) {
	t.Parallel()
	f := newFleet(t, genuine(), pace{session: 3 * time.Second, lease: 5 * time.Second})
	f.join("checkout", "c1", "2.0.0")
	var answers []client.Answer
	f.until("both agents have seen c1", func() bool {
		answers = f.client.Diagnoses(t.Context())
		return !slices.ContainsFunc(answers, func(a client.Answer) bool { return a.Diagnosis.Quarantine.Instance != "c1" })
	})
	if len(answers) != 2 {
		t.Fatalf("got %d answers of 2 agents", len(answers))
	}
	for _, a := range answers {
		d := a.Diagnosis
		if a.Err != nil || d.Problem != "" || len(d.Enrolled) != 2 || d.ZooKeeper.Granted != f.session {
			t.Errorf("%s: got %+v, %v", a.Addr, d, a.Err)
		}
		var modes []string
		for _, s := range d.ZooKeeper.Servers {
			modes = append(modes, s.Mode)
			if s.Source != muster.SettingsAsked || s.Tick != 500*time.Millisecond || s.SyncLimit != 4 || s.Members != 3 {
				t.Errorf("%s: server %+v", a.Addr, s)
			}
		}
		slices.Sort(modes)
		if !slices.Equal(modes, []string{"follower", "follower", "leader"}) {
			t.Errorf("%s: servers are %v", a.Addr, modes)
		}
		// 2.5 s of lag, 2.825 s of requests, lease less session, 0.6 s of drift.
		if q := d.Quarantine; q.Instance != "c1" || q.Assumed || q.Fixed || q.Lag != 2500*time.Millisecond || q.Needed != 8*time.Second || q.InForce != q.Needed {
			t.Errorf("%s: quarantine %+v", a.Addr, q)
		}
	}
}

// A server whose whitelist is as ZooKeeper comes does not tell its settings: it
// is reckoned with as configured, or by the defaults. One that is alone cannot
// lag, which it does tell.
func TestAgentsWithoutTheServersSettings(t *testing.T) {
	t.Parallel()
	e := ensemble.Start(t, 1, ensemble.Words("srvr"))
	d := diagnose(t, agent.Config{ZooKeeper: e.Servers(), ZKTick: time.Second, ZKSyncLimit: 2})
	s := d.ZooKeeper.Servers[0]
	if s.Problem != "" || s.Withheld == "" || s.Source != muster.SettingsConfigured || s.Tick != time.Second || d.Quarantine.Lag != 0 {
		t.Errorf("got %+v, quarantine %+v", s, d.Quarantine)
	}
	// Named beside another, it is none that could be relied on to be alone.
	d = diagnose(t, agent.Config{ZooKeeper: append(e.Servers(), "127.0.0.1:1"), ZKTick: time.Second, ZKSyncLimit: 2})
	if got, want := d.Quarantine.Lag, 3*time.Second; got != want {
		t.Errorf("lag: got %s, want %s", got, want)
	}
}

// diagnose runs an agent for as long as it takes to ask it.
func diagnose(t *testing.T, cfg agent.Config) muster.Diagnosis {
	t.Helper()
	cfg.GRPC, cfg.Name = "127.0.0.1:0", "one"
	a, err := agent.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := a.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() { cancel(); wg.Wait() })
	c, err := client.New(client.Config{Addrs: []string{a.Addr()}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	answer := c.Diagnoses(t.Context())[0]
	if answer.Err != nil {
		t.Fatal(answer.Err)
	}
	return answer.Diagnosis
}
