package ensemble

import (
	"fmt"
	"os"
	"os/exec"
	"testing"
)

// Available says why ZooKeeper cannot be started here, or nil.
func Available() error {
	const hint = "install the Debian package zookeeper, or run make test as root"
	if _, err := exec.LookPath("java"); err != nil {
		return fmt.Errorf("no Java to run ZooKeeper with (%s): %w", hint, err)
	}
	for _, jar := range []string{zookeeperJar, loggerJar} {
		if _, err := os.Stat(jar); err != nil {
			return fmt.Errorf("no ZooKeeper (%s): %w", hint, err)
		}
	}
	return nil
}

// Require skips the test where ZooKeeper cannot be started, and fails it with
// CI=true, where nothing may be skipped unseen.
func Require(t testing.TB) {
	t.Helper()
	require(t, Available(), os.Getenv("CI") == "true")
}

func require(t testing.TB, missing error, ci bool) {
	t.Helper()
	switch {
	case missing == nil:
	case ci:
		t.Fatalf("CI=true, and %v", missing)
	default:
		t.Skipf("skipped: %v", missing)
	}
}
