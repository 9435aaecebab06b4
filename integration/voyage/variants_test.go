package voyage_test

import (
	"flag"
	"slices"
	"testing"
	"testing/cryptotest"
	"time"
)

// again has the seed at which a wrong variant was found repeated, to measure how
// often it is found again.
var again = flag.Int("voyage.again", 0, "repeat the failing seed of each wrong variant so often")

// TestWrongVariantsFail shows that a voyage can fail: each wrong variant breaks
// a promise that it is expected to break.
func TestWrongVariantsFail(t *testing.T) {
	const most = 30 // voyages; the first that fails is enough
	for _, v := range wrongVariants() {
		t.Run(v.name, func(t *testing.T) {
			cryptotest.SetGlobalRandom(t, 1)
			for seed := range uint64(most) {
				out := sail(t, seed+1, v, length)
				if out.wrong == nil {
					continue
				}
				if !slices.Contains(v.breaks, out.wrong.promise) {
					t.Fatalf("broke %s, want %s\n%v", out.wrong.promise, v.breaks, out.wrong)
				}
				t.Logf("seed %d, after %s: %s: %s", out.wrong.seed, out.wrong.at.Round(time.Millisecond), out.wrong.promise, out.wrong.detail)
				repeated(t, v, out.wrong)
				return
			}
			t.Fatalf("%d voyages did not fail", most)
		})
	}
}

// repeated measures how well a seed repeats itself.
func repeated(t *testing.T, v variant, first *failure) {
	if *again == 0 {
		return
	}
	found, same := 0, 0
	for range *again {
		cryptotest.SetGlobalRandom(t, 1)
		if out := sail(t, first.seed, v, length); out.wrong != nil {
			found++
			if out.wrong.promise == first.promise && out.wrong.at == first.at {
				same++
			}
		}
	}
	t.Logf("seed %d again, %d times: %d fail, %d of them at the same moment", first.seed, *again, found, same)
}
