package main

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/client"
	"github.com/musterhq/muster/examples/shop/service"
	"github.com/musterhq/muster/internal/zkserver"
)

// Short times, so that the demo takes a minute; the defaults are for networks.
// The agents reckon the quarantine from them: 3.5 s.
const (
	session = 2 * time.Second
	lease   = 3 * time.Second
)

// A story is one run of the shop with muster.
type story struct {
	ctx    context.Context // of the whole run; a story is a function in pieces
	screen *screen
	fleet  *fleet
	agents []*agentProcess
	client *client.Client
	load   *traffic
}

// An agentProcess is an agent and the name by which it leads.
type agentProcess struct {
	name, addr string
	proc       *process
}

// tell runs the story and returns what the traffic checker counted.
func tell(ctx context.Context, dir string, s *screen) (tally, error) {
	server, err := zkserver.New(zkserver.Config{Addr: "127.0.0.1:0", TickTime: session / 4})
	if err != nil {
		return tally{}, err
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	serving, shut := context.WithCancel(ctx)
	defer shut()
	wg.Go(func() { _ = server.Run(serving) }) // should it fail, everything below does
	st := &story{ctx: ctx, screen: s}
	defer st.stop()
	if err := st.start(dir, server.Addr()); err != nil {
		return tally{}, err
	}
	running, stop := context.WithCancel(ctx)
	defer stop()
	wg.Go(func() { st.load.run(running) })
	wg.Go(func() { st.draw(running) })

	for _, chapter := range []func() error{st.activate, st.upgrade, st.flip, st.refuse, st.rollBack} {
		if err := chapter(); err != nil {
			return tally{}, err
		}
	}
	stop()
	s.clear()
	return st.load.now(), nil
}

// start runs two agents and the shop in its old version.
func (st *story) start(dir, zk string) error {
	var addrs []string
	for _, name := range []string{"agent-a", "agent-b"} {
		addr, err := freeAddr()
		if err != nil {
			return err
		}
		proc, err := startProcess(dir, name, filepath.Join(dir, "muster"), "agent", "--name", name, "--zk", zk,
			"--grpc", addr, "--http", "127.0.0.1:0", "--session-timeout", session.String())
		if err != nil {
			return err
		}
		st.agents = append(st.agents, &agentProcess{name: name, addr: addr, proc: proc})
		addrs = append(addrs, addr)
	}
	c, err := client.New(client.Config{Addrs: addrs})
	if err != nil {
		return err
	}
	st.client = c
	if st.fleet, err = newFleet(dir, "", "-zk", zk, "-session-timeout", session.String(), "-lease", lease.String()); err != nil {
		return err
	}
	if err := st.fleet.startAll(st.ctx, oldVersion); err != nil {
		return err
	}
	if st.load, err = newTraffic(st.fleet.addrs(services[0])); err != nil {
		return err
	}
	st.screen.say("two agents and %d instances run, all at %s; customers order without a break", len(st.fleet.slots), oldVersion)
	return st.apply(muster.Refuse)
}

func (st *story) stop() {
	if st.fleet != nil {
		st.fleet.stop()
	}
	for _, a := range st.agents {
		a.proc.kill()
	}
	if st.client != nil {
		_ = st.client.Close() // nothing is left to be told
	}
}

// spec is the feature's manifest.
func spec(policy muster.OnOldInstance) muster.Spec {
	s := muster.Spec{
		Feature: service.Feature, Owner: "team-checkout", OldInstance: policy,
		Description:  "street, city, postal code and country instead of one line",
		Participants: map[string]muster.Participant{},
	}
	for _, name := range services {
		s.Participants[name] = muster.Participant{Version: muster.MustConstraint(">=" + newVersion), MinInstances: 2}
	}
	return s.WithDefaults()
}

func (st *story) apply(policy muster.OnOldInstance) error {
	_, err := st.client.Apply(st.ctx, spec(policy), client.Why("demo"))
	return err
}

// activate asks for the feature long before anybody is ready.
func (st *story) activate() error {
	if err := linger(st.ctx, 2*time.Second); err != nil {
		return err
	}
	st.screen.say("$ muster activate %s", service.Feature)
	_, err := st.client.Activate(st.ctx, service.Feature, client.Why("demo"))
	if err != nil {
		return err
	}
	return linger(st.ctx, time.Second)
}

// upgrade replaces one instance after the other; one of each service crashes, and
// in the middle the leading agent is killed.
func (st *story) upgrade() error {
	for i := range st.fleet.slots {
		// Across the services: the first instance of each, then the second …
		s := st.fleet.slots[i%len(services)*instances+i/len(services)]
		crash := i%len(services) == i/len(services)
		how := "stopped"
		if crash {
			how = "killed with -9"
		}
		st.screen.say("%s %s, started again at %s", s.id, how, newVersion)
		if err := st.fleet.replace(s, newVersion, crash); err != nil {
			return err
		}
		if err := st.fleet.ready(st.ctx, s); err != nil {
			return err
		}
		if i == len(st.fleet.slots)/2 {
			if err := st.killLeader(); err != nil {
				return err
			}
		}
		if err := linger(st.ctx, 700*time.Millisecond); err != nil {
			return err
		}
	}
	st.screen.say("all %d instances are at %s; the crashed ones are still in quarantine", len(st.fleet.slots), newVersion)
	return nil
}

func (st *story) killLeader() error {
	agent, err := st.client.Agent(st.ctx)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(st.agents, func(a *agentProcess) bool { return a.name == agent.Leader })
	if i < 0 {
		return fmt.Errorf("the leader is %q, which is none of the demo's agents", agent.Leader)
	}
	st.screen.say("%s leads and is killed with -9", st.agents[i].name)
	st.agents[i].proc.kill()
	return nil
}

// flip waits for on.
func (st *story) flip() error {
	ctx, cancel := context.WithTimeout(st.ctx, time.Minute)
	defer cancel()
	if err := st.client.Wait(ctx, service.Feature, muster.On); err != nil {
		return err
	}
	st.screen.say("%s is on, for everyone", service.Feature)
	return linger(st.ctx, 4*time.Second)
}

// refuse rolls one instance back under the feature and shows the gate.
func (st *story) refuse() error {
	s := st.fleet.slots[instances] // the first checkout
	st.screen.say("%s is rolled back to %s", s.id, oldVersion)
	if err := st.fleet.replace(s, oldVersion, false); err != nil {
		return err
	}
	err := await(st.ctx, "the knock of "+s.id, func(ctx context.Context) bool {
		svc, err := st.client.Service(ctx, s.service)
		return err == nil && len(svc.Knocks) > 0
	})
	if err != nil {
		return err
	}
	st.screen.say("the gate refuses it: it waits, unready, and takes no requests")
	return linger(st.ctx, 3*time.Second)
}

// rollBack changes the policy, so that the feature makes way for the instance.
func (st *story) rollBack() error {
	s := st.fleet.slots[instances]
	st.screen.say("the policy becomes onOldInstance: rollback")
	if err := st.apply(muster.RollBack); err != nil {
		return err
	}
	if err := st.fleet.ready(st.ctx, s); err != nil {
		return err
	}
	st.screen.say("the feature went off, and %s was let in without a restart", s.id)
	f, err := st.client.Feature(st.ctx, service.Feature)
	if err != nil {
		return err
	}
	if f.Status.Stage != muster.Off {
		return fmt.Errorf("%s was let in at %s while the feature is at %s", s.id, oldVersion, f.Status.Stage)
	}
	return linger(st.ctx, 3*time.Second)
}

// draw keeps the picture up to date.
func (st *story) draw(ctx context.Context) {
	tick := time.NewTicker(150 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if p, err := st.look(ctx); err == nil { // between two agents there is no picture
			st.screen.show(p)
		}
	}
}

func (st *story) look(ctx context.Context) (picture, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	p := picture{Tally: st.load.now()}
	var err error
	if p.Feature, err = st.client.Feature(ctx, service.Feature); err != nil {
		return p, err
	}
	agent, err := st.client.Agent(ctx)
	if err != nil {
		return p, err
	}
	p.Leader = agent.Leader
	for _, name := range services {
		svc, err := st.client.Service(ctx, name)
		if err != nil {
			return p, err
		}
		p.Fleet = append(p.Fleet, svc)
	}
	return p, nil
}
