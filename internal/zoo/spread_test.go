package zoo_test

import (
	"context"
	"net"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/musterhq/muster/internal/zoo"
)

// Whom a server drops at one moment do not fall upon the next one at one moment:
// they come back within an eighth of their sessions' timeout, evenly.
func TestDroppedConnectionsAreReplacedOneAfterTheOther(t *testing.T) {
	t.Parallel()
	bubble(t, func(w *world) {
		const n, most, within = 200, time.Second, 100 * time.Millisecond
		var mu sync.Mutex
		var tries []time.Time
		cfg := w.config()
		cfg.SessionTimeout, cfg.MaxRequest, cfg.MaxReply = 8*most, 1<<10, 1<<10
		cfg.Dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
			mu.Lock()
			tries = append(tries, time.Now())
			mu.Unlock()
			return w.dial(ctx, network, addr)
		}
		var sessions []*zoo.Session
		for range n {
			sessions = append(sessions, w.session(cfg))
		}
		mu.Lock()
		tries = nil
		mu.Unlock()
		dropped := time.Now()
		w.Faults().DropConnections(nil)
		time.Sleep(4 * most) // half of the timeout: none has expired
		synctest.Wait()

		for _, s := range sessions {
			if !s.Connected() {
				t.Fatal("a session is not connected again")
			}
		}
		mu.Lock()
		defer mu.Unlock()
		slices.SortFunc(tries, time.Time.Compare)
		if nth := tries[n*9/10].Sub(dropped); nth > most || len(tries) > n+n/10 {
			t.Errorf("%d tries, nine tenths of them after %v; want %d within %v", len(tries), nth, n, most)
		}
		for i, first := range tries { // 20 are expected, and 60 nine standard deviations more
			if j := i + 60; j < len(tries) && tries[j].Sub(first) < within {
				t.Fatalf("more than 60 of %d tries within %v", n, within)
			}
		}
	})
}
