package sim_test

import (
	"errors"
	"testing"

	"github.com/musterhq/muster/internal/sim"
)

// TestWrongVariantsFail shows that the checks can fail: each wrong variant of
// the protocol breaks the promise that it is expected to.
func TestWrongVariantsFail(t *testing.T) {
	t.Parallel()
	const most = 60 // seeds; the first that fails is enough
	for _, v := range sim.Variants() {
		t.Run(v.Name, func(t *testing.T) {
			t.Parallel()
			for n := range uint64(most) {
				_, err := sim.Run(sim.Options{Seed: n + 1, Steps: steps, Variant: v})
				var failure *sim.Failure
				if !errors.As(err, &failure) {
					continue
				}
				if failure.Promise != v.Breaks {
					t.Fatalf("broke %s, want %s\n%v", failure.Promise, v.Breaks, failure)
				}
				t.Logf("seed %d, step %d: %s: %s", failure.Seed, failure.Step, failure.Promise, failure.Detail)
				return
			}
			t.Fatalf("%d runs of %d steps did not fail", most, steps)
		})
	}
}
