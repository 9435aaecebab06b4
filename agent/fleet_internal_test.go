package agent

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/internal/plan"
	"github.com/musterhq/muster/internal/store"
	"github.com/musterhq/muster/internal/zkserver"
	"github.com/musterhq/muster/internal/zkserver/zkservertest"
	"github.com/musterhq/muster/internal/zoo"
)

const root = "/muster"

// patience bounds what a test waits for, on virtual time.
const patience = 5 * time.Minute

// A fleet is a server, agents, and instances made by hand, with real sessions
// between them, in one bubble of virtual time.
type fleet struct {
	t      testing.TB
	server *zkserver.Server
	zk     *zoo.Session // the test's own
	store  *store.Store
	agents []*process
}

// inFleet runs a test in a bubble.
func inFleet(t *testing.T, test func(t *testing.T, f *fleet)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(t, newFleet(t)) })
}

func newFleet(t testing.TB) *fleet {
	f := &fleet{t: t, server: zkservertest.Start(t, zkserver.Config{})}
	f.zk, f.store = f.session(new(network))
	if err := f.store.Init(t.Context()); err != nil {
		t.Fatal(err)
	}
	return f
}

// session begins one, which ends with the test at the latest.
func (f *fleet) session(n *network) (*zoo.Session, *store.Store) {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(f.t.Context(), patience)
	defer cancel()
	zk, err := zoo.Dial(ctx, zoo.Config{Servers: []string{"zk:2181"}, Dial: n.dial(f.server)})
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { _ = zk.Close() })
	return zk, store.New(zk, root)
}

// A network connects one process to the server, and can be cut.
type network struct {
	mu    sync.Mutex // guards the fields below
	cut   bool
	conns []net.Conn
}

func (n *network) dial(s *zkserver.Server) func(ctx context.Context, _, _ string) (net.Conn, error) {
	return func(ctx context.Context, _, _ string) (net.Conn, error) {
		n.mu.Lock()
		defer n.mu.Unlock()
		if n.cut {
			return nil, errors.New("no route to host")
		}
		conn, err := s.Dial(ctx)
		if err == nil {
			n.conns = append(n.conns, conn)
		}
		return conn, err
	}
}

// setCut closes all connections and refuses others, or allows them again.
func (n *network) setCut(cut bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.cut = cut
	for _, c := range n.conns {
		_ = c.Close()
	}
	n.conns = nil
}

// A process is an agent that runs.
type process struct {
	*Agent
	network *network
	cancel  context.CancelFunc
	done    chan struct{}
}

// agent starts an agent and waits until it has read everything.
func (f *fleet) agent(name string, change ...func(*Config)) *process {
	f.t.Helper()
	p := &process{network: new(network), done: make(chan struct{})}
	cfg := Config{Name: name, ZooKeeper: []string{"zk:2181"}, Dial: p.network.dial(f.server), Quarantine: 20 * time.Second}
	if testing.Verbose() {
		cfg.Logger = logrus.New()
		cfg.Logger.SetLevel(logrus.DebugLevel)
		cfg.Logger.SetOutput(f.t.Output())
	}
	for _, c := range change {
		c(&cfg)
	}
	var err error
	if p.Agent, err = New(cfg); err != nil {
		f.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	p.cancel = cancel
	go func() {
		defer close(p.done)
		if err := p.Run(ctx); err != nil {
			f.t.Errorf("agent %s: %v", name, err)
		}
	}()
	f.t.Cleanup(p.stop)
	f.agents = append(f.agents, p)
	f.until("agent "+name+" is ready", p.mirror.Changed, func() bool { return p.mirror.Ready() == nil })
	return p
}

// stop ends the agent as a signal would.
func (p *process) stop() {
	p.cancel()
	<-p.done
}

// kill ends it without a goodbye: its session stands until it expires.
func (p *process) kill() {
	p.network.setCut(true)
	p.stop()
}

// until waits for a condition that may change when changed is closed, or in a
// while.
func (f *fleet) until(what string, changed func() <-chan struct{}, met func() bool) {
	f.t.Helper()
	deadline := time.Now().Add(patience)
	for {
		ch := changed()
		if met() {
			return
		}
		if time.Now().After(deadline) {
			f.t.Fatalf("waited in vain: %s\n%s", what, f.report())
		}
		_ = wait(f.t.Context(), ch, time.Second)
	}
}

// report says where everything stands, for failures.
func (f *fleet) report() string {
	var s string
	for _, p := range f.agents {
		leader, self := p.mirror.Leader()
		s += fmt.Sprintf("%s: leader %s (%t), ready: %v\n", p.cfg.Name, leader, self, p.mirror.Ready())
		for _, feature := range p.mirror.Features() {
			s += fmt.Sprintf("  %+v\n", feature.Status)
			for _, b := range feature.Blockers {
				s += fmt.Sprintf("    %s %s\n", b.Reason, b)
			}
		}
	}
	for _, line := range f.history("") {
		s += line + "\n"
	}
	return s
}

// order has an agent carry out a command.
func (f *fleet) order(p *process, action muster.Action, key string, spec *muster.Spec) {
	f.t.Helper()
	var err error
	f.until(fmt.Sprintf("%s %s", action, key), p.mirror.Changed, func() bool {
		var st *store.Store
		var node string
		if st, node, err = p.Agent.store(); err == nil {
			_, _, err = st.Command(f.t.Context(), node, key, plan.Command{
				Action: action, Spec: spec, By: "ann", Why: "a test", Operation: operation(), Now: time.Now(),
			})
		}
		return err == nil
	})
}

// start has a feature applied and activated.
func (f *fleet) start(p *process, s *muster.Spec) {
	f.t.Helper()
	f.order(p, muster.ActionApply, s.Feature, s)
	f.order(p, muster.ActionActivate, s.Feature, nil)
}

// await waits until a feature's status is as wanted.
func (f *fleet) await(key, what string, met func(muster.Status) bool) muster.Status {
	f.t.Helper()
	var status muster.Status
	var changed <-chan struct{}
	read := func() <-chan struct{} {
		node, ch, err := f.store.WatchFeature(f.t.Context(), key)
		if err != nil && !errors.Is(err, muster.ErrNotFound) {
			f.t.Logf("read %s: %v", key, err)
		}
		status, changed = node.Status, ch
		return changed
	}
	f.until(key+" "+what, read, func() bool { return met(status) })
	return status
}

func (f *fleet) awaitOn(key string) muster.Status {
	f.t.Helper()
	return f.await(key, "is on", func(s muster.Status) bool { return s.Stage == muster.On && s.Settled() })
}

func (f *fleet) awaitOff(key string) muster.Status {
	f.t.Helper()
	return f.await(key, "is off", func(s muster.Status) bool { return s.Desired == muster.Off && s.Settled() })
}

// awaitBlocked waits until an agent names these reasons, in this order.
func (f *fleet) awaitBlocked(p *process, key string, want ...string) {
	f.t.Helper()
	f.until(fmt.Sprintf("%s waits for %q", key, want), p.mirror.Changed, func() bool {
		feature, _ := p.mirror.Feature(key)
		return slices.Equal(reasons(feature), want)
	})
}

// history tells what happened to a feature, or to anything, oldest first.
func (f *fleet) history(key string) []string {
	f.t.Helper()
	records, err := f.store.History(f.t.Context(), store.HistoryQuery{Feature: key, Limit: 1000})
	if err != nil {
		return []string{err.Error()}
	}
	var lines []string
	for _, r := range slices.Backward(records) {
		line := fmt.Sprintf("%s %s-%s %s", r.Action, r.From, r.To, r.Gate)
		if r.Instance != "" {
			line = fmt.Sprintf("%s %s/%s", r.Action, r.Service, r.Instance)
		}
		lines = append(lines, line)
	}
	return lines
}

// featureSpec returns a spec with its defaults.
func featureSpec(key string, participants map[string]string, change ...func(*muster.Spec)) *muster.Spec {
	s := muster.Spec{Feature: key, Participants: make(map[string]muster.Participant)}
	for service, constraint := range participants {
		s.Participants[service] = muster.Participant{Version: muster.MustConstraint(constraint)}
	}
	s = s.WithDefaults()
	for _, c := range change {
		c(&s)
	}
	return &s
}

// write changes a znode as a hand would.
func (f *fleet) write(path, data string) {
	f.t.Helper()
	var t zoo.Txn
	if _, err := f.zk.Get(f.t.Context(), path); errors.Is(err, zoo.ErrNoNode) {
		t.Create(path, []byte(data), zoo.Persistent)
	} else {
		t.Set(path, []byte(data), -1)
	}
	if _, err := f.zk.Commit(f.t.Context(), t); err != nil {
		f.t.Fatal(err)
	}
}

func (f *fleet) remove(path string) error {
	var t zoo.Txn
	t.Delete(path, -1)
	_, err := f.zk.Commit(f.t.Context(), t)
	return err
}
