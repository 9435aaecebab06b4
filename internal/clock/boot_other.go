//go:build !linux && !darwin

package clock

import "time"

// bootTime: there is none that is known to count suspension, or none that is
// needed because Go's monotonic clock counts it.
func bootTime() (time.Duration, bool) { return 0, false }
