package integration_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/client"
)

// What the processes of a run are told about time.
const (
	runSession    = 2 * time.Second
	runQuarantine = 3 * time.Second // lease less session, and what a busy machine takes
	runBrief      = 600 * time.Millisecond
	runLong       = 4 * time.Second // beyond lease and session
)

// A run is a fleet of real processes to which things happen.
type run struct {
	t       *testing.T
	rand    *rand.Rand
	program string
	servers string
	root    string
	shop    muster.Spec
	client  *client.Client

	agents    []*place
	instances []*place
	chronicle chronicle
	commands  []command
	later     []deed // what was begun and is to be finished, the soonest first
	counts    map[string]int
}

// A place is where a process runs: one at a time, under one name.
type place struct {
	service, id string // of an instance
	addr        string // of an agent
	version     string
	proc        *process // nil before the first
}

func (p *place) running() bool { return p.proc != nil && p.proc.running() }

// A deed is done at its moment.
type deed struct {
	due time.Time
	do  func()
}

// newRun starts two agents and returns when a client of them is answered.
func newRun(t *testing.T, seed uint64, servers []string, root string) *run {
	t.Helper()
	r := &run{
		t: t, rand: rand.New(rand.NewPCG(seed, 0)), program: program(t),
		servers: strings.Join(servers, ","), root: root,
		shop:   spec(feature, "checkout", ">=2.0.0", "shipping", ">=2.0.0"),
		counts: make(map[string]int),
	}
	var addrs []string
	for i := range 2 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		addrs = append(addrs, l.Addr().String())
		l.Close()
		r.agents = append(r.agents, &place{id: fmt.Sprintf("agent-%d", i+1), addr: addrs[i]})
		r.startAgent(r.agents[i])
	}
	for _, service := range r.shop.Services() {
		for i := range 3 {
			r.instances = append(r.instances, &place{service: service, id: fmt.Sprintf("%s-%d", service, i+1)})
		}
	}
	var err error
	r.client, err = client.New(client.Config{Addrs: addrs, Timeout: 2 * time.Second, Patience: patience})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.client.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if _, err := r.client.Apply(ctx, r.shop, client.Wait()); err != nil {
		t.Fatalf("apply: %v", err)
	}
	return r
}

func (r *run) startAgent(p *place) {
	p.proc = start(r.t, nil, p.id, r.program, "agent", "--zk", r.servers, "--root", r.root, "--grpc", p.addr, "--http", "",
		"--name", p.id, "--session-timeout", runSession.String(), "--quarantine", runQuarantine.String())
}

func (r *run) startInstance(p *place, version string) {
	p.version = version
	p.proc = start(r.t, r.chronicle.begin(p.service, p.id, version), p.id+"@"+version, r.program, "join",
		"--service", p.service, "--version", version, "--id", p.id,
		"--zk", r.servers, "--root", r.root, "--session-timeout", runSession.String())
}

// happen lets things happen, one every few hundred milliseconds.
func (r *run) happen(d time.Duration) {
	end := time.Now().Add(d)
	for time.Now().Before(end) && !r.t.Failed() {
		pause := time.NewTimer(time.Duration(50+r.rand.IntN(300)) * time.Millisecond)
		select {
		case <-pause.C:
		case <-r.t.Context().Done():
			return
		}
		r.finishDue(time.Now())
		r.one()
	}
}

// one lets one thing happen.
func (r *run) one() {
	p := r.instances[r.rand.IntN(len(r.instances))]
	a := r.agents[r.rand.IntN(len(r.agents))]
	switch dice := r.rand.IntN(100); {
	case dice < 35:
		r.change(p)
	case dice < 40:
		r.crash(p)
	case dice < 50:
		r.freeze(p, runBrief/2)
	case dice < 52:
		r.freeze(p, runLong)
	case dice < 57:
		r.crashAgent(a)
	case dice < 60:
		r.freeze(a, runLong)
	case dice < 82:
		r.command(muster.ActionActivate)
	case dice < 94:
		r.command(muster.ActionDeactivate)
	default:
		r.command(muster.ActionKill)
	}
}

// change starts an instance where there is none, and tells one that runs to end.
func (r *run) change(p *place) {
	switch {
	case !p.running():
		version := "2.0.0"
		if r.rand.IntN(5) == 0 {
			version = "1.9.0"
		}
		r.counts["start "+version]++
		r.startInstance(p, version)
	case p.proc.stopped:
	case p.version == "1.9.0" || r.rand.IntN(3) == 0:
		r.counts["term"]++
		p.proc.term()
	}
}

func (r *run) crash(p *place) {
	if p.running() {
		r.counts["kill -9"]++
		p.proc.kill()
	}
}

// freeze stops a process for a while.
func (r *run) freeze(p *place, d time.Duration) {
	if !p.running() || p.proc.stopped {
		return
	}
	r.counts["stop for "+d.String()]++
	proc := p.proc
	proc.stop()
	r.after(d, func() {
		if proc.stopped && proc.running() {
			proc.cont()
		}
	})
}

// crashAgent ends an agent and starts it again, at once or in a while.
func (r *run) crashAgent(a *place) {
	if !a.running() {
		return
	}
	r.counts["kill -9 agent"]++
	a.proc.kill()
	r.after(time.Duration(r.rand.IntN(1500))*time.Millisecond, func() { r.startAgent(a) })
}

// command gives a command and waits for the answer.
func (r *run) command(action muster.Action) {
	give := map[muster.Action]func(context.Context, string, ...client.Option) (muster.Feature, error){
		muster.ActionActivate: r.client.Activate, muster.ActionDeactivate: r.client.Deactivate, muster.ActionKill: r.client.Kill,
	}[action]
	c := command{action: action, why: fmt.Sprintf("%s %d", action, len(r.commands)), begun: time.Now()}
	ctx, cancel := context.WithTimeout(r.t.Context(), 3*time.Second) // both agents may be down
	defer cancel()
	_, c.err = give(ctx, feature, client.Why(c.why))
	c.ended = time.Now()
	r.commands = append(r.commands, c)
	r.counts[string(action)]++
	if c.err != nil {
		r.counts["commands without an answer"]++
	}
}

func (r *run) after(d time.Duration, do func()) {
	r.later = append(r.later, deed{time.Now().Add(d), do})
}

// finishDue finishes what was begun and is due.
func (r *run) finishDue(now time.Time) {
	var left []deed
	for _, d := range r.later {
		if d.due.After(now) {
			left = append(left, d)
			continue
		}
		d.do()
	}
	r.later = left
}
