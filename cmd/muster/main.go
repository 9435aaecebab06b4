package main

import (
	"context"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

func main() {
	os.Exit(mainCode())
}

// mainCode runs the command until it is done or interrupted. A second
// interrupt ends the process at once.
func mainCode() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	dropEmpty(os.Environ())
	return run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
}

// dropEmpty lets variables that are empty count as not set, as people expect;
// the flags would take them for values.
func dropEmpty(environ []string) {
	for _, variable := range environ {
		if name, value, _ := strings.Cut(variable, "="); value == "" && strings.HasPrefix(name, envPrefix) {
			_ = os.Unsetenv(name)
		}
	}
}
