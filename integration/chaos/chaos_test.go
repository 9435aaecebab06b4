package main

import (
	"errors"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/musterhq/muster/internal/ensemble"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// G1 to G3, G5, G7 and G8 on a fleet of real processes to which everything
// happens; a short run of what make chaos does for as long as it is told to. The
// faults of a seed are drawn again with MUSTER_SEED.
func TestChaos(t *testing.T) {
	demand(t, errors.Join(available(), ensemble.Available()))
	dir, err := os.MkdirTemp("", "muster-chaos-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("logs and data are kept in %s", dir)
			return
		}
		os.RemoveAll(dir)
	})
	rep, err := chaos(t.Context(), config{duration: 40 * time.Second, seed: seed(t), hosts: 4, race: raced, dir: dir, out: t.Output()})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("\n%s", rep.text())
	for _, wrong := range rep.wrong() {
		t.Error(wrong)
	}
}

// demand skips the test where something is missing, and fails it with CI=true,
// where nothing may be skipped unseen.
func demand(t *testing.T, missing error) {
	t.Helper()
	switch {
	case missing == nil:
	case os.Getenv("CI") == "true":
		t.Fatalf("CI=true, and %v", missing)
	default:
		t.Skipf("skipped: %v", missing)
	}
}

// seed is given by MUSTER_SEED, or drawn.
func seed(t *testing.T) uint64 {
	t.Helper()
	given := os.Getenv("MUSTER_SEED")
	if given == "" {
		return rand.Uint64()
	}
	n, err := strconv.ParseUint(given, 10, 64)
	if err != nil {
		t.Fatalf("MUSTER_SEED: %v", err)
	}
	return n
}
