// Package clock tells how long ago something was, also when the machine was
// suspended meanwhile.
//
//	var c = clock.New()
//	sent := c.Now()
//	if c.Over(sent, lease) { … it is too long ago … }
//
// Go's monotonic clock stands still while a machine is suspended. The boot-time
// clock of the system does not, but to read it takes a system call, ten times
// as dear. So the wall clock, which comes along with the monotonic one, is the
// witness, and the boot-time clock the judge:
//
//  1. While the wall clock and the monotonic one have come equally far, within
//     ten milliseconds, there was no suspension, and the monotonic clock tells.
//  2. Where they differ, somebody has set the wall clock or the machine was
//     suspended: the boot-time clock tells. A wall clock that is set by hand
//     makes nothing older or younger.
//  3. Where there is no boot-time clock (see boot_other.go), the wall clock is
//     believed when it is ahead. One that is set forward makes a moment older,
//     until a newer one takes its place; one that is set back changes nothing.
//
// Nothing is younger than the monotonic clock says. In a bubble of
// testing/synctest wall and monotonic clock go together, so the boot-time
// clock, which no bubble holds, is never asked.
package clock
