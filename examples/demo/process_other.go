//go:build !linux

package main

import "syscall"

// orphanless keeps an interrupt at the terminal for the demo, which ends its
// processes itself.
func orphanless() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
