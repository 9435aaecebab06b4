package agent

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/test/bufconn"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/client"
)

// An office is a fleet whose agents serve the API by pipes, and clients of it:
// everything real, on virtual time.
type office struct {
	*fleet
	frozen atomic.Bool // a1 is heard no more

	mu    sync.Mutex // guards the fields below
	doors map[string]*bufconn.Listener
}

func inOffice(t *testing.T, test func(t *testing.T, o *office)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		test(t, &office{fleet: newFleet(t), doors: make(map[string]*bufconn.Listener)})
	})
}

// serve starts an agent with its API, and returns both with the function that
// closes the API alone.
func (o *office) serve(name string) (p *process, closeAPI func()) {
	o.t.Helper()
	p = o.agent(name)
	door := bufconn.Listen(64 << 10)
	srv, err := newServer(p.cfg, p.mirror, p.Agent.store, door, nil)
	if err == nil {
		srv.facts = p.facts
	}
	if err != nil {
		o.t.Fatal(err)
	}
	o.mu.Lock()
	o.doors[name+":7420"] = door
	o.mu.Unlock()
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := srv.run(ctx); err != nil {
			o.t.Errorf("API of %s: %v", name, err)
		}
	})
	closeAPI = func() { cancel(); wg.Wait() }
	o.t.Cleanup(closeAPI)
	return p, closeAPI
}

// client returns a client of these agents.
func (o *office) client(names ...string) *client.Client {
	o.t.Helper()
	cfg := client.Config{Dial: func(ctx context.Context, addr string) (net.Conn, error) {
		o.mu.Lock()
		door := o.doors[addr]
		o.mu.Unlock()
		if door == nil {
			return nil, errors.New("connection refused")
		}
		conn, err := door.DialContext(ctx)
		if addr == "a1:7420" && err == nil {
			conn = &frozenConn{conn, &o.frozen}
		}
		return conn, err
	}}
	for _, name := range names {
		cfg.Addrs = append(cfg.Addrs, name+":7420")
	}
	c, err := client.New(cfg)
	if err != nil {
		o.t.Fatal(err)
	}
	o.t.Cleanup(func() { _ = c.Close() })
	return c
}

func addressSpec() muster.Spec {
	return muster.Spec{
		Feature: "structured-address",
		Participants: map[string]muster.Participant{
			"checkout": {Version: muster.MustConstraint(">=2.0.0")},
			"shipping": {Version: muster.MustConstraint(">=2.0.0")},
		},
	}
}

// within bounds a call.
func within(t testing.TB, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

func TestAPIFlip(t *testing.T) {
	t.Parallel()
	inOffice(t, func(t *testing.T, o *office) {
		o.serve("a1")
		c := o.client("a1")
		ctx := t.Context()
		if _, err := c.Apply(ctx, addressSpec(), client.Why("release 42"), client.Wait()); err != nil {
			t.Fatal(err)
		}
		o.join("shipping", "s1", "2.0.0")
		old := o.join("checkout", "c1", "1.9.0")

		_, err := c.Activate(within(t, time.Minute), "structured-address", client.Why("release 42"), client.Wait())
		var blocked *muster.BlockedError
		if !errors.As(err, &blocked) || !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("got %v, want a BlockedError at the deadline", err)
		}
		named := slices.ContainsFunc(blocked.Blockers, func(b muster.Blocker) bool {
			return b.Service == "checkout" && b.Instance == "c1" && b.Reason == muster.ReasonOldVersion
		})
		if !named || blocked.Stage != muster.Off || blocked.Desired != muster.On {
			t.Errorf("got %+v, want c1 of checkout to be named", blocked)
		}

		old.leave()
		o.join("checkout", "c2", "2.0.0")
		if err := c.Wait(within(t, time.Minute), "structured-address", muster.On); err != nil {
			t.Fatal(err)
		}
		refusals, err := c.CanDeploy(ctx, "checkout", "1.9.0")
		if err != nil || len(refusals) != 1 || refusals[0].Feature != "structured-address" {
			t.Errorf("can-deploy: got %v, %v", refusals, err)
		}
		if refusals, err := c.CanDeploy(ctx, "checkout", "2.1.0"); err != nil || len(refusals) != 0 {
			t.Errorf("can-deploy: got %v, %v", refusals, err)
		}
		f, err := c.Deactivate(within(t, time.Minute), "structured-address", client.Wait())
		if err != nil || f.Status.Stage != muster.Off || f.Status.Gate != muster.GateOpen {
			t.Errorf("deactivate: got %+v, %v", f.Status, err)
		}
		if _, err := c.Delete(within(t, time.Minute), "structured-address", client.Wait()); err != nil {
			t.Error(err)
		}
		if _, err := c.Feature(ctx, "structured-address"); !errors.Is(err, muster.ErrNotFound) {
			t.Errorf("a deleted feature: got %v, want not found", err)
		}
		var got []string
		for rec, err := range c.History(ctx, client.HistoryQuery{Feature: "structured-address"}) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, fmt.Sprintf("%s %s %q", rec.Action, rec.By, rec.Why))
		}
		if last := len(got) - 1; last < 5 || !strings.HasPrefix(got[last], `apply anonymous "release 42"`) {
			t.Errorf("history: got %q", got)
		}
	})
}

func TestAPICommandsAreCarriedOutOnce(t *testing.T) {
	t.Parallel()
	inOffice(t, func(t *testing.T, o *office) {
		o.serve("a1")
		o.serve("a2")
		c, other := o.client("a1"), o.client("a2")
		ctx := t.Context()
		if _, err := c.Apply(ctx, addressSpec()); err != nil {
			t.Fatal(err)
		}
		commands := []func(*client.Client, ...client.Option) error{
			func(c *client.Client, opts ...client.Option) error {
				_, err := c.Activate(ctx, "structured-address", opts...)
				return err
			},
			func(c *client.Client, opts ...client.Option) error {
				_, err := c.Deactivate(ctx, "structured-address", opts...)
				return err
			},
		}
		for i, command := range commands {
			for _, c := range []*client.Client{c, c, other} {
				if err := command(c, client.RequestID(fmt.Sprint("job-", i))); err != nil {
					t.Fatal(err)
				}
			}
		}
		// Again, after the opposite was wanted: still the same command.
		if err := commands[0](other, client.RequestID("job-0")); err != nil {
			t.Fatal(err)
		}
		f, err := c.Feature(ctx, "structured-address")
		if err != nil || f.Status.Desired != muster.Off {
			t.Errorf("got %+v, %v", f.Status, err)
		}
		if got, want := o.actions(c), []string{"apply", "activate", "deactivate"}; !cmp.Equal(got, want) {
			t.Errorf("got history %v, want %v", got, want)
		}
	})
}

// actions returns the commands in the history, oldest first.
func (o *office) actions(c *client.Client) (actions []string) {
	o.t.Helper()
	for rec, err := range c.History(o.t.Context(), client.HistoryQuery{}) {
		if err != nil {
			o.t.Fatal(err)
		}
		switch rec.Action {
		case muster.ActionMove, muster.ActionGate, muster.ActionAdopt:
		default:
			actions = append([]string{string(rec.Action)}, actions...)
		}
	}
	return actions
}

func TestAPIWatchesGoOnAtAnotherAgent(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		lose func(t *testing.T, p *process, closeAPI func())
	}{
		{"the API is closed", func(t *testing.T, _ *process, closeAPI func()) {
			began := time.Now()
			closeAPI()
			if took := time.Since(began); took > watchPoll {
				t.Errorf("closing took %s", took)
			}
		}},
		{"the agent is cut off from ZooKeeper", func(_ *testing.T, p *process, _ func()) { p.network.setCut(true) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inOffice(t, func(t *testing.T, o *office) {
				first, closeFirst := o.serve("a1")
				o.serve("a2")
				c := o.client("a1", "a2")
				if _, err := c.Apply(t.Context(), addressSpec(), client.Wait()); err != nil {
					t.Fatal(err)
				}
				o.join("shipping", "s1", "2.0.0")
				lost := false
				ctx := within(t, 10*time.Minute)
				for f, err := range c.Watch(ctx, "structured-address") {
					if err != nil {
						t.Fatal(err)
					}
					if f.Status.Stage == muster.On {
						break
					}
					if !lost {
						lost = true
						tt.lose(t, first, closeFirst)
						if _, err := c.Activate(ctx, "structured-address"); err != nil {
							t.Fatal(err)
						}
						o.join("checkout", "c1", "2.0.0")
					}
				}
			})
		})
	}
}

// An agent that accepts and stays silent, and one that is stopped in the middle,
// are passed over, and it is remembered who answered.
func TestAPIStuckAgentIsPassedOver(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		stuck func(o *office)
	}{
		{"from the start", func(o *office) {
			silent := bufconn.Listen(64 << 10)
			o.t.Cleanup(func() { _ = silent.Close() })
			o.doors["a1:7420"] = silent
		}},
		{"in the middle", func(o *office) { o.frozen.Store(true) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inOffice(t, func(t *testing.T, o *office) {
				o.serve("a1")
				o.serve("a2")
				c := o.client("a1", "a2")
				if tt.name == "in the middle" {
					if _, err := c.Features(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
				tt.stuck(o)
				for _, atMost := range []time.Duration{11 * time.Second, time.Second} {
					began := time.Now()
					if _, err := c.Apply(t.Context(), addressSpec()); err != nil {
						t.Fatal(err)
					}
					if took := time.Since(began); took > atMost {
						t.Errorf("took %s, want at most %s", took, atMost)
					}
				}
			})
		})
	}
}

// A frozenConn takes what is sent and hands on nothing, as a stopped process.
type frozenConn struct {
	net.Conn
	frozen *atomic.Bool
}

// Read waits for as long as the connection lasts.
func (c *frozenConn) Read(p []byte) (int, error) {
	for {
		n, err := c.Conn.Read(p)
		if err != nil || !c.frozen.Load() {
			return n, err
		}
	}
}

func TestAPIWaitsAreGivenUp(t *testing.T) {
	t.Parallel()
	inOffice(t, func(t *testing.T, o *office) {
		o.serve("a1")
		c := o.client("a1")
		if _, err := c.Apply(t.Context(), addressSpec()); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		wg.Go(func() {
			_, err := c.Activate(within(t, time.Hour), "structured-address", client.Wait())
			if !errors.Is(err, muster.ErrConflict) || !strings.Contains(err.Error(), "structured-address is wanted off now, by anonymous") {
				t.Errorf("got %v", err)
			}
		})
		time.Sleep(time.Minute)
		if _, err := c.Kill(t.Context(), "structured-address"); err != nil {
			t.Error(err)
		}
		wg.Wait()
	})
}

func TestAPIDecommission(t *testing.T) {
	t.Parallel()
	inOffice(t, func(t *testing.T, o *office) {
		p, _ := o.serve("a1")
		c := o.client("a1")
		spec := addressSpec()
		spec.Vanished = muster.Confirm
		if _, err := c.Apply(t.Context(), spec); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Activate(t.Context(), "structured-address"); err != nil {
			t.Fatal(err)
		}
		gone := o.join("checkout", "c1", "2.0.0")
		o.join("checkout", "c2", "2.0.0")
		o.until("both are seen", p.mirror.Changed, func() bool {
			svc, _ := p.mirror.Service("checkout")
			return len(svc.Members) == 2
		})
		if err := c.Decommission(t.Context(), "checkout", "c1"); !errors.Is(err, muster.ErrFailedPrecondition) {
			t.Errorf("a live instance: got %v, want a failed precondition", err)
		}
		if err := c.Decommission(t.Context(), "checkout", "c9"); !errors.Is(err, muster.ErrNotFound) {
			t.Errorf("an unknown instance: got %v, want not found", err)
		}
		gone.vanish()
		o.until("c1 is seen to be gone", p.mirror.Changed, func() bool {
			svc, _ := p.mirror.Service("checkout")
			return len(svc.Members) == 2 && !svc.Members[0].Live
		})
		id := client.RequestID("job-1")
		for range 2 { // the second time as if the answer had been lost
			if err := c.Decommission(t.Context(), "checkout", "c1", client.Why("the machine is scrap"), id); err != nil {
				t.Fatal(err)
			}
			o.until("c1 is removed", p.mirror.Changed, func() bool {
				svc, _ := p.mirror.Service("checkout")
				return len(svc.Members) == 1
			})
		}
		if got, want := o.actions(c), []string{"apply", "activate", "decommission"}; !cmp.Equal(got, want) {
			t.Errorf("got history %v, want %v", got, want)
		}
	})
}
