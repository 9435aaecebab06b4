package zkserver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/musterhq/muster/internal/zkserver/tree"
	"github.com/musterhq/muster/internal/zkserver/txnlog"
)

// ErrClosed is returned by what needs a server that is not closed.
var ErrClosed = errors.New("zkserver: server closed")

// Server is one server. Make it with [New], run it with [Server.Run]. All
// methods may be called concurrently.
type Server struct {
	cfg    Config
	ln     net.Listener // nil if there is no address
	log    *txnlog.Log  // nil if in memory only
	pipes  chan net.Conn
	faults *Faults
	stats  stats

	ctx    context.Context // ends when the server is to stop
	cancel context.CancelFunc
	done   chan struct{} // closed when Run has returned
	wg     sync.WaitGroup

	mu       sync.Mutex // guards the fields below: the one place where state changes
	tree     *tree.Tree
	watches  *watches
	conns    map[*conn]struct{}
	sessions *sessions
	running  bool
	stopped  bool
}

// New opens the data and the address. The server answers once [Server.Run] is
// called; use [Server.Close] to release a server that is never run.
func New(cfg Config) (*Server, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Server{
		cfg: cfg, pipes: make(chan net.Conn), done: make(chan struct{}),
		tree: tree.New(), watches: newWatches(), conns: make(map[*conn]struct{}),
		sessions: newSessions(),
	}
	s.faults = newFaults(s)
	s.ctx, s.cancel = context.WithCancel(context.Background())
	if cfg.DataDir != "" {
		s.log, err = txnlog.Open(cfg.DataDir, s.tree, cfg.SnapshotEvery)
		if err != nil {
			return nil, fmt.Errorf("zkserver: %w", err)
		}
	}
	if s.log == nil || s.tree.Zxid() == 0 {
		// A client remembers the last transaction it saw and is refused by a
		// server that is behind it. Starting from the clock, a server that lost
		// its memory is ahead: it tells such a client that its session is gone.
		s.tree.Advance(time.Since(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)).Milliseconds() << 20)
	}
	if cfg.Addr != "" {
		s.ln, err = net.Listen("tcp", cfg.Addr)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("zkserver: %w", err), s.release())
		}
	}
	return s, nil
}

// Addr returns the address it listens on, "" if none.
func (s *Server) Addr() string {
	if s.ln == nil {
		return ""
	}
	return s.ln.Addr().String()
}

// Run serves until ctx ends or the server is closed, and returns when all
// connections and goroutines are gone: nil, or why it could not go on. It can
// be called once.
func (s *Server) Run(ctx context.Context) error {
	s.mu.Lock()
	if s.running || s.stopped {
		s.mu.Unlock()
		return ErrClosed
	}
	s.running = true
	s.restoreSessionsLocked()
	s.mu.Unlock()
	defer close(s.done)
	defer context.AfterFunc(ctx, s.cancel)()

	s.cfg.Logger("zkserver: serving %s (for laptops and tests)", s.Addr())
	s.wg.Go(s.expireSessions)
	s.wg.Go(s.reapNodes)
	s.wg.Go(s.acceptPipes)
	if s.ln != nil {
		s.wg.Go(s.acceptTCP)
	}
	<-s.ctx.Done()
	s.stop()
	s.wg.Wait()
	return s.release()
}

// Close stops the server and waits until [Server.Run] has returned. It may be
// called any number of times.
func (s *Server) Close() error {
	s.mu.Lock()
	running, stopped := s.running, s.stopped
	s.stopped = true
	s.mu.Unlock()
	s.cancel()
	if running {
		<-s.done
		return nil
	}
	if stopped {
		return nil
	}
	return s.release()
}

// Dial connects by an in-memory pipe. It waits until the server runs.
func (s *Server) Dial(ctx context.Context) (net.Conn, error) {
	mine, theirs := net.Pipe()
	select {
	case s.pipes <- theirs:
		return mine, nil
	case <-s.ctx.Done():
		return nil, ErrClosed
	case <-ctx.Done():
		return nil, fmt.Errorf("zkserver: dial: %w", ctx.Err())
	}
}

// stop closes whatever goroutines may wait on.
func (s *Server) stop() {
	if s.ln != nil {
		s.ln.Close() // ends acceptTCP; nothing is lost with it
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopped = true
	for c := range s.conns {
		c.drop()
	}
}

// release closes the files, and says what went wrong with them.
func (s *Server) release() error {
	s.cancel()
	if s.ln != nil {
		s.ln.Close() // a second time, mostly
	}
	if s.log == nil {
		return nil
	}
	if err := s.log.Close(); err != nil {
		return fmt.Errorf("zkserver: %w", err)
	}
	return nil
}

func (s *Server) acceptTCP() {
	for {
		nc, err := s.ln.Accept()
		switch {
		case err == nil:
			s.start(nc)
		case s.ctx.Err() != nil:
			return
		default: // most likely out of files
			s.cfg.Logger("zkserver: accept: %v", err)
			s.sleep(100 * time.Millisecond)
		}
	}
}

func (s *Server) acceptPipes() {
	for {
		select {
		case nc := <-s.pipes:
			s.start(nc)
		case <-s.ctx.Done():
			return
		}
	}
}

// start serves a connection, if there is room for it.
func (s *Server) start(nc net.Conn) {
	c := newConn(s, nc)
	s.mu.Lock()
	full := len(s.conns) >= s.cfg.MaxConnections
	if !full && !s.stopped {
		s.conns[c] = struct{}{}
		s.wg.Go(c.run) // under the lock, so that stop sees either none or all of it
	}
	refused := full || s.stopped
	s.mu.Unlock()
	if refused {
		nc.Close() // the client notices and tries again
		if full {
			s.cfg.Logger("zkserver: %d connections are open: refused one", s.cfg.MaxConnections)
		}
	}
}

// sleep waits for d, or less when the server stops.
func (s *Server) sleep(d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-s.ctx.Done():
	}
}

// commitLocked applies a transaction, logs it and tells the watchers.
func (s *Server) commitLocked(who tree.Actor, ops ...tree.Op) tree.Outcome {
	h := tree.Header{Zxid: s.tree.Zxid() + 1, Time: time.Now().UnixMilli()}
	out := s.tree.Apply(h, who, ops...)
	if !out.OK {
		return out
	}
	if s.log != nil {
		s.log.Append(out.Txn, s.tree)
	}
	s.cfg.Observer(out.Txn)
	for _, ev := range out.Events {
		s.watches.fire(ev, h.Zxid)
	}
	return out
}

// durable waits until the transaction is on disk, if there is one.
func (s *Server) durable(zxid int64) error {
	if s.log == nil {
		return nil
	}
	err := s.log.Sync(zxid)
	if err != nil {
		// What clients were told would come after what is lost: stop here.
		s.cfg.Logger("zkserver: %v", err)
		s.cancel()
	}
	return err
}

// reapNodes deletes containers that lost their children and TTL nodes whose time
// is over, once a minute as ZooKeeper does.
func (s *Server) reapNodes() {
	for {
		s.sleep(time.Minute)
		if s.ctx.Err() != nil {
			return
		}
		s.mu.Lock()
		for _, path := range s.tree.Idle(time.Now().UnixMilli()) {
			s.commitLocked(tree.Actor{Trusted: true}, tree.Op{Kind: tree.DeleteContainer, Path: path, Version: -1})
		}
		s.mu.Unlock()
	}
}
