package integration_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/agent"
	"github.com/musterhq/muster/client"
	"github.com/musterhq/muster/internal/ensemble"
	"github.com/musterhq/muster/internal/store"
	"github.com/musterhq/muster/internal/zoo"
)

// patience is how long anything is waited for: machines that run tests are busy.
const patience = 60 * time.Second

// A pace is what the processes of a fleet are told about time.
type pace struct{ session, lease, quarantine time.Duration }

// brisk is for stories in which processes die. The quarantine is longer than
// the lease less the session's timeout, and what the ensemble may lag.
func brisk() pace {
	return pace{session: 3 * time.Second, lease: 4 * time.Second, quarantine: 4 * time.Second}
}

// A fleet is the cast of one story: two agents, an operator's client, and the
// instances that join. All of it is real and in this process; only the lines
// to ZooKeeper can be cut.
type fleet struct {
	testing.TB
	pace
	servers []string
	root    string
	ctx     context.Context // of the test
	client  *client.Client
	agents  []*agentHandle

	chronicle chronicle
}

// newFleet starts two agents and returns when one of them leads.
func newFleet(t testing.TB, b backend, p pace) *fleet {
	t.Helper()
	f := &fleet{TB: t, pace: p, servers: b.serve(t), root: ensemble.Root(t), ctx: t.Context()}
	for _, name := range []string{"agent-1", "agent-2"} {
		f.agents = append(f.agents, f.startAgent(name, "127.0.0.1:0"))
	}
	f.client = f.dial(f.agents[0].Addr(), f.agents[1].Addr())
	f.leader()
	return f
}

// log is where components write: what a benchmark prints is to be read.
func (f *fleet) log() io.Writer {
	if _, bench := f.TB.(*testing.B); bench {
		return io.Discard
	}
	return f.Output()
}

// dial returns an operator's client.
func (f *fleet) dial(addrs ...string) *client.Client {
	f.Helper()
	c, err := client.New(client.Config{Addrs: addrs, Patience: patience})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() {
		if err := c.Close(); err != nil {
			f.Errorf("close client: %v", err)
		}
	})
	return c
}

// An agentHandle is one agent that runs.
type agentHandle struct {
	*agent.Agent
	name string
	line *line
	end  func() // ends Run and waits for it
}

// startAgent runs an agent until the test ends. Where it listens is known when
// it returns, no more.
func (f *fleet) startAgent(name, addr string) *agentHandle {
	f.Helper()
	log := logrus.New()
	log.SetLevel(logrus.InfoLevel)
	log.SetOutput(f.log())
	l := newLine()
	a, err := agent.New(agent.Config{
		ZooKeeper: f.servers, Root: f.root, GRPC: addr, Name: name, Logger: log, Dial: l.Dial,
		SessionTimeout: f.session, Quarantine: f.quarantine,
	})
	if err != nil {
		f.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := a.Run(ctx); err != nil {
			f.Errorf("%s: %v", name, err)
		}
	})
	h := &agentHandle{Agent: a, name: name, line: l, end: func() { cancel(); wg.Wait() }}
	f.Cleanup(h.end)
	return h
}

// crash ends an agent as a machine that loses its power: its session lives on
// until ZooKeeper gives it up.
func (a *agentHandle) crash() {
	a.line.Cut()
	a.end()
}

// replace crashes an agent and starts another at the same address.
func (f *fleet) replace(a *agentHandle, name string) {
	f.Helper()
	addr := a.Addr()
	a.crash()
	f.agents[slices.Index(f.agents, a)] = f.startAgent(name, addr)
}

// leader returns the agent that says that it leads, as soon as one does.
func (f *fleet) leader() (leading *agentHandle) {
	f.Helper()
	f.until("an agent leads", func() bool {
		leading = f.leaderBut(nil)
		return leading != nil
	})
	return leading
}

// leaderBut returns the agent, other than one, that says that it leads; or nil.
func (f *fleet) leaderBut(one *agentHandle) *agentHandle {
	for _, a := range f.agents {
		if a != one && f.ask(a).Leading {
			return a
		}
	}
	return nil
}

// ask returns what an agent says of itself; nothing when it does not answer.
func (f *fleet) ask(a *agentHandle) client.Agent { return f.askAt(a.Addr()) }

func (f *fleet) askAt(addr string) client.Agent {
	f.Helper()
	c, err := client.New(client.Config{Addrs: []string{addr}, Timeout: time.Second, Patience: -1})
	if err != nil {
		f.Fatal(err)
	}
	defer c.Close()
	said, _ := c.Agent(f.ctx)
	return said
}

// zoo opens a session with ZooKeeper, for what no component of ours would
// write, and for instances by the thousand.
func (f *fleet) zoo() *zoo.Session {
	f.Helper()
	return dialZoo(f, f.servers)
}

func dialZoo(t testing.TB, servers []string) *zoo.Session {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	s, err := zoo.Dial(ctx, zoo.Config{Servers: servers, SessionTimeout: 20 * time.Second})
	if err != nil {
		t.Fatalf("session with ZooKeeper: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil && !errors.Is(err, zoo.ErrSessionEnded) {
			t.Errorf("close session: %v", err)
		}
	})
	return s
}

// store opens a session and the store on it.
func (f *fleet) store() *store.Store {
	f.Helper()
	return store.New(f.zoo(), f.root)
}

// until waits for a condition.
func (f *fleet) until(what string, holds func() bool) {
	f.Helper()
	await(f, what, patience, holds)
}

// patience ends when nothing is worth waiting for any more.
func (f *fleet) patience() <-chan time.Time { return time.After(patience) }

func await(t testing.TB, what string, limit time.Duration, holds func() bool) {
	t.Helper()
	late := time.NewTimer(limit)
	defer late.Stop()
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for !holds() {
		select {
		case <-look.C:
		case <-late.C:
			t.Fatalf("still not so after %v: %s", limit, what)
		}
	}
}

// show prints a value where a test failed.
func show(v any) string {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// spec makes one of participants given as service, constraint, service, …
func spec(feature string, participants ...string) muster.Spec {
	s := muster.Spec{Feature: feature, Participants: make(map[string]muster.Participant)}
	for i := 0; i < len(participants); i += 2 {
		s.Participants[participants[i]] = muster.Participant{Version: muster.MustConstraint(participants[i+1])}
	}
	return s
}
