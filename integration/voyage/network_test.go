package voyage_test

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"time"
)

// A network is all that one process has of the way to ZooKeeper. It carries
// whole packets, late by a moment, and loses, holds and breaks what the seed
// says.
type network struct {
	w    *world
	name string
	edit editor // what a wrong variant changes on the way; nil for nothing
	wg   sync.WaitGroup
	gone chan struct{} // closed when nothing is carried ever again

	mu     sync.Mutex    // guards the fields below
	out    *rand.Rand    // the dice of requests
	in     *rand.Rand    // and of answers
	held   chan struct{} // closed when packets go on; nil while they do
	deaf   bool          // what watches tell is lost
	broken bool          // the process is gone
	gentle bool          // nothing is lost here
	links  map[*link]struct{}
}

var errNoRoute = errors.New("no route to host")

func newNetwork(w *world, name string, edit editor) *network {
	return &network{
		w: w, name: name, edit: edit, out: w.draw(), in: w.draw(), gone: make(chan struct{}), links: make(map[*link]struct{}),
	}
}

// dial connects to the server that runs. Through a network that is cut off
// nothing comes back, not even a refusal.
func (n *network) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	n.mu.Lock()
	held := n.held
	n.mu.Unlock()
	if held != nil {
		select {
		case <-held:
		case <-n.gone:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	server := n.w.running()
	if server == nil {
		return nil, errors.New("connection refused")
	}
	far, err := server.Dial(ctx)
	if err != nil {
		return nil, err
	}
	near, mine := net.Pipe()
	l := &link{network: n, near: near, far: far, closed: make(chan struct{})}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.broken {
		_, _ = near.Close(), far.Close()
		return nil, errNoRoute
	}
	n.links[l] = struct{}{}
	n.wg.Go(func() { l.carry(near, far, l.request) })
	n.wg.Go(func() { l.carry(far, near, l.reply) })
	return mine, nil
}

// calmly returns dial for a process whose packets are never lost.
func (n *network) calmly() func(context.Context, string, string) (net.Conn, error) {
	n.gentle = true
	return n.dial
}

// hold keeps every packet where it is: nobody is told of anything.
func (n *network) hold() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.held == nil {
		n.held = make(chan struct{})
	}
}

// heal lets the packets go on that were held, or, with reset, breaks the
// connections that they are on.
func (n *network) heal(reset bool) {
	if reset {
		n.drop()
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.held != nil && !n.broken {
		close(n.held)
		n.held = nil
	}
}

// drop breaks all connections, and says how many.
func (n *network) drop() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	for l := range n.links {
		l.close()
	}
	return len(n.links)
}

// lose loses what watches tell, or no more.
func (n *network) lose(events bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.deaf = events
}

// kill is the end of the process: its machine is silent from now on, or, with
// reset, its connections are closed by the system.
func (n *network) kill(reset bool) {
	n.hold()
	n.mu.Lock()
	defer n.mu.Unlock()
	n.broken = true
	for l := range n.links {
		if reset {
			l.close()
		}
	}
}

// end waits for all that the network has started.
func (n *network) end() {
	n.kill(true)
	n.mu.Lock()
	select {
	case <-n.gone:
	default:
		close(n.gone)
	}
	n.mu.Unlock()
	n.wg.Wait()
}

// passable waits until packets go on, and says whether they ever will.
func (n *network) passable(l *link) bool {
	for {
		n.mu.Lock()
		held := n.held
		n.mu.Unlock()
		if held == nil {
			return true
		}
		select {
		case <-held:
		case <-n.gone:
			return false
		case <-l.closed:
			return false
		}
	}
}

// A link is one connection.
type link struct {
	*network
	near, far net.Conn // to the process, to the server
	closed    chan struct{}
	once      sync.Once

	// Guarded by network.mu:
	greeted bool  // the first request, which has no number, has passed
	lost    int32 // number of the request whose answer is lost; 0 for none
	mute    bool  // nothing passes any more, and nobody is told
}

func (l *link) close() {
	l.once.Do(func() {
		close(l.closed)
		_, _ = l.near.Close(), l.far.Close()
	})
}

// A fate is what becomes of a packet.
type fate struct {
	late  time.Duration
	lost  bool // it is not carried on
	after bool // with the packet, or instead of it, the connection breaks
}

// A packet is on its way.
type packet struct {
	body []byte
	bare bool // without its length: one of the words of four letters, or its answer
	due  time.Time
	fate
}

// carry carries packets one way until the connection ends. What was sent before
// arrives before.
func (l *link) carry(from, to net.Conn, judge func([]byte) ([]byte, fate)) {
	packets := make(chan packet, 4096) // more than anybody sends without an answer
	var reader sync.WaitGroup
	defer reader.Wait()
	defer l.forget()
	defer l.close()
	reader.Go(func() {
		defer close(packets)
		for {
			p, err := readPacket(from, from == l.far)
			if err != nil {
				return
			}
			p.body, p.fate = judge(p.body)
			p.due = time.Now().Add(p.late)
			select {
			case packets <- p:
			case <-l.closed:
				return
			}
		}
	})
	for p := range packets {
		time.Sleep(time.Until(p.due))
		if !l.passable(l) {
			return
		}
		if !p.lost && writePacket(to, p) != nil {
			return
		}
		if p.after {
			return
		}
	}
}

func (l *link) forget() {
	l.network.mu.Lock()
	defer l.network.mu.Unlock()
	delete(l.links, l)
}

// request judges what the process sends.
func (l *link) request(body []byte) ([]byte, fate) {
	if l.edit != nil {
		body = l.edit(true, body)
	}
	n := l.network
	n.mu.Lock()
	defer n.mu.Unlock()
	f := fate{late: lateness(n.out)}
	number, ping := numberOf(body), false
	if !l.greeted {
		l.greeted, ping = true, true
	}
	if number < 0 || ping || n.gentle {
		f.lost = l.mute
		return body, f
	}
	switch dice := n.out.IntN(1000); {
	case n.w.baits(body) && dice < 700:
		f.late = time.Duration(300+dice) * time.Millisecond
	case !n.w.stormy():
	case dice < 6:
		f.lost, f.after = true, true
		n.w.count("request lost")
	case dice < 12:
		l.lost = number
		n.w.count("reply lost")
	case dice < 14:
		l.mute = true
		n.w.count("connection mute")
	case dice < 30:
		f.late = time.Duration(n.out.IntN(3000)) * time.Millisecond
		n.w.count("request late")
	}
	f.lost = f.lost || l.mute
	return body, f
}

// reply judges what the server says.
func (l *link) reply(body []byte) ([]byte, fate) {
	if l.edit != nil {
		body = l.edit(false, body)
	}
	n := l.network
	n.mu.Lock()
	defer n.mu.Unlock()
	f := fate{late: lateness(n.in), lost: l.mute}
	const event = -1
	switch number := numberOf(body); {
	case l.lost != 0 && number == l.lost:
		f.lost, f.after = true, true
	case number == event && (n.deaf || !n.gentle && n.w.stormy() && n.in.IntN(10) == 0):
		f.lost = true
		n.w.count("watch event lost")
	}
	return body, f
}

// lateness is how long a packet takes.
func lateness(dice *rand.Rand) time.Duration {
	return time.Duration(200+dice.IntN(3000)) * time.Microsecond
}

// numberOf returns the number that requests and answers bear; of the first
// packet of a connection it is something else.
func numberOf(body []byte) int32 {
	if len(body) < 4 {
		return 0
	}
	return int32(binary.BigEndian.Uint32(body))
}

// readPacket reads a packet. What begins with letters is none: an answer to such
// a word has no length either, and goes on until the server hangs up.
func readPacket(from io.Reader, answer bool) (packet, error) {
	head := make([]byte, 4)
	if _, err := io.ReadFull(from, head); err != nil {
		return packet{}, err
	}
	size := binary.BigEndian.Uint32(head)
	switch {
	case size < 16<<20:
		body := make([]byte, size)
		_, err := io.ReadFull(from, body)
		return packet{body: body}, err
	case answer:
		rest, err := io.ReadAll(from)
		return packet{body: append(head, rest...), bare: true}, err
	default:
		return packet{body: head, bare: true}, nil
	}
}

func writePacket(to io.Writer, p packet) error {
	whole := p.body
	if !p.bare {
		whole = append(binary.BigEndian.AppendUint32(nil, uint32(len(p.body))), p.body...)
	}
	_, err := to.Write(whole)
	return err
}
