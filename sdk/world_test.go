package sdk_test

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/internal/store"
	"github.com/musterhq/muster/internal/zkserver"
	"github.com/musterhq/muster/internal/zkserver/zkservertest"
	"github.com/musterhq/muster/internal/zoo"
	"github.com/musterhq/muster/sdk"
)

func TestMain(m *testing.M) {
	childMain()
	goleak.VerifyTestMain(m)
}

const feature = "structured-address"

// A world is a registry with one service in it, checkout, in a bubble of
// virtual time. The test plays the agent: it writes the sheet.
type world struct {
	*testing.T
	*sheetWriter
	server *zkserver.Server
}

func inWorld(t *testing.T, test func(w *world)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &world{T: t, server: zkservertest.Start(t, zkserver.Config{})}
		w.sheetWriter = newSheet(t, w.session(), "checkout")
		test(w)
	})
}

func (w *world) session() *zoo.Session {
	w.Helper()
	zk, err := zoo.Dial(w.T.Context(), zoo.Config{Servers: []string{"zk:2181"}, SessionTimeout: 40 * time.Second, Dial: new(network).dial(w.server)})
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { zk.Close() })
	return zk
}

// A network connects one process with the server, and can be cut.
type network struct {
	mu    sync.Mutex // guards the fields below
	away  bool
	conns []net.Conn
}

func (n *network) dial(server *zkserver.Server) func(ctx context.Context, _, _ string) (net.Conn, error) {
	return func(ctx context.Context, _, _ string) (net.Conn, error) {
		n.mu.Lock()
		defer n.mu.Unlock()
		if n.away {
			return nil, errors.New("no route to host")
		}
		conn, err := server.Dial(ctx)
		if err == nil {
			n.conns = append(n.conns, conn)
		}
		return conn, err
	}
}

// cut closes all connections and lets no other be made.
func (n *network) cut() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.away = true
	for _, c := range n.conns {
		c.Close()
	}
}

func (n *network) heal() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.away = false
}

// A process is a client with its network and all that it told of.
type process struct {
	*sdk.Client
	*network
	flag *sdk.Flag[bool]

	mu     sync.Mutex // guards events
	events []sdk.Event
}

func (w *world) config(p *process, version string) sdk.Config {
	return sdk.Config{
		Service: "checkout", Version: version, ID: "c1", Servers: []string{"zk:2181"},
		Dial: p.network.dial(w.server), Drain: 20 * time.Second,
		Events: func(e sdk.Event) {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.events = append(p.events, e)
		},
	}
}

// open starts a process of this version; it is closed with the test.
func (w *world) open(version string, edit ...func(*sdk.Config)) *process {
	w.Helper()
	p, err := w.tryOpen(version, edit...)
	if err != nil {
		w.Fatal(err)
	}
	return p
}

func (w *world) tryOpen(version string, edit ...func(*sdk.Config)) (*process, error) {
	w.Helper()
	p := &process{network: new(network)}
	cfg := w.config(p, version)
	for _, f := range edit {
		f(&cfg)
	}
	ctx, cancel := context.WithTimeout(w.T.Context(), 10*time.Second)
	defer cancel()
	client, err := sdk.Open(ctx, cfg)
	if client == nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { client.Close() })
	p.Client, p.flag = client, client.Bool(feature, false)
	return p, err
}

// kinds returns what the process told, stages by name.
func (p *process) kinds() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var kinds []string
	for _, e := range p.events {
		kind := string(e.Kind)
		if e.Kind == sdk.EventStage {
			kind = e.Stage.String()
		}
		kinds = append(kinds, kind)
	}
	return kinds
}

// service reads the service as an agent does.
func (w *world) service() muster.Service {
	w.Helper()
	svc, err := w.store.Service(w.T.Context(), "checkout", store.NewBodies(func() {}))
	if err != nil {
		w.Fatal(err)
	}
	return svc
}

// member returns the process's own entry.
func (w *world) member(p *process) muster.Member {
	w.Helper()
	for _, m := range w.service().Members {
		if m.Instance.Incarnation == p.Instance().Incarnation {
			return m
		}
	}
	return muster.Member{}
}

// acked reports whether the process has acked a revision.
func (w *world) acked(p *process, revision int32) func() bool {
	return func() bool { return w.member(p).Ack.Revision == revision }
}

// within waits until it is so, and returns how long that took.
func (w *world) within(d time.Duration, what string, so func() bool) time.Duration {
	w.Helper()
	for start := time.Now(); ; time.Sleep(10 * time.Millisecond) { // virtual time
		synctest.Wait()
		if so() {
			return time.Since(start)
		}
		if time.Since(start) > d {
			w.Fatalf("not within %v: %s", d, what)
		}
	}
}

// at reports whether the flag stands at a stage.
func (p *process) at(stage muster.Stage) func() bool {
	return func() bool { return p.flag.Stage(context.Background()) == stage }
}
