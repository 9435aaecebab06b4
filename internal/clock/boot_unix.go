//go:build linux || darwin

package clock

import (
	"time"

	"golang.org/x/sys/unix"
)

// bootTime reads the clock that counts suspension.
func bootTime() (time.Duration, bool) {
	var t unix.Timespec
	if err := unix.ClockGettime(counting, &t); err != nil {
		return 0, false // a sandbox that does not have it
	}
	return time.Duration(t.Nano()), true
}
