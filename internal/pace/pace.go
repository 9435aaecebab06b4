package pace

import (
	"sync"
	"time"
)

// A Bucket lets so many pass at once, and then so many a second. It is not safe
// for concurrent use.
type Bucket struct {
	// Burst is how many may pass at once, and Rate how many a second after that.
	Burst, Rate float64

	spent float64 // of the burst
	last  time.Time
}

// Take reports whether one more may pass now.
func (b *Bucket) Take(now time.Time) bool {
	b.spent = max(0, b.spent-b.Rate*max(0, now.Sub(b.last).Seconds()))
	b.last = now
	if b.spent+1 > b.Burst {
		return false
	}
	b.spent++
	return true
}

// Lines says which lines of a log may be written: of each kind some at once, and
// then one a second. It is safe for concurrent use.
type Lines struct {
	mu    sync.Mutex // guards the fields below
	kinds map[string]*kind
}

const (
	linesAtOnce = 5
	mostKinds   = 1000 // who can think of more shares one bucket
)

type kind struct {
	Bucket
	withheld int
}

// Write reports whether a line of this kind may be written now, and how many
// were withheld since the last one that was.
func (l *Lines) Write(name string, now time.Time) (withheld int, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	k := l.kinds[name]
	if k == nil {
		if l.kinds == nil {
			l.kinds = make(map[string]*kind)
		}
		if len(l.kinds) >= mostKinds {
			name = ""
		}
		if k = l.kinds[name]; k == nil {
			k = &kind{Bucket: Bucket{Burst: linesAtOnce, Rate: 1}}
			l.kinds[name] = k
		}
	}
	if !k.Take(now) {
		k.withheld++
		return 0, false
	}
	withheld, k.withheld = k.withheld, 0
	return withheld, true
}

// Callers bounds how often each of many callers may do something. Those beyond
// the number that it remembers share what one of them has. It is safe for
// concurrent use.
type Callers struct {
	// Burst and Rate are those of each caller's [Bucket].
	Burst, Rate float64
	// Most is how many callers are told apart.
	Most int

	mu      sync.Mutex // guards the fields below
	buckets map[string]*Bucket
}

// Take reports whether this caller may do it once more now.
func (c *Callers) Take(name string, now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.buckets == nil {
		c.buckets = make(map[string]*Bucket)
	}
	b := c.buckets[name]
	if b == nil {
		if len(c.buckets) >= c.Most {
			c.forget(now)
		}
		if len(c.buckets) >= c.Most {
			name = ""
		}
		if b = c.buckets[name]; b == nil {
			b = &Bucket{Burst: c.Burst, Rate: c.Rate}
			c.buckets[name] = b
		}
	}
	return b.Take(now)
}

// forget drops those who have been quiet for so long that their bucket is whole
// again.
func (c *Callers) forget(now time.Time) {
	for name, b := range c.buckets {
		if now.Sub(b.last).Seconds()*b.Rate >= b.spent {
			delete(c.buckets, name)
		}
	}
}
