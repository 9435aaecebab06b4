package main

import "syscall"

// orphanless makes the kernel end the demo's processes when the demo is killed
// and cannot end them itself.
func orphanless() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}
