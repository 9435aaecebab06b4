package store_test

import (
	"context"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/musterhq/muster/internal/store"
	"github.com/musterhq/muster/internal/store/storetest"
	"github.com/musterhq/muster/internal/zkserver"
	"github.com/musterhq/muster/internal/zoo"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestContract runs the contract on the embedded server, over in-memory pipes.
func TestContract(t *testing.T) {
	server := serve(t)
	var serial atomic.Int64
	storetest.Run(t, func(testing.TB) storetest.Site {
		return storetest.Site{
			Root: fmt.Sprintf("/root%d", serial.Add(1)),
			Open: func(t testing.TB) (store.Tree, func()) {
				s := dial(t, server)
				return s, func() {
					if err := s.Close(); err != nil {
						t.Errorf("end session: %v", err)
					}
				}
			},
		}
	})
}

// serve runs an embedded server until the test ends.
func serve(t testing.TB) *zkserver.Server {
	t.Helper()
	server, err := zkserver.New(zkserver.Config{})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := server.Run(context.Background()); err != nil {
			t.Errorf("server: %v", err)
		}
	})
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Errorf("close server: %v", err)
		}
		wg.Wait()
	})
	return server
}

// dial opens a session until the test ends.
func dial(t testing.TB, server *zkserver.Server) *zoo.Session {
	t.Helper()
	s, err := zoo.Dial(t.Context(), zoo.Config{
		Servers:        []string{"embedded:2181"},
		SessionTimeout: 30 * time.Second,
		Dial:           func(ctx context.Context, _, _ string) (net.Conn, error) { return server.Dial(ctx) },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close session: %v", err)
		}
	})
	return s
}
