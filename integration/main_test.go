package integration_test

import (
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/musterhq/muster/internal/ensemble"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(suite{ensemble.Main{M: m}}) }

// A suite is all tests, and what is swept up after them.
type suite struct{ ensemble.Main }

func (s suite) Run() int {
	defer func() { os.RemoveAll(workshop.dir) }()
	return s.Main.Run()
}
