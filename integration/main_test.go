package integration_test

import (
	"flag"
	"os"
	"runtime"
	"strconv"
	"testing"

	"go.uber.org/goleak"

	"github.com/musterhq/muster/internal/ensemble"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(suite{ensemble.Main{M: m}}) }

// A suite is all tests, and what is swept up after them.
type suite struct{ ensemble.Main }

// Run makes a place for one more test at a time: whoever waits for its turn to
// borrow the ensemble takes one, and does nothing.
func (s suite) Run() int {
	flag.Parse()
	if given := flag.Lookup("test.parallel").Value; given.String() == strconv.Itoa(runtime.GOMAXPROCS(0)) {
		_ = given.Set(strconv.Itoa(runtime.GOMAXPROCS(0) + 1)) // it is a number
	}
	defer func() { os.RemoveAll(workshop.dir) }()
	return s.Main.Run()
}
