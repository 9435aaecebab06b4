package clock

import (
	"sync/atomic"
	"time"
)

const (
	// tolerance is how far wall and monotonic clock may differ unasked: a wall
	// clock is steered, and the two are not read at one instant.
	tolerance = 10 * time.Millisecond
	// fresh is for how long a comparison of the two serves, by the monotonic
	// clock: a machine takes longer to fall asleep and to wake up.
	fresh = 100 * time.Microsecond
)

// A Source is what a Clock reads. Each of its clocks counts from a moment of its
// own.
type Source struct {
	// Now reads the monotonic and the wall clock.
	Now func() (mono, wall time.Duration)
	// Boot reads the boot-time clock, if there is one.
	Boot func() (boot time.Duration, ok bool)
}

// A Clock measures how long ago something was. It may be used concurrently.
type Clock struct {
	origin   time.Time    // what the machine's monotonic clock is counted from
	source   *Source      // nil: the machine's own clocks
	compared atomic.Int64 // when wall and monotonic clock were last found together, by the latter
}

// New returns a clock of this machine.
func New() *Clock { return &Clock{origin: time.Now()} }

// From returns a clock that reads a source, for tests.
func From(s Source) *Clock { return &Clock{source: &s} }

// A Moment is when something was, by all clocks.
type Moment struct {
	mono, wall, boot time.Duration
	booted           bool // boot is known
}

// Before reports whether m is older than o, of the same clock.
func (m Moment) Before(o Moment) bool { return m.mono < o.mono }

// Sub returns the time from o to m by the monotonic clock.
func (m Moment) Sub(o Moment) time.Duration { return m.mono - o.mono }

// Now returns this moment. It takes a system call.
func (c *Clock) Now() Moment {
	var m Moment
	m.mono, m.wall = c.read()
	m.boot, m.booted = c.boot()
	return m
}

// Since returns how long ago m was.
func (c *Clock) Since(m Moment) time.Duration {
	mono, wall := c.read()
	passed, seen := mono-m.mono, wall-m.wall
	if together(passed, seen) {
		return passed
	}
	boot, ok := c.boot()
	if ok && m.booted {
		return max(passed, boot-m.boot)
	}
	return max(passed, seen)
}

// Over reports whether m was longer ago than d. It is made to be asked all the
// time: most often it reads the monotonic clock alone.
func (c *Clock) Over(m Moment, d time.Duration) bool {
	mono := c.mono()
	if mono-m.mono > d {
		return true
	}
	if mono-time.Duration(c.compared.Load()) < fresh {
		return false
	}
	now, wall := c.read()
	if together(now-m.mono, wall-m.wall) {
		c.compared.Store(int64(now))
		return now-m.mono > d
	}
	return c.Since(m) > d
}

// together reports whether both clocks have come equally far.
func together(mono, wall time.Duration) bool {
	return (wall - mono).Abs() <= tolerance
}

func (c *Clock) mono() time.Duration {
	if c.source != nil {
		mono, _ := c.source.Now()
		return mono
	}
	return time.Since(c.origin)
}

func (c *Clock) read() (mono, wall time.Duration) {
	if c.source != nil {
		return c.source.Now()
	}
	now := time.Now()
	return now.Sub(c.origin), time.Duration(now.UnixNano())
}

func (c *Clock) boot() (time.Duration, bool) {
	if c.source != nil {
		return c.source.Boot()
	}
	return bootTime()
}
