package sim_test

import (
	"flag"
	"os"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"

	"github.com/musterhq/muster/internal/sim"
)

// seed repeats one run: go test ./internal/sim -run TestPromisesHold -sim.seed=N
var seed = flag.Uint64("sim.seed", 0, "run this seed alone")

const steps = 10_000

// seeds returns how many seeds to run: MUSTER_SIM_SEEDS, or as many as are
// quick.
func seeds(t *testing.T) int {
	value := os.Getenv("MUSTER_SIM_SEEDS")
	if value == "" {
		return quick
	}
	n, err := strconv.Atoi(value)
	if err != nil {
		t.Fatalf("MUSTER_SIM_SEEDS=%q is not a number", value)
	}
	return n
}

func TestPromisesHold(t *testing.T) {
	t.Parallel()
	if *seed != 0 {
		stats, err := sim.Run(sim.Options{Seed: *seed, Steps: steps})
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%+v", stats)
		return
	}
	most := seeds(t)
	var next atomic.Uint64
	var mu sync.Mutex // guards sum
	var sum sim.Stats
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for n := next.Add(1); n <= uint64(most); n = next.Add(1) {
				stats, err := sim.Run(sim.Options{Seed: n, Steps: steps})
				if err != nil {
					t.Errorf("%v\nrepeat: go test ./internal/sim -run TestPromisesHold -sim.seed=%d", err, n)
					return
				}
				mu.Lock()
				sum = sum.Plus(stats)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	t.Logf("%+v", sum)
	if *seed == 0 && (sum.Ons < most || sum.Offs < most/2 || sum.Returns < most || sum.Refusals < most || sum.Reaps < most || sum.Needs < most/10) {
		t.Errorf("too little happened in %d runs to prove anything: %+v", most, sum)
	}
}

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m) // no coroutine is left
}
