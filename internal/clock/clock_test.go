package clock_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/musterhq/muster/internal/clock"
)

// A machine is one whose clocks the test moves.
type machine struct {
	mono, wall, boot time.Duration
	bootless         bool
	asked            int // how often the boot-time clock was read
}

func (m *machine) clock() *clock.Clock {
	return clock.From(clock.Source{
		Now:  func() (mono, wall time.Duration) { return m.mono, m.wall },
		Boot: func() (time.Duration, bool) { m.asked++; return m.boot, !m.bootless },
	})
}

func (m *machine) run(d time.Duration)     { m.mono += d; m.wall += d; m.boot += d }
func (m *machine) suspend(d time.Duration) { m.wall += d; m.boot += d }
func (m *machine) set(d time.Duration)     { m.wall += d }
func (m *machine) mislay()                 { m.bootless = true }

func TestClock(t *testing.T) {
	t.Parallel()
	const s, h = time.Second, time.Hour
	for name, tc := range map[string]struct {
		live  func(m *machine)
		want  time.Duration
		asked bool // the boot-time clock is needed
	}{
		"it runs":                      {func(m *machine) { m.run(5 * s) }, 5 * s, false},
		"the wall clock is steered":    {func(m *machine) { m.run(5 * s); m.set(6 * time.Millisecond) }, 5 * s, false},
		"suspended":                    {func(m *machine) { m.run(s); m.suspend(h); m.run(s) }, h + 2*s, true},
		"suspended, wall clock set":    {func(m *machine) { m.suspend(h); m.set(-2 * h); m.run(s) }, h + s, true},
		"set forward by hand":          {func(m *machine) { m.run(s); m.set(h) }, s, true},
		"set back by hand":             {func(m *machine) { m.run(20 * s); m.set(-h) }, 20 * s, true},
		"no boot time, suspended":      {func(m *machine) { m.mislay(); m.suspend(h); m.run(s) }, h + s, true},
		"no boot time, set forward":    {func(m *machine) { m.mislay(); m.run(s); m.set(h) }, h + s, true},
		"no boot time, set back":       {func(m *machine) { m.mislay(); m.run(20 * s); m.set(-h) }, 20 * s, true},
		"no time at all":               {func(*machine) {}, 0, false},
		"many short suspensions count": {func(m *machine) { repeat(3000, func() { m.suspend(4 * time.Millisecond); m.run(s / 1000) }) }, 15 * s, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := &machine{mono: 3 * s, wall: 1e6 * h, boot: 7 * h}
			c := m.clock()
			then := c.Now()
			for _, limit := range []time.Duration{0, 12 * s} {
				if c.Over(then, limit) {
					t.Errorf("over %v at once", limit)
				}
			}
			m.asked = 0
			tc.live(m)
			for _, limit := range []time.Duration{s / 2, 12 * s, 2 * h} {
				if got := c.Over(then, limit); got != (tc.want > limit) {
					t.Errorf("over %v: %t, want it %v ago", limit, got, tc.want)
				}
			}
			if got := c.Since(then); got != tc.want {
				t.Errorf("%v ago, want %v", got, tc.want)
			}
			if (m.asked > 0) != tc.asked {
				t.Errorf("the boot-time clock was asked %d times, want that: %t", m.asked, tc.asked)
			}
			if now := c.Now(); c.Over(now, 0) || c.Since(now) != 0 || now.Before(then) {
				t.Error("a new moment is not new")
			}
		})
	}
}

func repeat(n int, f func()) {
	for range n {
		f()
	}
}

// The clocks are found together once, and then taken for that a moment long.
func TestClockComparesNowAndThen(t *testing.T) {
	t.Parallel()
	m := new(machine)
	c := m.clock()
	then := c.Now()
	m.run(time.Second)
	if c.Over(then, 12*time.Second) {
		t.Error("over 12s after 1s")
	}
	m.suspend(time.Minute)
	m.run(time.Millisecond) // no machine wakes up sooner
	if !c.Over(then, 12*time.Second) {
		t.Error("a minute of suspension went unseen")
	}
}

// The machine's own clocks, and those of a bubble.
func TestClockOfThisMachine(t *testing.T) {
	t.Parallel()
	c := clock.New()
	then := c.Now()
	for !c.Over(then, 20*time.Millisecond) {
		if c.Since(then) > 10*time.Second {
			t.Fatal("it does not go by")
		}
	}
	synctest.Test(t, func(t *testing.T) {
		c := clock.New()
		then := c.Now()
		time.Sleep(time.Hour)
		if got := c.Since(then); got != time.Hour || c.Over(then, time.Hour) || !c.Over(then, time.Hour-1) {
			t.Errorf("%v ago, want an hour", got)
		}
	})
}

func BenchmarkOver(b *testing.B) {
	c := clock.New()
	then := c.Now()
	b.Run("a lease", func(b *testing.B) {
		for b.Loop() {
			if c.Over(then, time.Hour) {
				b.Fatal("over")
			}
		}
	})
	b.Run("monotonic clock alone", func(b *testing.B) {
		then := time.Now()
		for b.Loop() {
			if time.Since(then) > time.Hour {
				b.Fatal("over")
			}
		}
	})
}
