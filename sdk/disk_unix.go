//go:build unix

package sdk

import "syscall"

// noTrap: do not follow a link, nor wait for the other end of a pipe.
const noTrap = syscall.O_NOFOLLOW | syscall.O_NONBLOCK
