package integration_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/musterhq/muster/internal/ensemble"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(ensemble.Main{M: m}) }
