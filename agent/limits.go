package agent

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/musterhq/muster/internal/pace"
	"github.com/musterhq/muster/internal/wire"
)

// What one host may take of an agent, and all hosts together. docs/limits.md
// lists these with all others.
const (
	maxConnections = 2000     // open at once, on each of the two listeners
	maxOfOne       = 1500     // of these, from one address
	maxCalls       = 10_000   // under way at once, watches included
	maxWatches     = 9000     // of these; the others end, so a kill finds room
	maxHeaders     = 16 << 10 // bytes of a call's headers
	maxAccess      = 1 << 20  // bytes of an access file, a certificate or a key
	callBurst      = 2000     // calls of one address at once
	callRate       = 1000     // and a second after that
	maxAddresses   = 10_000   // that are told apart
)

// limits bound who comes in, before it is asked who that is. They are safe for
// concurrent use.
type limits struct {
	callers pace.Callers
	calls   atomic.Int64 // under way
	watches atomic.Int64 // of these, those that end when the caller likes
}

func newLimits() *limits {
	return &limits{callers: pace.Callers{Burst: callBurst, Rate: callRate, Most: maxAddresses}}
}

// enter admits a call from an address; leave must be called when it ends.
func (l *limits) enter(from string, now time.Time) (leave func(), err error) {
	if !l.callers.Take(host(from), now) {
		return nil, fmt.Errorf("%w: more than %d calls a second from %s", wire.ErrResourceExhausted, callRate, host(from))
	}
	return count(&l.calls, maxCalls, "calls")
}

// watch admits a call that lasts.
func (l *limits) watch(from string, now time.Time) (leave func(), err error) {
	leaveCall, err := l.enter(from, now)
	if err != nil {
		return nil, err
	}
	leaveWatch, err := count(&l.watches, maxWatches, "watches")
	if err != nil {
		leaveCall()
		return nil, err
	}
	return func() { leaveWatch(); leaveCall() }, nil
}

// count takes one of so many.
func count(under *atomic.Int64, most int64, what string) (leave func(), err error) {
	if under.Add(1) > most {
		under.Add(-1)
		return nil, fmt.Errorf("%w: more than %d %s at once", wire.ErrResourceExhausted, most, what)
	}
	return func() { under.Add(-1) }, nil
}

// host is the address without its port, which a caller can change.
func host(address string) string {
	if name, _, err := net.SplitHostPort(address); err == nil {
		return name
	}
	return address
}

// A bounded listener closes connections beyond its number at once: whoever
// opens them gains nothing, and those that are open go on. No address takes all
// of them, or one host that opens connections and says nothing would keep
// everybody else from a kill.
type bounded struct {
	net.Listener
	most, each int
	full       func(from string)

	mu   sync.Mutex // guards the fields below
	open int
	from map[string]int // open, by host
}

// Accept waits for a connection that there is room for.
func (l *bounded) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		from := conn.RemoteAddr().String()
		if l.enter(host(from)) {
			return &counted{Conn: conn, leave: func() { l.leave(host(from)) }}, nil
		}
		l.full(from)
		_ = conn.Close() // nobody is left to tell
	}
}

func (l *bounded) enter(host string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open >= l.most || l.from[host] >= l.each {
		return false
	}
	l.open++
	l.from[host]++
	return true
}

func (l *bounded) leave(host string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open--
	if l.from[host]--; l.from[host] == 0 {
		delete(l.from, host)
	}
}

// A counted connection is one of a bounded number.
type counted struct {
	net.Conn
	once  sync.Once
	leave func()
}

// Close makes room for another.
func (c *counted) Close() error {
	c.once.Do(c.leave)
	return c.Conn.Close()
}

// bound bounds the connections of a listener; nil stays nil.
func (s *server) bound(l net.Listener) net.Listener {
	if l == nil {
		return nil
	}
	return &bounded{Listener: l, most: maxConnections, each: maxOfOne, from: make(map[string]int), full: func(from string) {
		s.record.ended(refusal{method: "connection", peer: from, code: codes.ResourceExhausted, reason: errFull.Error()})
	}}
}

var errFull = errors.New("too many connections are open")
