package ensemble

import (
	"crypto/rand"
	"os"
	"strings"
	"sync"
	"testing"
)

// shared is the one ensemble of this test binary. It outlives the tests, which
// is why it cannot be handed from one to the next, and starts but once.
var shared struct {
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
	e, err := obtain()
	if err != nil {
		t.Fatalf("start the shared ZooKeeper: %v", err)
	}
	e.showLogs(t)
	e.Await(t)
	return e
}

// obtain gives the shared ensemble, started if need be.
func obtain() (*Ensemble, error) {
	shared.mu.Lock()
	defer shared.mu.Unlock()
	if shared.e != nil {
		return shared.e, nil
	}
	dir, err := os.MkdirTemp("", "muster-ensemble-")
	if err != nil {
		return nil, err
	}
	e, err := launch(dir, 3)
	if err != nil {
		os.RemoveAll(dir)
		return nil, err
	}
	shared.e, shared.dir = e, dir
	return e, nil
}

// Main runs the tests of a binary and then ends the shared ensemble, so that
// what looks for leaks afterwards finds none:
//
//	func TestMain(m *testing.M) { goleak.VerifyTestMain(ensemble.Main{M: m}) }
type Main struct{ M *testing.M }

// Run is what goleak.VerifyTestMain calls; without goleak, os.Exit with it.
func (m Main) Run() int {
	defer end()
	return m.M.Run()
}

// end ends the shared ensemble, if it was started, and removes its files.
func end() {
	shared.mu.Lock()
	defer shared.mu.Unlock()
	if shared.e == nil {
		return
	}
	shared.e.end()
	os.RemoveAll(shared.dir)
	shared.e = nil
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
