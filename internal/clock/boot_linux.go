package clock

import "golang.org/x/sys/unix"

// counting is the clock that goes on while the machine is suspended.
const counting = unix.CLOCK_BOOTTIME
