package voyage_test

import (
	"flag"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/musterhq/muster/internal/sim"
)

// soak has TestSoak go on for so long: make soak DURATION=30m
var soak = flag.Duration("voyage.soak", 0, "for how long to sail fresh seeds")

const steps = 10_000 // of one run of internal/sim

// TestSoak sails fresh seeds, and runs the model of internal/sim on fresh seeds
// in turn, for as long as it is told to. It says every minute how far it is, and
// ends at the first broken promise.
func TestSoak(t *testing.T) {
	if *soak <= 0 {
		t.Skip("not asked for: make soak DURATION=30m")
	}
	s := &soaking{began: time.Now(), sum: newStats(), next: fresh()}
	fmt.Printf("soak: for %s, from seed %d, GOMAXPROCS=%d\n", *soak, s.next, runtime.GOMAXPROCS(0))
	said := s.began
	for time.Since(s.began) < *soak && !t.Failed() {
		s.voyage(t)
		s.model(t)
		s.next++
		if time.Since(said) >= time.Minute {
			said = time.Now()
			fmt.Println(s)
		}
	}
	violations := 0
	if t.Failed() {
		violations = 1
	}
	fmt.Printf("%s; violations %d\n", s, violations)
	fmt.Printf("all: %s\n", s.sum)
}

type soaking struct {
	began  time.Time
	next   uint64
	sum    stats
	sails  int
	models sim.Stats
	runs   int
}

func (s *soaking) voyage(t *testing.T) {
	out := sail(t, s.next, variant{}, length)
	s.sails++
	s.sum.add(out.stats)
	if out.wrong != nil {
		t.Errorf("%v\n%s", out.wrong, repeat(s.next))
	} else if what := out.ops.check(patience); what != "" {
		t.Errorf("seed %d: %s\n%s", s.next, what, repeat(s.next))
	}
}

func (s *soaking) model(t *testing.T) {
	stats, err := sim.Run(sim.Options{Seed: s.next, Steps: steps})
	s.runs++
	s.models = s.models.Plus(stats)
	if err != nil {
		t.Errorf("%v\nrepeat: go test ./internal/sim -run TestPromisesHold -sim.seed=%d", err, s.next)
	}
}

// faultKinds are what the faults are called in the counts.
var faultKinds = []string{
	"request lost", "reply lost", "request late", "connection mute", "connection dropped", "all connections dropped",
	"watch event lost", "session expired", "instance crashed", "instance cut off", "agent killed", "agent cut off",
	"server silent", "server restarted", "operator cut off before", "operator cut off after",
}

func (s *soaking) String() string {
	faults, all := "", 0
	for _, kind := range faultKinds {
		all += s.sum.Counts[kind]
		faults += fmt.Sprintf(", %s %d", kind, s.sum.Counts[kind])
	}
	return fmt.Sprintf("%s: voyages %d (%.1f virtual hours), model runs %d (%d moves); activations %d, moves %d, new forms sent %d; faults %d%s",
		time.Since(s.began).Round(time.Second), s.sails, s.sum.Virtual.Hours(), s.runs, s.models.Moves,
		s.sum.Counts["activate"], s.sum.Counts["move"], s.sum.Counts["new form sent"], all, faults)
}
