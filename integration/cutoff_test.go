package integration_test

import (
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/client"
	"github.com/musterhq/muster/sdk"
)

// A castaway is a process whose way to ZooKeeper can be disturbed, in a fleet with
// an instance in this process.
type castaway struct {
	*fleet
	proc    *process
	way     *ferry
	witness *instance
}

// newCastaway has a feature on, in both.
func newCastaway(f *fleet) *castaway {
	f.Helper()
	t := f.TB.(*testing.T)
	f.apply(spec(feature, "checkout", ">=2.0.0"))
	c := &castaway{fleet: f, way: newFerry(t, f.servers[0]), witness: f.join("checkout", "witness", "2.0.0")}
	c.proc = f.joinProcessBy(program(t), "castaway", c.way.addr)
	f.until("the process has joined", func() bool { return c.proc.life.has(sdk.EventJoined) })
	f.activate(feature, client.Wait())
	f.until("the process stands at on", func() bool { return c.proc.stands(feature) == muster.On })
	return c
}

// givenUpAfter waits until the process is given up, and fails the test if that was before
// its quarantine was over; it returns when.
func (c *castaway) givenUpAfter(lost time.Time) time.Time {
	c.Helper()
	c.until("the process is given up", func() bool { return len(c.membersCalled("checkout", "castaway")) == 0 })
	reaped := c.reaped("checkout", "castaway")
	if after := reaped.Sub(lost); after < c.session/2+c.quarantine {
		c.Errorf("given up after %v, with a session of %v and a quarantine of %v", after, c.session, c.quarantine)
	}
	return reaped
}

// returns waits until the process has gone through the gate again.
func (c *castaway) returns(stage muster.Stage) {
	c.Helper()
	c.until("the process is a member again", func() bool {
		m := c.membersCalled("checkout", "castaway")
		return len(m) == 1 && m[0].Live && m[0].Ack.Revision == m[0].Ack.Applied
	})
	c.until("it stands where all do", func() bool { return c.proc.stands(feature) == stage })
}

// since lists what the process has told since then.
func (c *castaway) since(then time.Time) (marks []mark) {
	for _, m := range c.proc.life.all() {
		if m.Time.After(then) && m.Kind != markStop && m.Kind != markCont {
			marks = append(marks, m)
		}
	}
	return marks
}

// Case 25: nothing reaches a process any more and nothing of it arrives, and no
// connection is closed. It is fenced by its lease, before it is given up; the
// flip waits for that; it comes back through the gate.
func TestCase25SilentNetworkOfAProcess(t *testing.T) {
	onEach(t, func(f *fleet) {
		c := newCastaway(f)
		silent := time.Now()
		c.way.halt()
		f.until("the process is fenced", func() bool { return c.proc.life.last() == sdk.EventFenced })
		fenced := c.proc.life.lastOf(sdk.EventFenced)
		if !c.proc.running() || c.proc.stands(feature) != muster.Accept {
			f.Errorf("the fenced process stands at %s, want accept", c.proc.stands(feature))
		}
		f.deactivate(feature)
		f.awaitBlocker(feature, muster.ReasonVanished, "castaway") // accept→off is held
		if after := fenced.Sub(silent); after > f.lease+time.Second {
			f.Errorf("fenced after %v, with a lease of %v", after, f.lease)
		}
		if reaped := c.givenUpAfter(silent); reaped.Before(fenced) {
			f.Errorf("given up at %s, and fenced at %s: it may have served what others did not expect", clock(reaped), clock(fenced))
		}
		f.awaitStage(feature, muster.Off)
		before := f.service("checkout").Roster
		c.way.goOn()
		c.returns(muster.Off)
		if got := f.service("checkout").Roster; got <= before {
			f.Error("it came back without going through the gate")
		}
		f.activate(feature, client.Wait())
		c.returns(muster.On)
		f.judge(spec(feature, "checkout", ">=2.0.0"))
		c.proc.signal(syscall.SIGTERM)
		<-c.proc.done
	})
}

// Case 26: a process is stopped until it was given up and the feature is off, and
// goes on. It never tells of on again before it has heard what became of it.
func TestCase26StoppedProcessGoesOn(t *testing.T) {
	onEach(t, func(f *fleet) {
		c := newCastaway(f)
		stopped := time.Now()
		c.proc.stop()
		f.deactivate(feature)
		c.givenUpAfter(stopped)
		f.awaitStage(feature, muster.Off)
		c.proc.cont()
		c.returns(muster.Off)
		told := c.since(stopped)
		if len(told) == 0 || slices.ContainsFunc(told, func(m mark) bool { return m.Kind == sdk.EventStage && m.Stage == muster.On }) {
			f.Errorf("after it was stopped it told %s; want no on", show(told))
		}
		f.judge(spec(feature, "checkout", ">=2.0.0"))
		c.proc.signal(syscall.SIGTERM)
		<-c.proc.done
	})
}

// Case 13: the process of the agent that leads is stopped for longer than its
// session, and goes on when another leads. It writes nothing of its own any more.
func TestCase13StoppedLeaderGoesOn(t *testing.T) {
	t.Parallel()
	for _, b := range backends() {
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			o := newOutpost(t, b.serve(t))
			o.apply(spec(feature, "checkout", ">=2.0.0"))
			_, end := o.witness.Pin(o.ctx)
			defer end()
			o.activate(feature)
			o.awaitBlocker(feature, muster.ReasonDraining, "witness")

			first := o.agentThatLeads()
			o.client = o.dial(o.addrs[1-first])
			stopped := time.Now()
			o.processes[first].stop()
			o.until("the other leads", func() bool { return o.leads(1 - first) })
			end() // a step is to be made
			o.awaitStage(feature, muster.On)
			o.kill(feature)
			o.processes[first].cont() // with the step still in mind
			o.until("the first is back in the election", func() bool {
				said := o.asks(first)
				return said.Ready && !said.Leading && said.Leader == o.processes[1-first].name
			})
			o.awaitStage(feature, muster.Off)
			o.activate(feature, client.Wait())
			for _, rec := range o.judge(spec(feature, "checkout", ">=2.0.0")) {
				if rec.Time.After(stopped) && rec.By == "agent/"+o.processes[first].name {
					t.Errorf("the agent that was stopped has written %s %s→%s", rec.Action, rec.From, rec.To)
				}
			}
		})
	}
}

// agentThatLeads gives the index of the process that says so.
func (o *outpost) agentThatLeads() (i int) {
	o.Helper()
	o.until("an agent leads", func() bool {
		i = slices.IndexFunc([]int{0, 1}, o.leads)
		return i >= 0
	})
	return i
}

func (o *outpost) leads(i int) bool { return o.asks(i).Leading }

// asks returns what the ith agent says of itself; nothing when it does not answer.
func (o *outpost) asks(i int) client.Agent { return o.askAt(o.addrs[i]) }
