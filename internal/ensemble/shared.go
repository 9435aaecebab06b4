package ensemble

import (
	"crypto/rand"
	"os"
	"strings"
	"sync"
	"testing"
)

// shared is the one ensemble of this test binary, and lent the one that its tests
// break in turns. They outlive the tests, which is why they cannot be handed from
// one to the next, and start but once.
var shared, lent common

// A common is an ensemble that tests have in common.
type common struct {
	turn sync.Mutex // of those who borrow it

	mu  sync.Mutex // guards the fields below
	e   *Ensemble  // nil until the first test asks
	dir string
}

// Shared gives the ensemble of three that all tests of this binary have in
// common, and starts it for the first that asks: starting takes seconds. Tests
// keep apart by [Root] and leave the servers alone. It skips or fails the test
// as [Require] does. [Main] ends it.
func Shared(t testing.TB) *Ensemble {
	t.Helper()
	Require(t)
	e, err := shared.obtain()
	if err != nil {
		t.Fatalf("start the shared ZooKeeper: %v", err)
	}
	e.showLogs(t)
	e.Await(t)
	return e
}

// Borrow gives an ensemble of three, with [Links], for the test to break, and to no other until
// it has ended: tests wait for their turn, and find it whole, with data of former
// ones. It skips or fails the test as [Require] does. [Main] ends it.
func Borrow(t testing.TB) *Ensemble {
	t.Helper()
	Require(t)
	lent.turn.Lock()
	t.Cleanup(lent.turn.Unlock)
	e, err := lent.obtain(Links())
	if err != nil {
		t.Fatalf("start the ZooKeeper that is lent: %v", err)
	}
	e.showLogs(t)
	e.mend(t)
	return e
}

// mend has all servers run, and reach each other, that the last one to borrow them has broken.
func (e *Ensemble) mend(t testing.TB) {
	t.Helper()
	for i, srv := range e.servers {
		e.shores[i].heal()
		e.Resume(i)
		exited, serve := srv.meant()
		select {
		case <-exited:
			serve = false
		default:
		}
		if !serve {
			e.Restart(t, i)
		}
	}
	e.Await(t)
}

// obtain gives the ensemble, started if need be.
func (c *common) obtain(opts ...Option) (*Ensemble, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.e != nil {
		return c.e, nil
	}
	dir, err := os.MkdirTemp("", "muster-ensemble-")
	if err != nil {
		return nil, err
	}
	e, err := launch(dir, 3, opts...)
	if err != nil {
		os.RemoveAll(dir)
		return nil, err
	}
	c.e, c.dir = e, dir
	return e, nil
}

// Main runs the tests of a binary and then ends the shared ensemble, so that
// what looks for leaks afterwards finds none:
//
//	func TestMain(m *testing.M) { goleak.VerifyTestMain(ensemble.Main{M: m}) }
type Main struct{ M *testing.M }

// Run is what goleak.VerifyTestMain calls; without goleak, os.Exit with it.
func (m Main) Run() int {
	defer lent.end()
	defer shared.end()
	return m.M.Run()
}

// end ends the ensemble, if it was started, and removes its files.
func (c *common) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.e == nil {
		return
	}
	c.e.end()
	os.RemoveAll(c.dir)
	c.e = nil
}

// Root gives a path that no other test uses, and creates nothing: the root for
// this test's tree, for example /t-TestFlip-blocked-k3v7q2aaxw.
func Root(t testing.TB) string {
	name := strings.Map(func(r rune) rune {
		if r < '0' || r > 'z' || strings.ContainsRune(":;<=>?@[\\]^`", r) {
			return '-'
		}
		return r
	}, t.Name())
	return "/t-" + name + "-" + strings.ToLower(rand.Text()[:10])
}
