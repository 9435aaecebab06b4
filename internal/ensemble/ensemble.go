package ensemble

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"
)

// patience bounds the wait for servers to serve. A cold Java on a busy machine
// with two cores takes several seconds.
const patience = 60 * time.Second

// Ensemble is one running ZooKeeper ensemble.
type Ensemble struct {
	servers []*server
	shores  []*shore // one for each server, where there are links
	links   []*link
	cut     chan struct{} // closed at the end of all links
	wg      sync.WaitGroup
}

// Option changes how an ensemble is started.
type Option func(*settings)

// Tick sets tickTime, 500 ms by default: a leader drops a silent follower after
// four ticks, and the shortest session is two.
func Tick(d time.Duration) Option { return func(s *settings) { s.tick = d } }

// Words sets which four-letter words are answered, all by default; srvr must be
// among them. ZooKeeper's own default is srvr alone.
func Words(list string) Option { return func(s *settings) { s.words = list } }

// SyncLimit sets for how many ticks a leader and a follower may be silent before
// they give each other up, 4 by default.
func SyncLimit(ticks int) Option { return func(s *settings) { s.sync = ticks } }

// Links has the servers reach each other over links that can be disturbed, see
// [Ensemble.Delay] and [Ensemble.Isolate].
func Links() Option { return func(s *settings) { s.links = true } }

// Set sets a key of zoo.cfg, or a system property of ZooKeeper's without its
// prefix.
func Set(key, value string) Option {
	return func(s *settings) { s.keys[key] = value }
}

// Data has server i keep its data in the ith of the folders, which are there.
func Data(folders ...string) Option { return func(s *settings) { s.data = folders } }

// Env adds to the servers' environment, as in "LD_PRELOAD=slow.so".
func Env(vars ...string) Option { return func(s *settings) { s.env = append(s.env, vars...) } }

// Start starts n servers, waits until all of them serve, and ends them with the
// test, showing the end of their logs if it failed. It skips or fails the test
// as [Require] does.
func Start(t testing.TB, n int, opts ...Option) *Ensemble {
	t.Helper()
	Require(t)
	e, err := launch(t.TempDir(), n, opts...)
	if err != nil {
		t.Fatalf("start ZooKeeper: %v", err)
	}
	t.Cleanup(e.end)
	e.showLogs(t)
	e.Await(t)
	return e
}

// launch starts n servers that keep their files below dir, and waits for
// nothing.
func launch(dir string, n int, opts ...Option) (*Ensemble, error) {
	s := settings{tick: 500 * time.Millisecond, words: "*", sync: 4, keys: make(map[string]string)}
	for _, opt := range opts {
		opt(&s)
	}
	if err := s.draw(n); err != nil {
		return nil, err
	}
	e := &Ensemble{cut: make(chan struct{})}
	if err := e.link(&s); err != nil {
		e.end()
		return nil, err
	}
	for i := range n {
		home := filepath.Join(dir, "zookeeper-"+strconv.Itoa(i))
		srv, err := newServer(home, s.ports[i].client)
		if err == nil {
			srv.env = s.env
			err = s.write(home, i)
		}
		if err == nil {
			err = srv.start()
		}
		if err != nil {
			e.end()
			return nil, err
		}
		e.servers = append(e.servers, srv)
	}
	return e, nil
}

// Servers gives each server's client address, host:port, in a fixed order.
func (e *Ensemble) Servers() []string {
	addrs := make([]string, len(e.servers))
	for i, srv := range e.servers {
		addrs[i] = srv.addr
	}
	return addrs
}

// Kill ends server i at once (SIGKILL) and returns when it is gone.
func (e *Ensemble) Kill(i int) { e.servers[i].kill() }

// Stop asks server i to end (SIGTERM) and returns when it is gone.
func (e *Ensemble) Stop(i int) { e.servers[i].stop() }

// Pause freezes server i (SIGSTOP): it accepts connections and stays silent.
func (e *Ensemble) Pause(i int) { e.servers[i].pause() }

// Resume lets server i go on after Pause (SIGCONT).
func (e *Ensemble) Resume(i int) { e.servers[i].resume() }

// Restart starts server i again, on the same address and data, ending it first
// if it runs. It does not wait until the server serves; see [Ensemble.Await].
func (e *Ensemble) Restart(t testing.TB, i int) {
	t.Helper()
	if err := e.servers[i].start(); err != nil {
		t.Fatalf("restart ZooKeeper server %d: %v", i, err)
	}
}

// Await returns when every server that runs and is not paused serves clients,
// and fails the test when that takes more than a minute.
func (e *Ensemble) Await(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for i, srv := range e.servers {
		if err := srv.await(ctx); err != nil {
			t.Fatalf("ZooKeeper server %d at %s: %v", i, srv.addr, err)
		}
	}
}

// Serves tells whether server i serves clients now.
func (e *Ensemble) Serves(i int) bool { return e.servers[i].mode() != "" }

// Leader gives the index of the server that leads now, or -1 while none does.
// The only server of an ensemble of one leads.
func (e *Ensemble) Leader() int {
	for i, srv := range e.servers {
		if mode := srv.mode(); mode == "leader" || mode == "standalone" {
			return i
		}
	}
	return -1
}

// end kills all servers and waits for them.
func (e *Ensemble) end() {
	for _, srv := range e.servers {
		srv.kill()
	}
	e.unlink()
}

// showLogs prints, if t fails, what the servers say from now on.
func (e *Ensemble) showLogs(t testing.TB) {
	starts := make([]int64, len(e.servers))
	for i, srv := range e.servers {
		if info, err := os.Stat(srv.log); err == nil {
			starts[i] = info.Size()
		}
	}
	t.Cleanup(func() {
		if !t.Failed() {
			return
		}
		for i, srv := range e.servers {
			t.Logf("ZooKeeper server %d at %s, end of its log:\n%s", i, srv.addr, tail(srv.log, starts[i]))
		}
	})
}
