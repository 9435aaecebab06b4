package integration_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/musterhq/muster/internal/ensemble"
	"github.com/musterhq/muster/internal/zkserver"
)

// A backend is what speaks ZooKeeper's protocol in a story.
type backend struct {
	name  string
	serve func(t testing.TB) (servers []string) // until the test ends
}

func backends() []backend { return []backend{embedded(), genuine()} }

// embedded is our own server, in this process.
func embedded() backend { return backend{"embedded", serveEmbedded} }

// genuine is a real ZooKeeper, an ensemble of three.
func genuine() backend {
	return backend{"ensemble", func(t testing.TB) []string { return ensemble.Shared(t).Servers() }}
}

// tick is the unit of session timeouts on both backends.
const tick = 500 * time.Millisecond

// serveEmbedded runs an embedded server on a port of its own.
func serveEmbedded(t testing.TB) []string {
	t.Helper()
	s, err := zkserver.New(zkserver.Config{Addr: "127.0.0.1:0", TickTime: tick, MaxSessionTimeout: time.Minute, Logger: t.Logf})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := s.Run(context.Background()); err != nil {
			t.Errorf("embedded server: %v", err)
		}
	})
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close embedded server: %v", err)
		}
		wg.Wait()
	})
	return []string{s.Addr()}
}

// onEach plays a story on every backend, each with a fleet of its own.
func onEach(t *testing.T, story func(f *fleet)) {
	t.Helper()
	t.Parallel()
	for _, b := range backends() {
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			story(newFleet(t, b, brisk()))
		})
	}
}
