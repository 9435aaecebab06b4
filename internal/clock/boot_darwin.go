package clock

import "golang.org/x/sys/unix"

// counting is the clock that goes on while the machine sleeps: here it is the
// monotonic one of the system, and Go's is another.
const counting = unix.CLOCK_MONOTONIC_RAW
