package zoo

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// route is where to connect to next: round and round, with a growing pause
// after each round that led nowhere. It is the library's host provider: the
// library's own looks names up once, and waits a second after each round. Only
// the library's loop uses it, but for failure.
type route struct {
	ctx     context.Context // the session's life
	silence func() time.Duration
	servers []string
	next    int
	tried   int // attempts since the last session that lasted
	pause   *backoff.ExponentialBackOff
	grace   time.Duration // for one attempt of the first round, doubled with each
	most    time.Duration // for one attempt: the session's timeout
	since   time.Time     // when the last connection got its session
	line    *line         // the last one
	failure atomic.Pointer[error]
}

func newRoute(ctx context.Context, cfg Config, silence func() time.Duration) *route {
	pause := backoff.NewExponentialBackOff() // with jitter of a half
	pause.InitialInterval = 100 * time.Millisecond
	pause.MaxInterval = cfg.SessionTimeout / 2 // the way must be found again within the session
	return &route{ctx: ctx, silence: silence, servers: cfg.Servers, pause: pause, grace: cfg.OpTimeout / 2, most: cfg.SessionTimeout}
}

// Init is the library's; the servers are known already.
func (r *route) Init([]string) error { return nil }

// Len is the number of servers.
func (r *route) Len() int { return len(r.servers) }

// Next gives the next server. Where it says that all have been tried, the library
// fails what it has queued and waits for a second. It is to do so once the
// session has ended, and when the last connection broke before the watches were
// sent: else they are sent late, on the next one, and end its line's holding
// back too early.
func (r *route) Next() (server string, retryStart bool) {
	server = r.servers[r.next]
	r.next = (r.next + 1) % len(r.servers)
	unsent := r.line != nil && r.line.settled() && r.line.holding.Load()
	r.line = nil
	if unsent {
		time.Sleep(10 * time.Millisecond) // the goroutine that queues them may not have run yet
	}
	return server, unsent || r.ctx.Err() != nil
}

// Connected is the library's; see arrived.
func (r *route) Connected() {}

// arrived notes that a connection has its session.
func (r *route) arrived() { r.since = time.Now() }

// attempt waits until it is time for the next attempt, and gives how long it
// may take: patience grows, lest an ensemble that is slow because all come back
// at once is asked the more often the slower it gets.
func (r *route) attempt() (time.Duration, error) {
	if !r.since.IsZero() {
		if time.Since(r.since) > r.grace { // else it is a server that accepts and hangs up
			r.tried = 0
			r.pause.Reset()
		}
		r.wait(r.spread())
	}
	r.since = time.Time{}
	round := r.tried / len(r.servers)
	if round > 0 && r.tried%len(r.servers) == 0 {
		r.wait(r.pause.NextBackOff())
	}
	r.tried++
	return min(r.grace<<min(round, 10), r.most), r.ctx.Err()
}

// spread is how long to wait before a lost connection is replaced: up to an
// eighth of what is left of the session, and to a second, so that all whom a
// server has dropped at one moment do not fall upon the next one at one moment.
func (r *route) spread() time.Duration {
	most := min(max(0, r.most-r.silence())/8, time.Second)
	return time.Duration(rand.Float64() * float64(most))
}

func (r *route) wait(d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-r.ctx.Done():
	}
}

// failed notes why an attempt led nowhere, for the error of Dial.
func (r *route) failed(server string, err error) {
	err = fmt.Errorf("%s: %w", server, err)
	r.failure.Store(&err)
}

// last is why the last attempt led nowhere, or nil.
func (r *route) last() error {
	if err := r.failure.Load(); err != nil {
		return *err
	}
	return nil
}

// dial connects to a server. It is called by the library's loop alone, and
// refuses once the session has ended (G5): nothing of an ended session may
// reach the one that the library would begin in its place.
func (s *Session) dial(network, server string, _ time.Duration) (net.Conn, error) {
	patience, err := s.route.attempt()
	if err != nil {
		return nil, s.Err()
	}
	deadline := time.Now().Add(patience)
	ctx, cancel := context.WithTimeout(s.ctx, patience/2) // and as long for the server to speak
	defer cancel()
	conn, err := dialer{s.cfg.Dial, s.cfg.TLS}.connect(ctx, network, server, server)
	if err != nil {
		s.route.failed(server, err)
		return nil, err
	}
	l := newLine(s, server, conn, deadline)
	s.line.Store(l)
	s.route.line = l
	if s.ctx.Err() != nil { // bury may have looked for the line already
		l.Close()
		return nil, s.Err()
	}
	return l, nil
}

// A dialer makes connections to servers.
type dialer struct {
	dial func(ctx context.Context, network, addr string) (net.Conn, error)
	tls  *tls.Config // nil for plain ones
}

// connect makes the connection and, where asked for, encrypts it. The server is
// whom the certificate must name.
func (d dialer) connect(ctx context.Context, network, addr, server string) (net.Conn, error) {
	conn, err := d.dial(ctx, network, addr)
	if err != nil || d.tls == nil {
		return conn, err
	}
	cfg := d.tls
	if cfg.ServerName == "" {
		host, _, err := net.SplitHostPort(server)
		if err != nil {
			return nil, errors.Join(err, conn.Close())
		}
		cfg = cfg.Clone()
		cfg.ServerName = host
	}
	encrypted := tls.Client(conn, cfg)
	if err := encrypted.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, fmt.Errorf("tls: %w", err)
	}
	return encrypted, nil
}
