package integration_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/client"
	"github.com/musterhq/muster/internal/ensemble"
	"github.com/musterhq/muster/sdk"
)

// short is for outages that are long beside what processes are told about time.
func short() pace {
	return pace{session: 1500 * time.Millisecond, lease: 2 * time.Second, quarantine: 3 * time.Second}
}

// beyond is an outage during which sessions, leases and quarantines end one after
// the other, twice over.
func (p pace) beyond() time.Duration { return 2 * (p.session + p.lease + p.quarantine) }

// An outpost is a fleet of real processes, two agents and two instances, whose
// ways to ZooKeeper can be laid up, and one instance in this process, to be
// asked.
type outpost struct {
	*fleet
	t         *testing.T
	path      string
	ferries   []*ferry
	processes []*process // all of them, the agents first
	addrs     []string   // of the agents
	instances []*process
	witness   *instance
}

// newOutpost starts them; the witness joins by itself.
func newOutpost(t *testing.T, servers []string) *outpost {
	t.Helper()
	o := &outpost{fleet: &fleet{TB: t, pace: short(), root: ensemble.Root(t), ctx: t.Context()}, t: t, path: program(t)}
	for _, server := range servers {
		f := newFerry(t, server)
		o.ferries = append(o.ferries, f)
		o.servers = append(o.servers, f.addr)
	}
	for i := range 2 {
		o.addrs = append(o.addrs, freeAddr(t))
		name := fmt.Sprintf("agent-%d", i+1)
		o.processes = append(o.processes, start(t, nil, name, o.path, "agent", "--zk", o.zk(), "--root", o.root,
			"--grpc", o.addrs[i], "--http", "", "--name", name,
			"--session-timeout", o.session.String(), "--quarantine", o.quarantine.String()))
	}
	o.client = o.dial(o.addrs...)
	for i := range 2 {
		o.instances = append(o.instances, o.joinProcess(fmt.Sprintf("process-%d", i+1)))
	}
	o.processes = append(o.processes, o.instances...)
	o.witness = o.join("checkout", "witness", "2.0.0")
	return o
}

func (o *outpost) zk() string { return strings.Join(o.servers, ",") }

// joinProcessBy runs an instance of checkout as a process.
func (f *fleet) joinProcessBy(path, id, zk string) *process {
	return start(f.TB.(*testing.T), f.chronicle.begin("checkout", id, "2.0.0"), id, path, "join",
		"--service", "checkout", "--version", "2.0.0", "--id", id, "--zk", zk, "--root", f.root,
		"--session-timeout", f.session.String(), "--lease", f.lease.String())
}

func (o *outpost) joinProcess(id string) *process { return o.joinProcessBy(o.path, id, o.zk()) }

// freeAddr is an address that nobody listens on.
func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// policies are features, by what they do at the fence.
func policies() map[string]muster.OnDisconnect {
	return map[string]muster.OnDisconnect{"falls": muster.FallToAccept, "holds": muster.Hold, "stops": muster.Stop}
}

// turn activates or deactivates all features, and returns when every instance
// has told that it is there.
func (o *outpost) turn(stage muster.Stage) {
	o.Helper()
	for key := range policies() {
		if stage == muster.On {
			o.activate(key, client.Wait())
		} else {
			o.deactivate(key, client.Wait())
		}
	}
	o.allStand(stage)
}

func (o *outpost) allStand(stage muster.Stage) {
	o.Helper()
	for key := range policies() {
		for _, p := range o.instances {
			o.until(fmt.Sprintf("%s has %s at %s", p.name, key, stage), func() bool { return p.stands(key) == stage })
		}
		o.witness.awaitStage(key, stage)
	}
	o.until("the witness is ready", func() bool { return o.witness.Ready() == nil })
}

// away waits while the outage lasts, and looks all the time: nobody exits, and
// once its lease is over every instance evaluates by policy.
func (o *outpost) away(d time.Duration) {
	o.Helper()
	o.until("the witness is fenced", func() bool { return o.witness.told.last() == sdk.EventFenced })
	end := time.Now().Add(d)
	for looks := 0; time.Now().Before(end) || looks == 0; looks++ {
		if got := o.witness.stage("falls"); got != muster.Accept {
			o.Fatalf("falls is at %s, want accept", got)
		}
		if got := o.witness.stage("holds"); got != muster.On {
			o.Fatalf("holds is at %s, want on", got)
		}
		if o.witness.Ready() == nil {
			o.Fatal("the witness says that it is ready; a feature's policy is stop")
		}
		for _, p := range o.processes {
			if !p.running() {
				o.Fatalf("%s has ended", p.name)
			}
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-o.ctx.Done():
		}
	}
	for _, p := range o.instances {
		if got := p.stands("falls"); got != muster.Accept {
			o.Errorf("%s has told of %s, want accept at the fence", p.name, got)
		}
		if got := p.stands("holds"); got != muster.On {
			o.Errorf("%s has told of %s, want on held", p.name, got)
		}
	}
	ctx, cancel := context.WithTimeout(o.ctx, 2*time.Second)
	defer cancel()
	if _, err := o.client.Kill(ctx, "falls"); !errors.Is(err, client.ErrUnavailable) && !errors.Is(err, context.DeadlineExceeded) {
		o.Errorf("a command while ZooKeeper is away: got %v, want that nobody answers", err)
	}
}

// Case 27: all servers are killed, for several times as long as sessions, leases
// and quarantines last, and then once more until every session has expired. No
// process exits, evaluation goes on by each feature's policy, and an activation
// that was under way is finished afterwards without an operator.
func TestCase27WholeEnsembleIsAway(t *testing.T) {
	t.Parallel()
	zk := ensemble.Borrow(t)
	o := newOutpost(t, zk.Servers())
	for key, policy := range policies() {
		s := spec(key, "checkout", ">=2.0.0")
		s.OnDisconnect = policy
		o.apply(s)
	}
	o.turn(muster.On)
	o.apply(spec("underway", "checkout", ">=2.0.0"))
	_, end := o.witness.Pin(o.ctx)
	defer end()
	o.activate("underway")
	o.awaitBlocker("underway", muster.ReasonDraining, "witness")

	lose := func() {
		for i := range zk.Servers() {
			zk.Kill(i)
		}
	}
	comeBack := func() {
		for i := range zk.Servers() {
			zk.Restart(t, i)
		}
		zk.Await(t)
	}
	lose()
	end() // nobody can be told
	o.away(o.beyond())
	comeBack()
	o.allStand(muster.On)
	o.awaitStage("underway", muster.On)
	o.until("the processes have it on", func() bool {
		return o.instances[0].stands("underway") == muster.On && o.instances[1].stands("underway") == muster.On
	})

	registered := o.service("checkout").Roster
	lose()
	for _, f := range o.ferries {
		f.layUp() // it comes back sooner than the ways to it
	}
	comeBack()
	o.away(o.session)
	o.allExpire(zk.Servers())
	for _, f := range o.ferries {
		f.sail()
	}
	o.allStand(muster.On)
	o.turn(muster.Off)
	if again := o.service("checkout").Roster - registered; again < 3 {
		o.Errorf("the roster grew by %d registrations; all three instances have to go through the gate again, for their sessions were gone", again)
	}
	for key := range policies() {
		o.judge(spec(key, "checkout", ">=2.0.0"))
	}
	o.judge(spec("underway", "checkout", ">=2.0.0"))
	for _, p := range o.processes {
		p.signal(syscall.SIGTERM)
		<-p.done
	}
}

// allExpire waits until no instance has a session any more.
func (o *outpost) allExpire(servers []string) {
	o.Helper()
	s := dialZoo(o, servers)
	o.until("all sessions have expired", func() bool {
		live, _, err := s.Children(o.ctx, o.root+"/services/checkout/live")
		return err == nil && len(live) == 0
	})
}

// last is the last that was told of contact with ZooKeeper.
func (l *life) last() (kind sdk.EventKind) {
	for _, m := range l.all() {
		switch m.Kind {
		case sdk.EventJoined, sdk.EventFenced, sdk.EventResumed:
			kind = m.Kind
		}
	}
	return kind
}

// Case 29: the servers of the ensemble are restarted one after the other, twice,
// while features flip. Every command that was accepted is carried out, once.
func TestCase29RollingRestartOfTheEnsemble(t *testing.T) {
	t.Parallel()
	f := newStruck(t)
	shop := spec(feature, "checkout", ">=2.0.0")
	f.apply(shop)
	instances := []*instance{f.join("checkout", "c1", "2.0.0"), f.join("checkout", "c2", "2.0.0")}
	ctx, stop := context.WithCancel(f.ctx)
	defer stop()
	var commands []command
	wait := f.meanwhile(func() { commands = f.flip(ctx) })
	for range 2 {
		for i := range f.zk.Servers() {
			f.zk.Stop(i)
			f.zk.Restart(t, i)
			f.zk.Await(t)
		}
	}
	stop()
	wait()
	f.activate(feature, client.Wait())
	for _, i := range instances {
		i.awaitStage(feature, muster.On)
	}
	records := f.judge(shop)
	for _, wrong := range checkCommands(records, commands) {
		t.Error(wrong)
	}
	lost := 0
	for _, c := range commands {
		if c.err != nil {
			lost++
		}
	}
	t.Logf("%d commands, %d without an answer, %d records", len(commands), lost, len(records))
	if len(commands)-lost < 4 {
		t.Errorf("only %d of %d commands were answered", len(commands)-lost, len(commands))
	}
}

// flip turns the feature on and off, and waits for it, until ctx ends.
func (f *fleet) flip(ctx context.Context) (commands []command) {
	for n := 0; ctx.Err() == nil; n++ {
		c := command{action: muster.ActionActivate, begun: time.Now()}
		give := f.client.Activate
		if n%2 == 1 {
			c.action, give = muster.ActionDeactivate, f.client.Deactivate
		}
		c.why = fmt.Sprintf("%s %d", c.action, n)
		call, cancel := context.WithTimeout(f.ctx, patience)
		_, c.err = give(call, feature, client.Why(c.why), client.Wait())
		cancel()
		c.ended = time.Now()
		commands = append(commands, c)
	}
	return commands
}
