package pace_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/musterhq/muster/internal/pace"
)

var begin = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// passed counts what passes of so many tries, each a moment after the other.
func passed(tries int, apart time.Duration, try func(now time.Time) bool) (n int) {
	for i := range tries {
		if try(begin.Add(time.Duration(i) * apart)) {
			n++
		}
	}
	return n
}

func TestABucketIsABurstAndARate(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		tries int
		apart time.Duration
		want  int
	}{
		{100, 0, 10},
		{100, 100 * time.Millisecond, 10 + 2*9 + 1}, // 9.9 s at two a second
		{100, time.Second, 100},
	} {
		b := pace.Bucket{Burst: 10, Rate: 2}
		if got := passed(tt.tries, tt.apart, b.Take); got != tt.want {
			t.Errorf("%d tries each %s: %d passed, want %d", tt.tries, tt.apart, got, tt.want)
		}
	}
	b := pace.Bucket{Burst: 1, Rate: 1}
	if !b.Take(begin) || b.Take(begin.Add(-time.Hour)) {
		t.Error("a clock that goes back fills the bucket")
	}
}

// A thousand lines of one kind are a few, the next says how many it stands for,
// and other kinds are not held back.
func TestLinesAreWithheldAndCounted(t *testing.T) {
	t.Parallel()
	var l pace.Lines
	n := passed(1000, time.Millisecond, func(now time.Time) bool { _, ok := l.Write("loud", now); return ok })
	if n > 6 {
		t.Errorf("%d lines within a second", n)
	}
	if withheld, ok := l.Write("loud", begin.Add(10*time.Second)); !ok || withheld != 1000-n {
		t.Errorf("the next line: %t, stands for %d, want %d", ok, withheld, 1000-n)
	}
	if _, ok := l.Write("quiet", begin); !ok {
		t.Error("another kind is held back")
	}
}

func TestCallersDoNotHoldEachOtherBack(t *testing.T) {
	t.Parallel()
	c := pace.Callers{Burst: 3, Rate: 1, Most: 2}
	take := func(name string) func(time.Time) bool {
		return func(now time.Time) bool { return c.Take(name, now) }
	}
	for _, name := range []string{"a", "b"} {
		if got := passed(10, 0, take(name)); got != 3 {
			t.Errorf("%s: %d passed, want 3", name, got)
		}
	}
	all := passed(1000, 0, func(now time.Time) bool { return c.Take(strconv.Itoa(now.Nanosecond()), now) })
	many := 0
	for i := range 1000 {
		if c.Take("x"+strconv.Itoa(i), begin) {
			many++
		}
	}
	if all+many != 3 {
		t.Errorf("of those who are not told apart %d passed, want 3 in all", all+many)
	}
	if later := begin.Add(time.Minute); !c.Take("new", later) || !c.Take("a", later) {
		t.Error("nobody is forgotten")
	}
}
