package zoo

import (
	"encoding/binary"
	"net"
	"sync/atomic"
	"time"
)

// The parts of ZooKeeper's protocol that a line looks at: a packet is its length
// in 4 bytes, then for a request its number and its kind in 4 bytes each; the
// first reply is the version in 4 bytes, the time-out in 4, the session in 8.
const (
	packetHeader  = 12
	greetingBytes = 20

	kindPing       int32 = 11
	kindAuth       int32 = 100
	kindSetWatches int32 = 101
	kindClose      int32 = -11
)

// settling is how long the first replies on a connection without watches are
// kept from the library; see line.
const settling = 20 * time.Millisecond

// line is a connection as the library gets it, and mends five things:
//
//   - The library waits for a session ten times as long as for anything else,
//     and without any limit once four bytes have come. Until the line is
//     settled its own deadline holds.
//   - On a new connection the library may send a queued request before it arms
//     its watches again. The reply moves its notion of the last transaction it
//     saw, and what happened before goes unnoticed. Here other requests are
//     held back until the watches have been sent.
//   - On a connection before which there were no watches it looks for some to
//     arm, at its leisure and without a lock on what a reply changes, while
//     replies come in: a data race, should it be late and a reply have brought a
//     watch. It does not tell when it has looked, so its reader is kept back for
//     a while that is long for a processor and short for a network.
//   - The library hangs when it fails to write its credentials, for it answers
//     itself twice where there is room for one answer. Here that write does not
//     fail: it closes the line, and the reader finds out.
//   - The library does not tell what time-out was granted.
//
// Read is called by one goroutine at a time and so is Write; Close by any.
type line struct {
	net.Conn
	server   string
	deadline time.Time // for the session to be granted
	young    atomic.Bool
	dead     atomic.Bool
	failed   func(server string, err error)
	ready    func() // called once requests are welcome

	greeting []byte // the first reply, as far as it is needed
	id       int64
	timeout  time.Duration

	holding atomic.Bool
	held    []byte // whole packets, in order
	eager   bool   // its reader has not been kept back yet; the reader's own
}

func newLine(s *Session, server string, conn net.Conn, deadline time.Time) *line {
	l := &line{Conn: conn, server: server, deadline: deadline, failed: s.route.failed, ready: s.open}
	l.young.Store(true)
	l.holding.Store(s.armed.Load())
	l.eager = !l.holding.Load()
	conn.SetDeadline(deadline) //nolint:errcheck // a broken connection is found by using it
	return l
}

func (l *line) settled() bool { return !l.young.Load() }

// settle ends the time of the line's own deadline, for the session was granted:
// from here on the library sets one for each packet.
func (l *line) settle() {
	if len(l.greeting) >= greetingBytes {
		l.timeout = time.Duration(binary.BigEndian.Uint32(l.greeting[8:])) * time.Millisecond
		l.id = int64(binary.BigEndian.Uint64(l.greeting[12:]))
	}
	l.greeting = nil
	l.young.Store(false)
	if !l.holding.Load() {
		l.ready()
	}
}

// SetReadDeadline is the library's, and heeded only on a settled line.
func (l *line) SetReadDeadline(t time.Time) error {
	if l.young.Load() {
		t = l.deadline
	}
	return l.Conn.SetReadDeadline(t)
}

// SetWriteDeadline is the library's, and heeded only on a settled line.
func (l *line) SetWriteDeadline(t time.Time) error {
	if l.young.Load() {
		t = l.deadline
	}
	return l.Conn.SetWriteDeadline(t)
}

func (l *line) Read(b []byte) (int, error) {
	young := l.young.Load()
	if l.eager && !young {
		l.eager = false
		time.Sleep(settling)
	}
	n, err := l.Conn.Read(b)
	if young {
		if len(l.greeting) < greetingBytes {
			l.greeting = append(l.greeting, b[:n]...)
		}
		if err != nil {
			l.failed(l.server, err)
		}
	}
	if err != nil {
		l.Close() // a writer that is stuck would go on for seconds
	}
	return n, err
}

// Write sends one packet: the library never writes less or more.
func (l *line) Write(b []byte) (int, error) {
	if l.young.Load() || len(b) < packetHeader {
		return l.Conn.Write(b)
	}
	switch kind := int32(binary.BigEndian.Uint32(b[8:])); {
	case kind == kindAuth:
		if _, err := l.Conn.Write(b); err != nil {
			l.Close()
		}
		return len(b), nil
	case !l.holding.Load() || kind == kindPing || kind == kindClose:
		return l.Conn.Write(b)
	case kind == kindSetWatches:
		l.holding.Store(false)
		_, err := l.Conn.Write(append(append(make([]byte, 0, len(b)+len(l.held)), b...), l.held...))
		l.held = nil
		l.ready()
		return len(b), err
	default:
		l.held = append(l.held, b...)
		return len(b), nil
	}
}

// Close may be called by anyone, again and again.
func (l *line) Close() error {
	l.dead.Store(true)
	if c, ok := l.Conn.(interface{ NetConn() net.Conn }); ok {
		return c.NetConn().Close() // tls would try to say goodbye first, for five seconds
	}
	return l.Conn.Close()
}
