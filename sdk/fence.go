package sdk

import (
	"sync/atomic"
	"time"

	"github.com/musterhq/muster/internal/zoo"
)

// A fence stands between an instance without contact and what it may not say.
type fence struct {
	lease time.Duration
	// member is the session in which the instance became a member. It stays
	// when the session ends, for the lease goes on; it is nil when the instance
	// never was one, or surely is none any more.
	member atomic.Pointer[zoo.Session]
}

// down reports whether contact cannot be proven within the lease. It asks the
// clock, and no goroutine that would have had to run: a process that was
// stopped finds the fence down at the first use of a flag, and so does one whose
// machine was suspended (G4).
func (f *fence) down() bool {
	s := f.member.Load()
	return s == nil || s.Silent(f.lease)
}

// left is how much of the lease is left; zero or less at the fence.
func (f *fence) left() time.Duration {
	s := f.member.Load()
	if s == nil {
		return 0
	}
	return f.lease - s.Silence()
}
