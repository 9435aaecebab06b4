package main

import (
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain makes the command available to all tests as a program in the path.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"muster": main})
}
