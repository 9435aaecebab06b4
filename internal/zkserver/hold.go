package zkserver

import (
	"bytes"
	"sync"
)

// hold keeps what a silenced client sends until it is heard again.
type hold struct {
	mu      sync.Mutex // guards packets, and is held while one is handled
	packets []waiting
}

type waiting struct {
	packet []byte
	handle handler
}

// client describes the connection to faults.
func (c *conn) client() Client {
	return Client{Session: c.claim.Load(), Addr: c.nc.RemoteAddr().String()}
}

// serve handles a packet, or keeps it while the connection is silenced.
func (c *conn) serve(packet []byte, handle handler) (more bool, err error) {
	c.hold.mu.Lock()
	defer c.hold.mu.Unlock()
	if c.mute.Load() {
		return true, nil
	}
	if c.srv.faults.silent(c) {
		c.out.hold(true)
		c.hold.packets = append(c.hold.packets, waiting{bytes.Clone(packet), handle})
		return true, nil
	}
	if more, err = c.catchUp(); more && err == nil {
		more, err = handle(packet)
	}
	return more, err
}

// catchUp handles what was kept. The caller holds c.hold.mu.
func (c *conn) catchUp() (more bool, err error) {
	more = true
	for len(c.hold.packets) > 0 && more && err == nil {
		w := c.hold.packets[0]
		c.hold.packets = c.hold.packets[1:]
		more, err = w.handle(w.packet)
	}
	return more, err
}

// resume goes on if the connection is not silenced any more.
func (c *conn) resume() {
	c.hold.mu.Lock()
	defer c.hold.mu.Unlock()
	if c.srv.faults.silent(c) {
		return
	}
	c.out.hold(false)
	more, err := c.catchUp()
	if err == nil {
		err = c.ended(more)
	}
	switch {
	case err != nil:
		c.drop()
	case !more:
		c.out.finish()
	}
}
