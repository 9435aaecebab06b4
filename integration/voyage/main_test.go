package voyage_test

import (
	"runtime"
	"testing"

	"go.uber.org/goleak"
)

// TestMain gives the voyages one processor: what happens within one moment of
// virtual time then mostly happens in one order, so that a seed repeats itself.
// (It also keeps clear of Go 1.26's race detector, which crashes when two
// processors fire timers of one bubble at once.)
func TestMain(m *testing.M) {
	runtime.GOMAXPROCS(1)
	goleak.VerifyTestMain(m)
}
