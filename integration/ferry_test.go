package integration_test

import (
	"context"
	"io"
	"net"
	"sync"
	"testing"
)

// A ferry carries the connections of a process, which knows no line, to
// ZooKeeper. While it is laid up it hangs up at once.
type ferry struct {
	addr string

	mu    sync.Mutex // guards the fields below
	away  bool
	open  chan struct{} // closed while what is on board goes on
	conns map[net.Conn]struct{}
}

// newFerry carries to a server until the test ends.
func newFerry(t testing.TB, server string) *ferry {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &ferry{addr: l.Addr().String(), conns: make(map[net.Conn]struct{}), open: make(chan struct{})}
	close(f.open)
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { f.carry(t.Context(), conn, server) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		f.goOn()
		f.layUp()
		wg.Wait()
	})
	return f
}

func (f *ferry) carry(ctx context.Context, conn net.Conn, server string) {
	defer conn.Close()
	if !f.takes(conn) {
		return
	}
	far, err := new(net.Dialer).DialContext(ctx, "tcp", server)
	if err != nil {
		return
	}
	defer far.Close()
	if !f.takes(far) {
		return
	}
	var back sync.WaitGroup
	back.Go(func() {
		_, _ = io.Copy(conn, aboard{far, f}) // it ends when one of them is closed
		conn.Close()
	})
	_, _ = io.Copy(far, aboard{conn, f})
	far.Close()
	back.Wait()
}

// aboard is what was read from one side and has not reached the other.
type aboard struct {
	io.Reader
	f *ferry
}

func (a aboard) Read(p []byte) (int, error) {
	n, err := a.Reader.Read(p)
	a.f.mu.Lock()
	open := a.f.open
	a.f.mu.Unlock()
	<-open
	return n, err
}

// halt has all connections, and new ones, fall silent, without closing any.
func (f *ferry) halt() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.open = make(chan struct{})
}

// goOn lets go on what was halted, if it was.
func (f *ferry) goOn() {
	f.mu.Lock()
	defer f.mu.Unlock()
	select {
	case <-f.open:
	default:
		close(f.open)
	}
}

func (f *ferry) takes(conn net.Conn) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.away {
		f.conns[conn] = struct{}{}
	}
	return !f.away
}

// layUp ends all connections and carries no more.
func (f *ferry) layUp() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.away = true
	for conn := range f.conns {
		conn.Close()
	}
	clear(f.conns)
}

// sail carries again.
func (f *ferry) sail() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.away = false
}
