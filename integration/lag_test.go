package integration_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/client"
	"github.com/musterhq/muster/internal/ensemble"
	"github.com/musterhq/muster/internal/zoo"
	"github.com/musterhq/muster/sdk"
)

// lag is by how much a server is behind the others in these stories. What waits
// for its answers takes several times as long.
const lag = 300 * time.Millisecond

// A laggards is a fleet on an ensemble of which one server lags: it is told all
// that happens, late, and answers its clients at once.
type laggards struct {
	*fleet
	zk      *ensemble.Ensemble
	slow    string   // the address of the server that lags
	quick   []string // those of the others
	refresh func()   // ends the lag
}

// newLaggards starts one agent on the server that lags, which leads, and then one
// on the others.
func newLaggards(t *testing.T) *laggards {
	t.Helper()
	zk := ensemble.Borrow(t)
	laggard := (zk.Leader() + 1) % 3
	f := &fleet{TB: t, pace: pace{session: 6 * time.Second, lease: 8 * time.Second, quarantine: 8 * time.Second}, root: ensemble.Root(t), ctx: t.Context()}
	l := &laggards{fleet: f, zk: zk, slow: zk.Servers()[laggard], quick: slices.Delete(slices.Clone(zk.Servers()), laggard, laggard+1)}
	f.agents = append(f.agents, f.startAgentOn("slow", l.slow))
	f.client = f.dial(f.agents[0].Addr())
	f.leader()
	f.agents = append(f.agents, f.startAgentOn("quick", l.quick...))
	f.client = f.dial(f.agents[1].Addr(), f.agents[0].Addr())
	f.until("the quick agent is ready", func() bool { return f.ask(f.agents[1]).Ready })
	l.refresh = zk.Delay(laggard, lag)
	t.Cleanup(l.refresh)
	l.isBehind()
	return l
}

func (f *fleet) startAgentOn(name string, servers ...string) *agentHandle {
	f.Helper()
	f.servers = servers
	return f.startAgent(name, "127.0.0.1:0")
}

// on has an instance, or what else is configured, use these servers alone.
func on(servers ...string) func(*sdk.Config) {
	return func(cfg *sdk.Config) { cfg.Servers = servers }
}

// isBehind returns when the server that lags was seen to.
func (l *laggards) isBehind() {
	l.Helper()
	quick, slow := dialZoo(l, l.quick), dialZoo(l, []string{l.slow})
	n := 0
	l.until("the server that is to lag does", func() bool {
		n++
		path := fmt.Sprintf("%s-probe-%d", l.root, n)
		var t zoo.Txn
		t.Create(path, nil, zoo.Persistent)
		if _, err := quick.Commit(l.ctx, t); err != nil {
			l.Fatal(err)
		}
		_, err := slow.Get(l.ctx, path)
		return errors.Is(err, zoo.ErrNoNode)
	})
}

// Case 10: the agent that leads, and an instance, are on a server that lags. Old
// instances register on the others while it judges the past: each delays the
// flip, and is never flipped over.
func TestCase10AgentOnALaggingServer(t *testing.T) {
	t.Parallel()
	f := newLaggards(t)
	shop := spec(feature, "checkout", ">=2.0.0")
	slow := f.join("checkout", "slow", "2.0.0", on(f.slow))
	quick := f.join("checkout", "quick", "2.0.0", on(f.quick...))
	f.apply(shop)
	for i := range 2 {
		f.activate(feature) // by the quick agent: the one that leads hears of it late
		old := f.visitOn(fmt.Sprintf("old-%d", i), "1.9.0", f.quick...)
		select {
		case err := <-old.admitted:
			if err != nil {
				f.Fatal(err)
			}
			f.awaitBlocker(feature, muster.ReasonOldVersion, old.id)
			old.leave()
		case <-f.stands(feature, muster.On):
			old.giveUp()
		}
		for _, i := range []*instance{slow, quick} {
			i.awaitStage(feature, muster.On)
		}
		f.deactivate(feature, client.Wait())
	}
	if !f.ask(f.agents[0]).Leading {
		t.Error("the agent on the server that lags does not lead: nothing was tried")
	}
	f.judge(shop)
}

// visitOn runs an instance on these servers alone, which may be refused.
func (f *fleet) visitOn(id, version string, servers ...string) *visitor {
	f.Helper()
	i, cfg := f.config("checkout", id, version)
	cfg.Servers = servers
	return f.visit(i, cfg)
}

// Case 10: an old instance registers after the leader, on a server that lags, has
// judged the rosters, and before what it decided is written.
func TestCase10DecidedOnALaggingServer(t *testing.T) {
	t.Parallel()
	f := newLaggards(t)
	shop := spec(feature, "checkout", ">=2.0.0")
	f.join("checkout", "slow", "2.0.0", on(f.slow))
	f.apply(shop)
	there, release := catchOn(`"from":"off","to":"accept"`, f.agents[0].line)
	defer release()
	f.activate(feature)
	select {
	case <-there:
	case <-f.patience():
		t.Fatal("the leader makes no move")
	}
	old := f.visitOn("old", "1.9.0", f.quick...)
	old.enter()
	release()
	f.awaitBlocker(feature, muster.ReasonOldVersion, "old")
	if got := f.feature(feature).Status; got.Epoch != 0 {
		t.Errorf("it has moved although an old instance is a member: %s", show(got))
	}
	old.leave()
	f.awaitStage(feature, muster.On)
	f.judge(shop)
}

// Case 30: an instance wanders between a server that lags and one that does not,
// with its session and with a new one, while a feature flips. It never goes back
// to an older revision than it had: a server lets nobody in who has seen more
// than it knows.
func TestCase30InstanceWandersToALaggingServer(t *testing.T) {
	t.Parallel()
	f := newLaggards(t)
	shop := spec(feature, "checkout", ">=2.0.0")
	f.apply(shop)
	var aim atomic.Value // where the nomad's next connection goes
	aim.Store(f.quick[0])
	nomad := f.join("checkout", "nomad", "2.0.0", func(cfg *sdk.Config) {
		dial := cfg.Dial
		cfg.Servers, cfg.SessionTimeout, cfg.Lease = f.quick[:1], 2*time.Second, 3*time.Second
		cfg.Dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
			return dial(ctx, network, aim.Load().(string))
		}
	})
	wander := func(to string) {
		aim.Store(to)
		nomad.line.Cut()
		nomad.line.Heal()
	}
	f.activate(feature)
	nomad.awaitStage(feature, muster.Accept) // by the quick server, before the other knows
	wander(f.slow)
	f.awaitStage(feature, muster.On)
	nomad.awaitStage(feature, muster.On)
	nomad.loseSession(func() { aim.Store(f.quick[0]) })
	f.kill(feature)
	nomad.awaitStage(feature, muster.Accept)
	nomad.loseSession(func() { aim.Store(f.slow) })
	nomad.awaitStage(feature, muster.Off)
	f.awaitStage(feature, muster.Off)
	last := int32(-1)
	for _, m := range nomad.told.all() {
		if m.Kind != sdk.EventStage && m.Kind != sdk.EventJoined && m.Kind != sdk.EventResumed {
			continue
		}
		if m.Revision < last {
			t.Errorf("%s: %s at revision %d, after revision %d", clock(m.Time), m.Kind, m.Revision, last)
		}
		last = max(last, m.Revision)
	}
	if last < 4 {
		t.Errorf("the nomad has seen %d revisions, want all flips", last)
	}
	f.judge(shop)
}

// loseSession cuts the instance off until its session is gone, and has it come
// back elsewhere.
func (i *instance) loseSession(elsewhere func()) {
	i.f.Helper()
	i.cutOff()
	i.f.until("the session of "+i.id+" is gone", func() bool {
		m := i.f.membersCalled(i.service, i.id)
		return len(m) == 0 || !m[0].Live
	})
	elsewhere()
	i.line.Heal()
}
