package integration_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
)

// A line is the network between one process and ZooKeeper. It can be cut for
// good, as when the process dies without a word, or be held up and let go on,
// as when the process or a switch is stopped.
type line struct {
	mu    sync.Mutex // guards the fields below
	cut   bool
	blind bool          // what watches tell is lost
	open  chan struct{} // closed while data flows
	heard chan struct{} // closed while answers arrive
	conns map[net.Conn]struct{}
	every int // the transaction at which a connection breaks; 0 for none
	count int // of transactions

	catches []*caught
}

var errCut = errors.New("the line is cut")

func newLine() *line {
	l := &line{open: make(chan struct{}), heard: make(chan struct{}), conns: make(map[net.Conn]struct{})}
	close(l.open)
	close(l.heard)
	return l
}

// Dial connects over the line.
func (l *line) Dial(ctx context.Context, network, addr string) (net.Conn, error) {
	if err := l.flow(); err != nil {
		return nil, err
	}
	conn, err := new(net.Dialer).DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cut {
		conn.Close()
		return nil, errCut
	}
	l.conns[conn] = struct{}{}
	return &lineConn{Conn: conn, line: l}, nil
}

// Cut ends all connections without a goodbye, and lets none come after them.
func (l *line) Cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut = true
	for conn := range l.conns {
		conn.Close()
	}
}

// Heal lets connections be made again.
func (l *line) Heal() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut = false
}

// Hold stops the flow: what is written and read waits. The other end notices
// nothing but silence. Release lets all of it go on.
func (l *line) Hold() (release func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	open := make(chan struct{})
	l.open = open
	return sync.OnceFunc(func() { close(open) })
}

// Deafen lets all that is sent arrive, and holds up what is answered.
func (l *line) Deafen() (release func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	heard := make(chan struct{})
	l.heard = heard
	return sync.OnceFunc(func() { close(heard) })
}

// LoseEvents loses what watches tell, from now on.
func (l *line) LoseEvents() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.blind = true
}

// Break has the connection break at every nth transaction from now on: by turns
// before it is sent, and before its reply comes. 0 is for never.
func (l *line) Break(nth int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.every = nth
}

// A caught is a transaction that waits on a line, or at which it breaks.
type caught struct {
	text          string // it has this in it
	once          atomic.Bool
	there, goOn   chan struct{}
	before, after bool // the connection breaks
}

// catchOn holds up the next transaction on any of the lines that has a text in
// it, and all that comes behind it: there is closed when it has come, and release
// lets it go on.
func catchOn(text string, lines ...*line) (there <-chan struct{}, release func()) {
	c := &caught{text: text, there: make(chan struct{}), goOn: make(chan struct{})}
	for _, l := range lines {
		l.mu.Lock()
		l.catches = append(l.catches, c)
		l.mu.Unlock()
	}
	return c.there, sync.OnceFunc(func() { close(c.goOn) })
}

// breakAt has the connection break, once, at a transaction that has a text in it:
// before it is sent, or before its reply comes.
func (l *line) breakAt(text string, replyLost bool) (broken <-chan struct{}) {
	c := &caught{text: text, there: make(chan struct{}), goOn: make(chan struct{}), before: !replyLost, after: replyLost}
	close(c.goOn)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.catches = append(l.catches, c)
	return c.there
}

// caughtLocked gives the catch that a transaction is for, or nil.
func (l *line) caughtLocked(request []byte) *caught {
	for _, c := range l.catches {
		if bytes.Contains(request, []byte(c.text)) && c.once.CompareAndSwap(false, true) {
			return c
		}
	}
	return nil
}

// fate waits while a request is held up, and tells whether the connection breaks
// before it, or after.
func (l *line) fate(request []byte) (before, after bool) {
	const opAt, multi = 8, 14 // behind the length and the request's number
	if len(request) < opAt+4 || binary.BigEndian.Uint32(request[opAt:]) != multi {
		return false, false
	}
	l.mu.Lock()
	c := l.caughtLocked(request)
	l.count++
	if l.every > 0 && l.count%l.every == 0 {
		before = l.count/l.every%2 == 1
		after = !before
	}
	l.mu.Unlock()
	if c != nil {
		close(c.there)
		<-c.goOn
		before, after = before || c.before, after || c.after
	}
	return before, after
}

// flow waits while the line is held.
func (l *line) flow() error {
	l.mu.Lock()
	open := l.open
	l.mu.Unlock()
	<-open
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cut {
		return errCut
	}
	return nil
}

// A lineConn is one connection over a line.
type lineConn struct {
	net.Conn
	line   *line
	words  atomic.Bool // it is for one of the four-letter words, and has no packets
	packet []byte      // what is left of the last one that was read
}

func (c *lineConn) Write(p []byte) (int, error) {
	if err := c.line.flow(); err != nil {
		return 0, err
	}
	if len(p) == 4 {
		c.words.Store(true)
	}
	before, after := c.line.fate(p)
	if before {
		c.Conn.Close()
		return 0, errCut
	}
	n, err := c.Conn.Write(p)
	if after {
		c.Conn.(*net.TCPConn).CloseRead() // the request goes out, and nobody hears of its reply
	}
	return n, err
}

// Read holds back what has arrived, too. It gives whole packets, piece by piece,
// as they are asked for.
func (c *lineConn) Read(p []byte) (int, error) {
	if c.words.Load() {
		return c.Conn.Read(p)
	}
	for len(c.packet) == 0 {
		packet, err := c.next()
		if held := c.line.flow(); held != nil {
			return 0, held
		}
		if err != nil {
			return 0, err
		}
		if !c.line.loses(packet) {
			c.packet = packet
		}
	}
	n := copy(p, c.packet)
	c.packet = c.packet[n:]
	return n, nil
}

// next reads one packet, with its length in front.
func (c *lineConn) next() ([]byte, error) {
	var length [4]byte
	if _, err := io.ReadFull(c.Conn, length[:]); err != nil {
		return nil, err
	}
	packet := append(length[:], make([]byte, binary.BigEndian.Uint32(length[:]))...)
	_, err := io.ReadFull(c.Conn, packet[len(length):])
	c.line.mu.Lock()
	heard := c.line.heard
	c.line.mu.Unlock()
	<-heard
	return packet, err
}

// loses reports whether a packet is lost: what a watch tells bears the number -1.
func (l *line) loses(packet []byte) bool {
	const notification = 0xffffffff
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.blind && len(packet) >= 8 && binary.BigEndian.Uint32(packet[4:]) == notification
}

func (c *lineConn) Close() error {
	c.line.mu.Lock()
	delete(c.line.conns, c.Conn)
	c.line.mu.Unlock()
	return c.Conn.Close()
}
