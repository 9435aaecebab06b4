package house

import (
	"os/exec"
	"strings"
	"testing"
)

// may[room] is what a package may import beside the standard library: rooms of
// this house and, by module, what others wrote. A room that is not listed fails,
// and so does an arrow.
var may = map[string]string{
	".":                 "github.com/Masterminds/semver/v3",
	"proto/muster/v1":   "google.golang.org/protobuf google.golang.org/grpc",
	"internal/plan":     ".",
	"internal/clock":    "golang.org/x/sys",
	"internal/zoo":      "internal/clock github.com/go-zookeeper/zk github.com/cenkalti/backoff/v5",
	"internal/doctor":   ".",
	"internal/store":    ". internal/plan internal/zoo golang.org/x/sync",
	"internal/manifest": ". github.com/goccy/go-yaml",
	"internal/wire":     ". proto/muster/v1 google.golang.org/protobuf google.golang.org/grpc google.golang.org/genproto/googleapis/rpc",
	"internal/sim":      ". internal/plan internal/store internal/zoo",
	"internal/ensemble": "",
	"internal/house":    "",
	"docs/model":        "",
	"internal/pace":     "",

	"internal/store/storetest": ". internal/plan internal/store internal/zoo github.com/google/go-cmp",

	// The embedded server knows nothing of muster, and could stand alone.
	"internal/zkserver":               "internal/pace internal/zkserver/jute internal/zkserver/tree internal/zkserver/txnlog golang.org/x/sync",
	"internal/zkserver/jute":          "",
	"internal/zkserver/tree":          "internal/zkserver/jute",
	"internal/zkserver/txnlog":        "internal/zkserver/jute internal/zkserver/tree",
	"internal/zkserver/zkconformance": "internal/zkserver internal/zkserver/jute github.com/go-zookeeper/zk github.com/google/go-cmp",
	"internal/zkserver/zkservertest":  "internal/zkserver github.com/go-zookeeper/zk",

	"agent": ". internal/doctor internal/pace internal/plan internal/store internal/zoo internal/wire internal/manifest proto/muster/v1 " +
		"github.com/sirupsen/logrus github.com/cenkalti/backoff/v5 golang.org/x/sync google.golang.org/grpc google.golang.org/protobuf google.golang.org/genproto/googleapis/rpc",
	"client": ". internal/wire proto/muster/v1 google.golang.org/grpc google.golang.org/protobuf github.com/cenkalti/backoff/v5",
	"sdk":    ". internal/clock internal/store internal/zoo github.com/cenkalti/backoff/v5",

	"cmd/muster": ". agent client sdk internal/doctor internal/manifest internal/zkserver " +
		"github.com/urfave/cli/v2 github.com/sirupsen/logrus github.com/jedib0t/go-pretty/v6 github.com/goccy/go-yaml golang.org/x/term golang.org/x/sync",

	"examples/demo":            ". client sdk internal/zkserver examples/shop/order examples/shop/service golang.org/x/term",
	"examples/shop/order":      "",
	"examples/shop/service":    ". sdk examples/shop/order github.com/Masterminds/semver/v3",
	"examples/shop/checkout":   "examples/shop/order examples/shop/service",
	"examples/shop/shipping":   "examples/shop/order examples/shop/service",
	"examples/shop/storefront": "examples/shop/order examples/shop/service",
	"integration":              ". agent client sdk internal/ensemble internal/store internal/zkserver internal/zoo",
	"integration/voyage":       "",
	"integration/chaos":        ". internal/ensemble integration/chaos/told",
	"integration/chaos/node":   "sdk integration/chaos/told",
	"integration/chaos/told":   ".",
}

// tests may import more: real servers to run on, contracts to keep, and tools.
const (
	testRooms = "internal/ensemble internal/zkserver internal/store/storetest internal/zkserver/zkconformance internal/zkserver/zkservertest internal/zoo internal/store"
	testTools = "github.com/google/go-cmp github.com/rogpeppe/go-internal go.uber.org/goleak pgregory.net/rapid golang.org/x/sync github.com/sirupsen/logrus google.golang.org/grpc google.golang.org/protobuf"
)

// testsMay[room] is what the tests of one room need besides. Only the rooms at
// the top see the whole house at once.
var testsMay = map[string]string{
	"agent":              "client sdk github.com/go-zookeeper/zk",
	"client":             "agent sdk",
	"cmd/muster":         "proto/muster/v1",
	"sdk":                "internal/zkserver/tree",
	"internal/house":     "github.com/goccy/go-yaml",
	"internal/zkserver":  "github.com/go-zookeeper/zk",
	"internal/zoo":       "github.com/go-zookeeper/zk",
	"internal/sim":       "internal/plan",
	"integration":        "internal/zkserver/tree internal/plan internal/manifest internal/wire proto/muster/v1 examples/shop/order",
	"integration/chaos":  "golang.org/x/sys", // to stand in another namespace
	"integration/voyage": ". agent client sdk internal/sim internal/zkserver/tree github.com/anishathalye/porcupine",
}

func TestImportsFollowTheTable(t *testing.T) {
	eachPackage(t, func(t *testing.T, p pkg) {
		allowed, listed := may[p.room()]
		if !listed {
			t.Fatalf("package %s is not in the table: say in imports_test.go what it may import", p.room())
		}
		for _, path := range p.Imports {
			if !admits(allowed, path) {
				t.Errorf("%s may not import %s", p.room(), path)
			}
		}
		allowed += " " + p.room() + " " + testRooms + " " + testTools + " " + testsMay[p.room()]
		for _, path := range append(p.TestImports, p.XTestImports...) {
			if !admits(allowed, path) {
				t.Errorf("the tests of %s may not import %s", p.room(), path)
			}
		}
	})
}

// admits says whether a line of the table allows an import: a room by its name,
// what others wrote by its module.
func admits(allowed, path string) bool {
	if std(path) {
		return true
	}
	for _, name := range strings.Fields(allowed) {
		if ours(path) && name == room(path) {
			return true
		}
		if !ours(path) && (path == name || strings.HasPrefix(path, name+"/")) {
			return true
		}
	}
	return false
}

func TestAdmits(t *testing.T) {
	for _, tc := range []struct {
		allowed, path string
		want          bool
	}{
		{"", "net/http", true},
		{"", module, false},
		{".", module, true},
		{".", module + "/agent", false},
		{"internal/store", module + "/internal/store", true},
		{"internal/store", module + "/internal/store/storetest", false},
		{"example.org/yaml", "example.org/yaml/ast", true},
		{"example.org/yaml", "example.org/yaml2", false},
		{"net", "example.org/net", false},
	} {
		if got := admits(tc.allowed, tc.path); got != tc.want {
			t.Errorf("admits(%q, %q) = %t, want %t", tc.allowed, tc.path, got, tc.want)
		}
	}
}

// A service that embeds the SDK gets ZooKeeper's client and not our choice of
// logger, command line, registry or RPC.
func TestSDKStaysLight(t *testing.T) {
	cmd := exec.Command("go", "list", "-e", "-deps", "./sdk")
	cmd.Dir = top
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	for path := range strings.FieldsSeq(string(out)) {
		for _, heavy := range []string{"logrus", "urfave/cli", "hashicorp/consul", "google.golang.org/", "open-feature", "yaml"} {
			if strings.Contains(path, heavy) {
				t.Errorf("the SDK drags in %s", path)
			}
		}
	}
}
