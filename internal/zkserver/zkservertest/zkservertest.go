// Package zkservertest starts the embedded server for a test and connects
// go-zookeeper's client to it, by pipe or by TCP. All ends with the test.
//
//	synctest.Test(t, func(t *testing.T) {
//		server := zkservertest.Start(t, zkserver.Config{}) // pipes: virtual time
//		client := zkservertest.Connect(t, server, 10*time.Second)
//		…
//	})
package zkservertest

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/go-zookeeper/zk"

	"github.com/musterhq/muster/internal/zkserver"
)

// Start runs a server until the test ends.
func Start(t testing.TB, cfg zkserver.Config) *zkserver.Server {
	t.Helper()
	s, err := zkserver.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := s.Run(context.Background()); err != nil {
			t.Errorf("server: %v", err)
		}
	})
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close server: %v", err)
		}
		wg.Wait()
	})
	return s
}

// Connect connects a client by pipe and returns when it has a session. It is
// closed with the test.
func Connect(t testing.TB, s *zkserver.Server, timeout time.Duration) *zk.Conn {
	t.Helper()
	c, events, err := zk.Connect([]string{"127.0.0.1:1"}, timeout, zk.WithDialer(Dialer(s)), zk.WithLogger(silent{}))
	return ready(t, c, events, err)
}

// ConnectTCP connects a client to host:port addresses and returns when it has a
// session. It is closed with the test.
func ConnectTCP(t testing.TB, servers []string, timeout time.Duration) *zk.Conn {
	t.Helper()
	c, events, err := zk.Connect(servers, timeout, zk.WithLogger(silent{}))
	return ready(t, c, events, err)
}

// ready waits for the session. The client's later events go unread, which it
// does not mind.
func ready(t testing.TB, c *zk.Conn, events <-chan zk.Event, err error) *zk.Conn {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Close()
		for range events { // until the client's goroutines are done
		}
	})
	timeout := time.After(30 * time.Second)
	for {
		select {
		case ev := <-events:
			if ev.State == zk.StateHasSession {
				return c
			}
		case <-timeout:
			t.Fatal("no session within 30 s")
		}
	}
}

// Dialer dials a server by pipe, whatever the address.
func Dialer(s *zkserver.Server) zk.Dialer {
	return func(_, _ string, timeout time.Duration) (net.Conn, error) {
		ctx, cancel := context.WithTimeout(context.Background(), timeout)
		defer cancel()
		return s.Dial(ctx)
	}
}

type silent struct{}

func (silent) Printf(string, ...any) {}
