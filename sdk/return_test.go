package sdk_test

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/musterhq/muster/internal/zkserver"
	"github.com/musterhq/muster/internal/zkserver/tree"
	"github.com/musterhq/muster/internal/zkserver/zkservertest"
	"github.com/musterhq/muster/sdk"
)

// A fleet whose sessions expire at one moment comes back within its leases, and
// not at one moment.
func TestExpiredFleetReturnsOneAfterTheOther(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const n, within = 100, 100 * time.Millisecond
		var mu sync.Mutex
		var opened []time.Time
		var fenced atomic.Int32
		server := zkservertest.Start(t, zkserver.Config{Observer: func(txn tree.Txn) {
			if txn.Ops[0].Kind == tree.OpenSession {
				mu.Lock()
				opened = append(opened, time.Now())
				mu.Unlock()
			}
		}})
		for i := range n {
			c, err := sdk.Open(t.Context(), sdk.Config{
				Service: "checkout", ID: fmt.Sprintf("c%d", i), Version: "2.0.0", Servers: []string{"zk:2181"}, Dial: new(network).dial(server),
				Events: func(e sdk.Event) {
					if e.Kind == sdk.EventFenced {
						fenced.Add(1)
					}
				},
			})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { c.Close() })
		}
		mu.Lock()
		opened = nil
		mu.Unlock()
		expired := time.Now()
		for _, id := range server.Faults().Sessions() {
			server.Faults().ExpireSession(id)
		}
		const most = (8*time.Second)/8 + (8*time.Second)/4 + 20*within // to hear of it, to wait, and to begin again, if not at the first try
		time.Sleep(most)
		synctest.Wait()

		mu.Lock()
		defer mu.Unlock()
		slices.SortFunc(opened, time.Time.Compare)
		if len(opened) != n {
			t.Fatalf("%d of %d are back after %v", len(opened), n, most)
		}
		if n := fenced.Load(); n > 0 {
			t.Errorf("%d instances were fenced, although they are back within their leases", n)
		}
		for i, first := range opened { // about 5 are expected
			if j := i + 30; j < n && opened[j].Sub(first) < within {
				t.Fatalf("more than 30 of %d came within %v, %v after", n, within, first.Sub(expired))
			}
		}
	})
}
