//go:build !linux

package integration_test

import "syscall"

func notOrphaned() *syscall.SysProcAttr { return nil }
