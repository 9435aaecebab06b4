package main

import (
	"bytes"
	"context"
	"net"
)

// dialGateless connects to ZooKeeper and reads every gate as open, so that
// instances walk in where they must not. It is how a run shows that its checker
// sees what the gate prevents; the code under test is not touched.
func dialGateless(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &gateless{Conn: conn}, nil
}

// A gateless connection replaces words in what is read; of the same length, for
// the protocol counts bytes.
type gateless struct {
	net.Conn
	held []byte // read, and to be given out: a word's beginning, or what did not fit
	err  error
}

// Read implements [net.Conn]. What may be the beginning of the word is held back
// until it is known.
func (g *gateless) Read(p []byte) (int, error) {
	closed, open := []byte(`"gate":"closed"`), []byte(`"gate":"open"  `)
	for {
		g.held = bytes.ReplaceAll(g.held, closed, open)
		if n := len(g.held) - pending(g.held, closed); n > 0 || g.err != nil {
			if g.err != nil {
				n = len(g.held)
			}
			n = copy(p, g.held[:n])
			g.held = g.held[n:]
			if n == 0 {
				return 0, g.err
			}
			return n, nil
		}
		chunk := make([]byte, 4<<10)
		var n int
		n, g.err = g.Conn.Read(chunk)
		g.held = append(g.held, chunk[:n]...)
	}
}

// pending is the length of the longest end of text that may be the beginning of
// the word.
func pending(text, word []byte) int {
	for n := min(len(word)-1, len(text)); n > 0; n-- {
		if bytes.HasPrefix(word, text[len(text)-n:]) {
			return n
		}
	}
	return 0
}
