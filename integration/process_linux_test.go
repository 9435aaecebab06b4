package integration_test

import "syscall"

// notOrphaned has the kernel end a process when this test dies and cannot.
func notOrphaned() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
