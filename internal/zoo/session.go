package zoo

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-zookeeper/zk"
)

// contactPath is read by the heartbeat and never created. A watch on its
// absence is always armed, see line.
const contactPath = "/zookeeper/muster-contact"

// Session is one session of the servers. It outlives its connections, ends
// once, and never comes back. All methods may be called concurrently.
type Session struct {
	cfg     Config
	zk      *zk.Conn
	lease   lease
	watches watches
	route   *route
	line    atomic.Pointer[line] // the latest connection
	armed   atomic.Bool          // the library holds a watch, and so re-arms when it reconnects

	ctx context.Context // the session's life; its cause is why it ended
	die context.CancelCauseFunc

	loops sync.WaitGroup // heartbeat, poll, and the library
	calls sync.WaitGroup // operations; started under mu, and only before the end

	mu        sync.Mutex    // guards the fields below
	up        chan struct{} // closed while connected, replaced when the connection is lost
	connected bool
	id        int64
	timeout   time.Duration
}

// Dial begins a session and returns when the servers have granted it and
// answered a first read. Without a reachable server it tries on until ctx ends;
// ctx bounds nothing but the dialling.
func Dial(ctx context.Context, cfg Config) (*Session, error) {
	cfg, err := cfg.complete()
	if err != nil {
		return nil, err
	}
	s := &Session{cfg: cfg, up: make(chan struct{})}
	s.lease.begin(cfg.Clock)
	s.ctx, s.die = context.WithCancelCause(context.Background())
	s.route = newRoute(s.ctx, cfg, s.Silence)
	conn, events, err := zk.Connect(cfg.Servers, cfg.SessionTimeout,
		zk.WithHostProvider(s.route),
		zk.WithDialer(s.dial),
		zk.WithEventCallback(s.onEvent), // the channel drops what it has no room for
		zk.WithMaxConnBufferSize(cfg.MaxRequest+slack),
		zk.WithMaxBufferSize(cfg.MaxReply),
		zk.WithLogger(printer(cfg.Logger)),
		zk.WithLogInfo(false))
	if err != nil {
		return nil, fmt.Errorf("zoo dial: %w", err)
	}
	s.zk = conn
	s.loops.Go(func() { s.bury(events) })
	if err := s.greet(ctx); err != nil {
		s.Close()
		return nil, fmt.Errorf("dial %s: %w", strings.Join(cfg.Servers, ","), err)
	}
	s.loops.Go(s.heartbeat)
	s.loops.Go(s.poll)
	return s, nil
}

// ID is the session's number, as in Stat.EphemeralOwner.
func (s *Session) ID() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.id
}

// Timeout is the session time-out that the servers granted.
func (s *Session) Timeout() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.timeout
}

// Connected tells whether there is a connection that the library has not given
// up. It is informational: a connection may be dead for seconds before it is
// noticed. Silence is what counts.
func (s *Session) Connected() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.connected
}

// Done is closed when the session has ended: it was closed, or a server said
// that it has expired.
func (s *Session) Done() <-chan struct{} { return s.ctx.Done() }

// Err is nil before Done, and afterwards says why; it is ErrSessionEnded.
func (s *Session) Err() error { return context.Cause(s.ctx) }

// Close ends the session, on the server too if there is a connection: its
// ephemeral nodes go at once then, and by expiry otherwise. Operations under
// way end with ErrSessionEnded. It returns when everything that the session
// started has stopped, within about three seconds. Closing again waits too.
func (s *Session) Close() error {
	s.end(fmt.Errorf("closed: %w", ErrSessionEnded))
	s.loops.Wait()
	s.calls.Wait()
	return nil
}

// end is the end of the session: from here on nothing is sent that was not on
// its way already. It does not block: the library calls it.
func (s *Session) end(why error) {
	s.mu.Lock()
	s.die(why) // the first reason stands
	s.connected = false
	s.mu.Unlock()
	s.watches.end()
}

// bury ends the library's connection when the session has ended, and waits for
// its goroutines: the channel of events is closed by the last of them.
func (s *Session) bury(events <-chan zk.Event) {
	<-s.ctx.Done()
	if l := s.line.Load(); l != nil && !l.settled() {
		l.Close() // nobody to say goodbye to
	}
	s.zk.Close() // waits for the answer, at most three seconds
	if l := s.line.Load(); l != nil {
		l.Close()
	}
	for range events { //nolint:revive // drained until closed
	}
}

// greet waits for a session and for an answer in it.
func (s *Session) greet(ctx context.Context) error {
	for {
		err := s.introduce(ctx)
		switch {
		case err == nil, errors.Is(err, ErrDenied):
			return err
		case s.Err() != nil:
			return s.Err()
		case ctx.Err() != nil:
			if last := s.route.last(); last != nil {
				return fmt.Errorf("%w; last: %w", context.Cause(ctx), last)
			}
			return context.Cause(ctx)
		}
		s.sleep(100 * time.Millisecond)
	}
}

// introduce authenticates and arms the watch that makes the library re-arm.
func (s *Session) introduce(ctx context.Context) error {
	if s.cfg.Auth != "" {
		on, err := do(ctx, s, request{op: "authenticate"}, func() (*line, error) {
			line := s.line.Load()
			return line, s.zk.AddAuth("digest", []byte(s.cfg.Auth))
		})
		if err != nil {
			return err
		}
		if on != s.line.Load() {
			// The library may have reconnected just before it noted the
			// credentials, and would then never give them again.
			return fmt.Errorf("authenticate: %w: the connection was lost", ErrNotSent)
		}
	}
	return s.touch(ctx)
}

// touch is the heartbeat's read: it is answered in a few bytes.
func (s *Session) touch(ctx context.Context) error {
	_, err := do(ctx, s, request{op: "heartbeat", path: contactPath}, func() (struct{}, error) {
		if s.armed.Load() {
			_, _, err := s.zk.Exists(contactPath)
			return struct{}{}, err
		}
		_, _, _, err := s.zk.ExistsW(contactPath)
		if err == nil {
			s.armed.Store(true)
		}
		return struct{}{}, err
	})
	if errors.Is(err, ErrDenied) {
		return nil // it was answered: that is all there is to learn
	}
	return err
}

// heartbeat renews the contact, and leaves a server that does not answer. The
// library's own pings do neither: it forgets their answers, and a server that
// answers nothing else is kept.
func (s *Session) heartbeat() {
	for s.sleep(s.cfg.Heartbeat) {
		line := s.line.Load()
		err := s.touch(s.ctx)
		if err == nil || s.ctx.Err() != nil || line != s.line.Load() || !line.settled() || line.dead.Load() {
			continue // it is not that server's fault
		}
		s.cfg.Logger("zoo: leaving %s: %v", line.server, err)
		if line.holding.Load() { // or were we silent, waiting for watches that the library does not have?
			s.armed.Store(false)
		}
		line.Close()
	}
}

// sleep waits, and says whether the session still lives.
func (s *Session) sleep(d time.Duration) bool {
	t := time.NewTimer(jitter(d))
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-s.ctx.Done():
		return false
	}
}

// onEvent is called by the library's goroutines, in order, and must not block.
func (s *Session) onEvent(e zk.Event) {
	switch {
	case e.Type == zk.EventSession:
		s.onState(e.State)
	case e.Type == zk.EventNotWatching: // the library's way to say that the session has ended
	case e.Path == contactPath:
		s.armed.Store(false) // the next heartbeat arms it again
	default:
		s.watches.fire(e.Path, e.Type)
	}
}

func (s *Session) onState(state zk.State) {
	switch state {
	case zk.StateHasSession:
		s.route.arrived()
		s.line.Load().settle()
	case zk.StateDisconnected:
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.connected {
			s.connected = false
			s.up = make(chan struct{})
		}
	case zk.StateExpired:
		// Now, before the library begins another session by itself: its dialer
		// refuses from here on, so that nothing in its queue is ever sent. G5
		s.end(fmt.Errorf("expired: %w", ErrSessionEnded))
	}
}

// open lets operations through: the latest line is ready for them.
func (s *Session) open() {
	line := s.line.Load()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.id, s.timeout = line.id, line.timeout
	if s.ctx.Err() == nil && !s.connected {
		s.connected = true
		close(s.up)
	}
}

// printer is the library's logger.
type printer func(format string, args ...any)

// Printf logs a line of the library's.
func (p printer) Printf(format string, args ...any) { p("zk: "+format, args...) }
