package agent

import (
	"context"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sirupsen/logrus"
	"github.com/sirupsen/logrus/hooks/test"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/internal/plan"
	"github.com/musterhq/muster/internal/zoo"
)

// What is reckoned with for a server is the best that is known of it, and a
// server that is silent is not believed to be gone.
func TestSettingsOfServers(t *testing.T) {
	t.Parallel()
	quick := zoo.Settings{Tick: time.Second, SyncLimit: 3, MaxSession: 10 * time.Second}
	known := plan.Settings{Tick: time.Second, SyncLimit: 3, MaxSession: 10 * time.Second}
	slow := zoo.Settings{Tick: 5 * time.Second, SyncLimit: 4, MaxSession: 30 * time.Second}
	lagging := plan.Settings{Tick: 5 * time.Second, SyncLimit: 4, MaxSession: 30 * time.Second}
	configured := Config{ZKTick: 3 * time.Second, ZKSyncLimit: 7}
	tests := []struct {
		name    string
		cfg     Config
		servers []zoo.Server
		told    map[string]zoo.Settings
		granted time.Duration
		want    []plan.Settings
		sources []muster.SettingsSource
	}{
		{
			"each in its own way", configured,
			[]zoo.Server{{Addr: "a", Mode: "leader", Settings: &quick}, {Addr: "b", Problem: "silent"}, {Addr: "c", Mode: "follower"}},
			map[string]zoo.Settings{"a": quick, "b": quick},
			0,
			[]plan.Settings{known, known, {Tick: 3 * time.Second, SyncLimit: 7, MaxSession: 10 * time.Second}},
			[]muster.SettingsSource{muster.SettingsAsked, muster.SettingsRemembered, muster.SettingsConfigured},
		},
		{
			"one that was never heard is no better than the others",
			Config{},
			[]zoo.Server{{Addr: "a", Mode: "leader", Settings: &slow}, {Addr: "b", Problem: "silent"}},
			map[string]zoo.Settings{"a": slow},
			0,
			[]plan.Settings{lagging, lagging},
			[]muster.SettingsSource{muster.SettingsAsked, muster.SettingsAssumed},
		},
		{
			"nor than what is configured",
			Config{ZKTick: 2 * time.Second, ZKSyncLimit: 5},
			[]zoo.Server{{Addr: "a", Problem: "silent"}, {Addr: "b", Mode: "follower", Settings: &slow}},
			map[string]zoo.Settings{"b": slow},
			0,
			[]plan.Settings{lagging, lagging},
			[]muster.SettingsSource{muster.SettingsConfigured, muster.SettingsAsked},
		},
		{
			"nothing is known",
			Config{},
			[]zoo.Server{{Addr: "a", Mode: "follower"}},
			nil, 0,
			[]plan.Settings{{}},
			[]muster.SettingsSource{muster.SettingsAssumed},
		},
		{
			"a server that is alone",
			Config{},
			[]zoo.Server{{Addr: "a", Mode: "standalone"}},
			nil, 0,
			[]plan.Settings{{Alone: true}},
			[]muster.SettingsSource{muster.SettingsAssumed},
		},
		{
			"two that say so are not",
			Config{},
			[]zoo.Server{{Addr: "a", Mode: "standalone"}, {Addr: "b", Mode: "standalone"}},
			nil, 0,
			[]plan.Settings{{}, {}},
			[]muster.SettingsSource{muster.SettingsAssumed, muster.SettingsAssumed},
		},
		{
			"one that was alone, and is silent",
			Config{},
			[]zoo.Server{{Addr: "a", Problem: "silent"}},
			map[string]zoo.Settings{"a": quick},
			0,
			[]plan.Settings{known},
			[]muster.SettingsSource{muster.SettingsRemembered},
		},
		{
			"a grant tells what the server does not",
			Config{SessionTimeout: 8 * time.Second},
			[]zoo.Server{{Addr: "a", Mode: "follower"}},
			nil, 5 * time.Second,
			[]plan.Settings{{MaxSession: 5 * time.Second}},
			[]muster.SettingsSource{muster.SettingsAssumed},
		},
		{
			"a grant of what was asked for proves that much",
			Config{SessionTimeout: 8 * time.Second},
			[]zoo.Server{{Addr: "a", Mode: "follower"}},
			nil, 8 * time.Second,
			[]plan.Settings{{MaxSession: 8 * time.Second}},
			[]muster.SettingsSource{muster.SettingsAssumed},
		},
		{
			"a grant of more proves that much",
			Config{SessionTimeout: 2 * time.Second},
			[]zoo.Server{{Addr: "a", Mode: "follower"}},
			nil, 4 * time.Second,
			[]plan.Settings{{MaxSession: 4 * time.Second}},
			[]muster.SettingsSource{muster.SettingsAssumed},
		},
	}
	for _, tt := range tests {
		e := newEnsemble(tt.cfg)
		e.servers, e.granted = tt.servers, tt.granted
		for addr, s := range tt.told {
			e.told[addr] = answers{1: s}
		}
		if diff := cmp.Diff(e.quarantine().Servers, tt.want); diff != "" {
			t.Errorf("%s (-got +want):\n%s", tt.name, diff)
		}
		var sources []muster.SettingsSource
		for _, s := range e.describe().Servers {
			sources = append(sources, s.Source)
		}
		if !slices.Equal(sources, tt.sources) {
			t.Errorf("%s: got sources %v, want %v", tt.name, sources, tt.sources)
		}
	}
}

// Behind one address there may be several servers: the worst that was met counts,
// and what each told last.
func TestSettingsBehindABalancer(t *testing.T) {
	t.Parallel()
	conf := "tickTime=%d\nminSessionTimeout=4000\nmaxSessionTimeout=40000\nserverId=%d\ninitLimit=10\nsyncLimit=5\n"
	turn := 0
	ticks := []int{2000, 3000, 2000}
	e := newEnsemble(Config{ZooKeeper: []string{"balancer:2181"}, Dial: func(context.Context, string, string) (net.Conn, error) {
		here, there := net.Pipe()
		answer := fmt.Sprintf(conf, ticks[turn], turn+1)
		go func() {
			defer there.Close()
			word := make([]byte, 4)
			if _, err := io.ReadFull(there, word); err == nil && string(word) == "conf" {
				_, _ = io.WriteString(there, answer)
			}
		}()
		return here, nil
	}})
	for range 2 * len(ticks) {
		e.ask(t.Context())
		e.at = time.Time{} // as if it were long ago
		turn = (turn + 1) % len(ticks)
	}
	if got, want := e.quarantine().Lag(), 18*time.Second; got != want {
		t.Errorf("got a lag of %s, want that of the slowest, %s", got, want)
	}
	ticks[1] = 2000
	for range ticks {
		e.ask(t.Context())
		e.at = time.Time{}
		turn = (turn + 1) % len(ticks)
	}
	if got, want := e.quarantine().Lag(), 12*time.Second; got != want {
		t.Errorf("after a change: got a lag of %s, want %s", got, want)
	}
}

// Before any server was asked, the defaults of an ensemble are reckoned with:
// not of one that is alone, which would be too short.
func TestQuarantineBeforeAnyServerWasAsked(t *testing.T) {
	t.Parallel()
	e := newEnsemble(Config{ZooKeeper: []string{"a:2181"}})
	if got, want := e.quarantine().Lag(), 12*time.Second; got != want {
		t.Errorf("got a lag of %s, want %s", got, want)
	}
}

// Case 24: who says a longer lease is waited for longer, and status tells until
// when from the first moment.
func TestCase24EachInstanceHasItsOwnQuarantine(t *testing.T) {
	t.Parallel()
	inFleet(t, func(t *testing.T, f *fleet) {
		one := f.agent("one", func(c *Config) { c.Quarantine = 0 })
		for _, id := range []string{"a", "b", "c"} {
			f.join("svc", id, "2.0.0")
		}
		usual, patient := f.instance("svc", "usual", "1.0.0"), f.instance("svc", "patient", "1.0.0")
		usual.Lease, usual.SessionTimeout = 12*time.Second, 8*time.Second
		patient.Lease, patient.SessionTimeout = 40*time.Second, 8*time.Second
		ends := make(map[string]time.Time)
		began := time.Now()
		for _, i := range []*instance{usual, patient} {
			if err := i.join(); err != nil {
				t.Fatal(err)
			}
			i.vanish()
		}
		f.start(one, featureSpec("f", map[string]string{"svc": ">=2.0.0"}))
		f.awaitBlocked(one, "f", "VANISHED svc/patient", "VANISHED svc/usual")
		feature, _ := one.mirror.Feature("f")
		for _, b := range feature.Blockers {
			ends[b.Instance] = b.Until
		}
		// A single server does not lag: 7.53 s of requests, lease less session, drift.
		for id, want := range map[string]time.Duration{"usual": 12300 * time.Millisecond, "patient": 40600 * time.Millisecond} {
			if got := ends[id].Sub(began); got < want || got > want+time.Second {
				t.Errorf("%s: its quarantine ends after %s, want %s", id, got, want)
			}
		}
		for _, id := range []string{"usual", "patient"} {
			f.until(id+" is reaped", one.mirror.Changed, func() bool {
				svc, _ := one.mirror.Service("svc")
				return !slices.ContainsFunc(svc.Members, func(m muster.Member) bool { return m.Instance.ID == id })
			})
			if late := time.Since(ends[id]); late < 0 || late > 2*time.Second {
				t.Errorf("%s was reaped %s after the end that was told", id, late)
			}
		}
		f.awaitOn("f")
	})
}

// A quarantine that is set too short is in force, for the operator has said so,
// and the log says once that it is not safe.
func TestQuarantineThatIsTooShortIsSaid(t *testing.T) {
	t.Parallel()
	inFleet(t, func(t *testing.T, f *fleet) {
		log, hook := test.NewNullLogger()
		one := f.agent("one", func(c *Config) { c.Quarantine, c.Logger = 3*time.Second, log })
		time.Sleep(5 * time.Minute)
		said := 0
		for _, entry := range hook.AllEntries() {
			if entry.Level == logrus.ErrorLevel && strings.Contains(entry.Message, "quarantine") {
				said++
				if found := entry.Data["found"].(string); !strings.HasPrefix(found, "is set to 3s, and must be 12.3s") {
					t.Errorf("said %q", found)
				}
			}
		}
		if said != 1 {
			t.Errorf("said %d times, want once", said)
		}
		if got := one.zk.quarantine().Of(muster.Instance{}); got != 3*time.Second {
			t.Errorf("in force is %s", got)
		}
	})
}
