package voyage_test

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"testing/cryptotest"
	"time"
)

// seed repeats one voyage: go test ./integration/voyage -run TestCase22PromisesHold -voyage.seed=N
var (
	seed = flag.Uint64("voyage.seed", 0, "sail this seed alone (or: MUSTER_SEED=N)")
	tell = flag.Bool("voyage.tell", false, "with a seed: print all that happens, not only the end of it")
)

const (
	length   = 3 * time.Minute  // of the part of a voyage with faults, on virtual time
	patience = 20 * time.Second // of real time, to find out whether a history is linearizable
)

// TestCase22PromisesHold sails a few seeds that are always the same, and one that is
// fresh.
func TestCase22PromisesHold(t *testing.T) {
	if one := asked(t); one != 0 {
		cryptotest.SetGlobalRandom(t, one)
		judged(t, one)
		return
	}
	sum := newStats()
	for _, s := range []uint64{1, 2, 3, fresh()} {
		out := judged(t, s)
		sum.add(out.stats)
	}
	for _, kind := range []string{
		"move", "join", "return", "reap", "new form sent", "command done", "command unknown", "instance cut off",
		"fence looked at", "agent killed", "session expired", "reply lost", "event refused",
	} {
		if sum.Counts[kind] == 0 {
			t.Errorf("nothing of the kind %q happened: the voyages prove too little: %s", kind, sum)
		}
	}
}

// asked returns the seed that is to be repeated, 0 for none.
func asked(t *testing.T) uint64 {
	value := cmp.Or(os.Getenv("MUSTER_SEED"), "0")
	n, err := strconv.ParseUint(value, 10, 64)
	if err != nil {
		t.Fatalf("MUSTER_SEED=%q is not a number", value)
	}
	return cmp.Or(*seed, n)
}

// fresh draws a seed that is short to type.
func fresh() uint64 { return uint64(time.Now().UnixNano()) % 1_000_000_007 }

// judged makes one voyage of the right system, and fails when a promise is
// broken.
func judged(t *testing.T, s uint64) (out outcome) {
	t.Helper()
	began := time.Now()
	if *tell {
		defer func() { t.Log(strings.Join(out.lines, "\n")) }()
	}
	out = sail(t, s, variant{}, length)
	if out.wrong != nil {
		t.Errorf("%v\n%s", out.wrong, repeat(s))
	} else if what := out.ops.check(patience); what != "" {
		t.Errorf("seed %d: %s\n%s", s, what, repeat(s))
	}
	t.Logf("seed %d in %s: %s", s, time.Since(began).Round(time.Millisecond), out.stats)
	return out
}

func repeat(s uint64) string {
	return fmt.Sprintf("repeat: go test ./integration/voyage -run TestCase22PromisesHold -voyage.seed=%d", s)
}
