package zkconformance

import (
	"bufio"
	"encoding/binary"
	"io"
	"net"
	"time"

	"github.com/musterhq/muster/internal/zkserver/jute"
)

// peer is a client that speaks packet by packet. Whatever arrives is noted in
// the order of its arrival.
type peer struct {
	s        *script
	name     string
	nc       net.Conn
	in       *bufio.Reader
	xid      int32
	session  int64
	password []byte
	zxid     int64 // the last one seen
	quiet    bool  // notes nothing
}

// attach is what a connect request says.
type attach struct {
	zxid     int64
	timeout  int32
	session  int64
	password []byte
	modern   bool // sends the read-only flag
}

// peer connects a client with a session of 10 s.
func (s *script) peer(name string) *peer {
	s.t.Helper()
	p := s.dial(name)
	p.connect(attach{timeout: 10_000, password: make([]byte, 16)})
	if p.session == 0 {
		s.t.Fatalf("%s got no session", name)
	}
	s.names[p.session] = name
	return p
}

// dial connects a client without a session.
func (s *script) dial(name string) *peer {
	s.t.Helper()
	nc, err := net.DialTimeout("tcp", s.servers[0], patience)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { nc.Close() })
	return &peer{s: s, name: name, nc: nc, in: bufio.NewReader(nc)}
}

func (p *peer) note(format string, args ...any) {
	if !p.quiet {
		p.s.note(p.name+" "+format, args...)
	}
}

// connect sends the first packet and takes the answer; it reports whether there
// was one, and returns the timeout and how many bytes follow the known fields.
func (p *peer) connect(a attach) (answered bool, timeout int32, extra int) {
	p.s.t.Helper()
	p.write(func(w *jute.Writer) {
		w.Int32(0)
		w.Int64(a.zxid)
		w.Int32(a.timeout)
		w.Int64(a.session)
		w.Bytes(a.password)
		if a.modern {
			w.Bool(false)
		}
	})
	r := p.read()
	if r == nil {
		return false, 0, 0
	}
	r.Int32()
	timeout, p.session, p.password = r.Int32(), r.Int64(), r.Bytes()
	return true, timeout, r.Len()
}

// again connects another client that wants this one's session.
func (p *peer) again(name string, zxid int64) *peer {
	n := p.s.dial(name)
	n.connect(attach{timeout: 10_000, session: p.session, password: p.password, zxid: zxid})
	return n
}

// write sends a packet.
func (p *peer) write(body func(*jute.Writer)) {
	p.s.t.Helper()
	w := jute.NewWriter(make([]byte, 4))
	body(w)
	binary.BigEndian.PutUint32(w.Data(), uint32(len(w.Data())-4))
	p.raw(w.Data())
}

func (p *peer) raw(b []byte) {
	p.nc.SetWriteDeadline(time.Now().Add(patience))
	p.nc.Write(b) // a server that has closed is noticed when reading
}

// read takes a packet; nil means that the connection is closed.
func (p *peer) read() *jute.Reader {
	p.s.t.Helper()
	p.nc.SetReadDeadline(time.Now().Add(patience))
	var head [4]byte
	_, err := io.ReadFull(p.in, head[:])
	body := make([]byte, binary.BigEndian.Uint32(head[:]))
	if err == nil {
		_, err = io.ReadFull(p.in, body)
	}
	if ne, ok := err.(net.Error); ok && ne.Timeout() {
		p.s.t.Fatalf("%s: nothing came within %v; so far:\n%s", p.name, patience, p.s.transcript())
	}
	if err != nil {
		return nil
	}
	return jute.NewReader(body)
}

// send sends a request and returns its xid.
func (p *peer) send(op int32, body func(*jute.Writer)) int32 {
	p.s.t.Helper()
	p.xid++
	xid := p.xid
	if op == opPing {
		xid = -2
	}
	p.write(func(w *jute.Writer) {
		w.Int32(xid)
		w.Int32(op)
		if body != nil {
			body(w)
		}
	})
	return xid
}

// answer is the head of a packet from the server.
type answer struct {
	xid  int32
	code int32
	body *jute.Reader // nil if the connection is closed
}

// next takes a packet and notes it if it is an event.
func (p *peer) next() answer {
	p.s.t.Helper()
	r := p.read()
	if r == nil {
		return answer{}
	}
	a := answer{xid: r.Int32()}
	if zxid := r.Int64(); zxid > 0 {
		p.zxid = zxid
	}
	a.code, a.body = r.Int32(), r
	if a.xid == -1 {
		typ, state, path := r.Int32(), r.Int32(), r.String()
		if state == 3 {
			p.note("<- event %s %s", showEvent(typ), path)
		} else {
			p.note("<- event %s %s in state %d", showEvent(typ), path, state)
		}
	}
	return a
}

// call sends a request and takes packets until its answer.
func (p *peer) call(op int32, body func(*jute.Writer)) answer {
	p.s.t.Helper()
	xid := p.send(op, body)
	for {
		a := p.next()
		if a.body == nil || a.xid == xid {
			return a
		}
		if a.xid != -1 {
			p.s.t.Fatalf("%s: answer to %d, want %d", p.name, a.xid, xid)
		}
	}
}

// event waits for one event.
func (p *peer) event() {
	p.s.t.Helper()
	if a := p.next(); a.body == nil || a.xid != -1 {
		p.note("<- no event, but %+v", a)
	}
}

// gone waits until the server closes the connection.
func (p *peer) gone() {
	p.s.t.Helper()
	for {
		a := p.next()
		if a.body == nil {
			p.note("is disconnected")
			return
		}
		if a.xid != -1 {
			p.note("<- %d: %s", a.xid, showCode(a.code))
		}
	}
}
