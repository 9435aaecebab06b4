package zkserver

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/musterhq/muster/internal/zkserver/tree"
)

// conn is one client's connection: a goroutine that reads and answers, and one
// that writes.
type conn struct {
	srv   *Server
	nc    net.Conn
	out   *queue
	since time.Time
	in    *bufio.Reader // of the reading goroutine

	received, sent atomic.Int64 // packets

	session *session  // guarded by Server.mu; nil until attached
	ids     []tree.ID // guarded by Server.mu; replaced, never changed

	claim atomic.Int64 // the session it has or asks for
	mute  atomic.Bool  // nothing is done or said any more
	hold  hold
}

func newConn(s *Server, nc net.Conn) *conn {
	return &conn{
		srv: s, nc: nc, out: newQueue(s.cfg.MaxQueue), since: time.Now(),
		in:  bufio.NewReaderSize(nc, 1024),
		ids: []tree.ID{{Scheme: "ip", ID: remoteIP(nc)}},
	}
}

// remoteIP returns the client's address; in-memory pipes are local.
func remoteIP(nc net.Conn) string {
	host, _, err := net.SplitHostPort(nc.RemoteAddr().String())
	if err != nil {
		return "127.0.0.1"
	}
	return host
}

// run serves the connection and returns when both its goroutines are done.
func (c *conn) run() {
	var writer sync.WaitGroup
	writer.Go(c.write)
	if err := c.read(); err == nil {
		c.nc.SetWriteDeadline(time.Now().Add(5 * time.Second)) // it may not read its last answer
		c.out.finish()
	} else {
		if !errors.Is(err, io.EOF) && !errors.Is(err, net.ErrClosed) && !errors.Is(err, io.ErrClosedPipe) {
			c.srv.cfg.Logger("zkserver: %s: %v", c.nc.RemoteAddr(), err)
		}
		c.drop()
	}
	c.srv.detach(c)
	writer.Wait()
	c.drop()
}

// drop closes the connection at once; what waits to be written is lost. It does
// not block and may be called under any lock.
func (c *conn) drop() {
	c.out.abort()
	c.nc.Close() // also ends read
}

// send queues a packet. A client that lets too many pile up is dropped.
func (c *conn) send(f frame) {
	if c.mute.Load() {
		return
	}
	if !c.out.push(f) {
		c.srv.cfg.Logger("zkserver: %s does not read: dropped", c.nc.RemoteAddr())
		c.drop()
	}
}

// write sends what is queued, as much at once as there is.
func (c *conn) write() {
	var frames []frame
	var buf []byte
	for {
		frames = c.out.take(frames)
		if frames == nil {
			c.nc.Close() // so that read ends as well
			return
		}
		buf = buf[:0]
		zxid := int64(0)
		for i, f := range frames {
			buf = append(buf, f.data...)
			zxid = max(zxid, f.zxid)
			frames[i] = frame{}
		}
		if c.srv.durable(zxid) != nil {
			c.drop()
			return
		}
		c.sent.Add(int64(len(frames)))
		c.srv.stats.sent.Add(int64(len(frames)))
		if _, err := c.nc.Write(buf); err != nil {
			c.drop()
			return
		}
		if cap(buf) > 1<<20 {
			buf = nil
		}
	}
}

// read serves requests until the client is done (nil) or the connection is.
func (c *conn) read() error {
	c.nc.SetReadDeadline(time.Now().Add(c.srv.cfg.MaxSessionTimeout)) // who says nothing is not waited for
	word, err := c.in.Peek(4)
	if err != nil {
		return err
	}
	if c.srv.fourLetters(string(word)) != "" {
		more, err := c.serve(word, c.say)
		if more && err == nil { // silenced: whoever asks waits, and nothing else that it says counts
			if _, err = io.Copy(io.Discard, c.in); err == nil {
				err = io.EOF // whoever asked has gone
			}
		}
		return err
	}
	frame, err := c.readFrame(nil)
	if err != nil {
		return err
	}
	c.nc.SetReadDeadline(time.Time{}) // from here on the session's timeout counts
	c.claim.Store(claimed(frame))
	more, err := c.serve(frame, c.connect)
	for more && err == nil {
		c.out.room()
		if frame, err = c.readFrame(frame); err == nil {
			began := time.Now()
			more, err = c.serve(frame, c.request)
			c.srv.stats.took(time.Since(began))
		}
	}
	return err
}

// say answers a four-letter word, and then hangs up.
func (c *conn) say(word []byte) (more bool, err error) {
	c.send(frame{data: []byte(c.srv.fourLetters(string(word)))})
	return false, nil
}

// readFrame reads a packet into buf, or into a larger one.
func (c *conn) readFrame(buf []byte) ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(c.in, head[:]); err != nil {
		return nil, err
	}
	n := int(int32(binary.BigEndian.Uint32(head[:])))
	if n < 0 || n > c.srv.cfg.MaxRequest {
		return nil, fmt.Errorf("a request of %d bytes (allowed: %d)", n, c.srv.cfg.MaxRequest)
	}
	if cap(buf) < n || cap(buf) > 64<<10 {
		buf = make([]byte, n)
	}
	if _, err := io.ReadFull(c.in, buf[:n]); err != nil {
		return nil, err
	}
	c.received.Add(1)
	c.srv.stats.received.Add(1)
	return buf[:n], nil
}

// detach forgets a connection whose reader has ended.
func (s *Server) detach(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
	s.watches.forget(c)
	if c.session != nil && c.session.conn == c {
		c.session.conn = nil
	}
}
