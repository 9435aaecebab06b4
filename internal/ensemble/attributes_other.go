//go:build unix && !linux

package ensemble

import "syscall"

// attributes keeps the server out of reach of the terminal's signals.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
