package ensemble

import "syscall"

// attributes ties the server to this process: a test binary that is killed, or
// that panics at its timeout, runs no clean-up.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
