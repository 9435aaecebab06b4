package zoo_test

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/musterhq/muster/internal/ensemble"
	"github.com/musterhq/muster/internal/zkserver"
	"github.com/musterhq/muster/internal/zoo"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(ensemble.Main{M: m})
}

// world is a server and its clients in one bubble of virtual time.
type world struct {
	*testing.T
	*zkserver.Server

	// away has every dial refused; filter, if set, sees the number of each
	// packet that the server sends and says whether it arrives; broken sees the
	// kind of each request and says whether the connection breaks at it.
	away   atomic.Bool
	filter atomic.Pointer[func(xid int32) bool]
	broken atomic.Pointer[func(kind int32) bool]
	dials  atomic.Int32
}

// bubble runs f with a server that grants sessions from a second to a minute.
func bubble(t *testing.T, f func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		server, err := zkserver.New(zkserver.Config{MinSessionTimeout: time.Second, MaxSessionTimeout: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() { done <- server.Run(context.Background()) }()
		t.Cleanup(func() {
			server.Close()
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
		f(&world{T: t, Server: server})
	})
}

// config is one that reaches the server by pipes.
func (w *world) config() zoo.Config {
	return zoo.Config{Servers: []string{"one:2181"}, Dial: w.dial, Logger: func(format string, args ...any) {
		w.Logf("%v "+format, append([]any{time.Now().Format("05.000")}, args...)...)
	}}
}

func (w *world) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	w.dials.Add(1)
	if w.away.Load() {
		return nil, errors.New("no route to host")
	}
	conn, err := w.Dial(ctx)
	if err != nil {
		return nil, err
	}
	return &filtered{Conn: conn, world: w}, nil
}

// session dials one that is closed with the test.
func (w *world) session(cfg zoo.Config) *zoo.Session {
	w.Helper()
	s, err := zoo.Dial(w.Context(), cfg)
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { s.Close() })
	return s
}

// lose has the server unreachable until the function it gives is called.
func (w *world) lose() (heal func()) {
	w.away.Store(true)
	w.Faults().DropConnections(nil)
	synctest.Wait()
	return func() { w.away.Store(false) }
}

// commit applies what must succeed.
func commit(t testing.TB, s *zoo.Session, build func(*zoo.Txn)) []zoo.Result {
	t.Helper()
	results, err := s.Commit(t.Context(), txn(build))
	if err != nil {
		t.Fatal(err)
	}
	return results
}

func txn(build func(*zoo.Txn)) zoo.Txn {
	var t zoo.Txn
	build(&t)
	return t
}

func create(t testing.TB, s *zoo.Session, paths ...string) {
	t.Helper()
	commit(t, s, func(x *zoo.Txn) {
		for _, path := range paths {
			x.Create(path, []byte("first"), zoo.Persistent)
		}
	})
}

func set(t testing.TB, s *zoo.Session, path, data string) {
	t.Helper()
	commit(t, s, func(x *zoo.Txn) { x.Set(path, []byte(data), zoo.AnyVersion) })
}

// wantErr checks that an error is all of the kinds.
func wantErr(t testing.TB, err error, kinds ...error) {
	t.Helper()
	for _, kind := range kinds {
		if !errors.Is(err, kind) {
			t.Errorf("got error %v, want one that is %q", err, kind)
		}
	}
}

// closed says whether a channel is, now that everything has come to rest.
func closed(ch <-chan struct{}) bool {
	synctest.Wait()
	select {
	case <-ch:
		return true
	default:
		return false
	}
}

// took runs f and checks how long it took, on virtual time.
func took(t testing.TB, want time.Duration, f func()) {
	t.Helper()
	start := time.Now()
	f()
	if got := time.Since(start); got != want {
		t.Errorf("took %v, want %v", got, want)
	}
}

// filtered is a client's connection that does what filter and broken say.
type filtered struct {
	net.Conn
	world   *world
	greeted bool // the connect request has been answered
	rest    []byte
}

func (c *filtered) Read(b []byte) (int, error) {
	for len(c.rest) == 0 {
		packet := make([]byte, 4)
		if _, err := io.ReadFull(c.Conn, packet); err != nil {
			return 0, err
		}
		packet = append(packet, make([]byte, binary.BigEndian.Uint32(packet))...)
		if _, err := io.ReadFull(c.Conn, packet[4:]); err != nil {
			return 0, err
		}
		keep := c.world.filter.Load()
		if !c.greeted || keep == nil || (*keep)(int32(binary.BigEndian.Uint32(packet[4:]))) {
			c.rest = packet
		}
		if !c.greeted {
			c.greeted = true
		}
	}
	n := copy(b, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

func (c *filtered) Write(b []byte) (int, error) {
	broken := c.world.broken.Load()
	if c.greeted && broken != nil && (*broken)(int32(binary.BigEndian.Uint32(b[8:]))) {
		return 0, errors.New("broken pipe")
	}
	return c.Conn.Write(b)
}

// The numbers of what is not an answer to a request.
const (
	xidEvent = -1
	xidPing  = -2
)
