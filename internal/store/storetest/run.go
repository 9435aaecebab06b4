package storetest

import (
	"testing"

	"github.com/musterhq/muster/internal/store"
)

// A Site is a tree to test on, and a way to open sessions with it.
type Site struct {
	// Root is a path below which nothing is.
	Root string
	// Open begins a session. expire ends it; its ephemeral nodes are gone when
	// expire returns. What is open is closed with the test.
	Open func(t testing.TB) (tree store.Tree, expire func())
}

// Run tests the contract; site gives each test a root of its own.
func Run(t *testing.T, site func(t testing.TB) Site) {
	for _, suite := range []struct {
		name  string
		tests []test
	}{
		{"join", joining},
		{"leave", leaving},
		{"lead", leading},
		{"command", commanding},
		{"move", moving},
		{"need", needing},
		{"reap", reaping},
		{"load", loading},
		{"history", recording},
		{"garbage", spoiling},
	} {
		t.Run(suite.name, func(t *testing.T) {
			t.Parallel()
			for _, test := range suite.tests {
				t.Run(test.name, func(t *testing.T) {
					t.Parallel()
					test.run(newScene(t, site(t)))
				})
			}
		})
	}
}

type test struct {
	name string
	run  func(*scene)
}
