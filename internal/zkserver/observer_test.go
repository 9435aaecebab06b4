package zkserver_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-zookeeper/zk"

	"github.com/musterhq/muster/internal/zkserver"
	"github.com/musterhq/muster/internal/zkserver/tree"
	"github.com/musterhq/muster/internal/zkserver/zkservertest"
)

// Whoever carries out again what the observer is told has the server's tree,
// sessions that expire included.
func TestTheObserverIsToldOfEveryTransaction(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		copied := tree.New()
		s := zkservertest.Start(t, zkserver.Config{Observer: func(txn tree.Txn) {
			if err := copied.Redo(txn); err != nil {
				t.Error(err)
			}
		}})
		c := zkservertest.Connect(t, s, timeout)
		for _, flags := range []int32{0, zk.FlagEphemeral | zk.FlagSequence} {
			if _, err := c.Create("/n", []byte("one"), flags, everyone); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := c.Set("/n", []byte("two"), 0); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Set("/n", nil, 7); err == nil {
			t.Fatal("a wrong version was taken")
		}
		data, stat, code := copied.Get("/n", tree.Actor{Trusted: true})
		if string(data) != "two" || stat.Version != 1 || code != tree.OK {
			t.Errorf("the copy has %q, version %d (%v)", data, stat.Version, code)
		}
		if n := len(copied.Ephemerals(c.SessionID())); n != 1 {
			t.Errorf("the copy has %d ephemeral nodes, want 1", n)
		}
		s.Faults().ExpireSession(c.SessionID())
		time.Sleep(time.Millisecond) // virtual time: the observer was called
		if n := copied.Size().Ephemerals; n != 0 {
			t.Errorf("the copy has %d ephemeral nodes after the expiry", n)
		}
	})
}
