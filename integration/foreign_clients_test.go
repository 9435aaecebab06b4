package integration_test

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/internal/zkserver"
	"github.com/musterhq/muster/internal/zkserver/zkservertest"
)

// The embedded server is claimed to be ZooKeeper to any client, so clients that
// nobody here wrote are put to it, as Debian packages them.
const (
	zkCli  = "/usr/share/zookeeper/bin/zkCli.sh"
	python = "/usr/bin/python3" // Debian's: another one on the PATH would have no kazoo
)

func TestKazooAgainstTheEmbeddedServer(t *testing.T) {
	t.Parallel()
	missing(t, exec.Command(python, "-c", "import kazoo").Run(), "Python with kazoo", "python3-kazoo")
	s := zkservertest.Start(t, zkserver.Config{Addr: "127.0.0.1:0"})
	got := runForeign(t, "", python, "testdata/with_kazoo.py", s.Addr())
	want := []string{"nodes", "kinds", "transactions", "watches", "reconnects", "access", "lock", "election", "commands"}
	if diff := cmp.Diff(want, strings.Fields(got)); diff != "" {
		t.Errorf("kazoo (-want +got):\n%s", diff)
	}
}

func TestZkCliAgainstTheEmbeddedServer(t *testing.T) {
	t.Parallel()
	_, err := os.Stat(zkCli)
	missing(t, err, "ZooKeeper's command line", "zookeeper")
	s := zkservertest.Start(t, zkserver.Config{Addr: "127.0.0.1:0"})
	script := []struct{ command, want string }{
		{"create /shop data", "Created /shop"},
		{"create -e /shop/live x", "Created /shop/live"},
		{"create -s /shop/s- x", "Created /shop/s-0000000001"},
		{"create -e -s /shop/s- x", "Created /shop/s-0000000002"},
		{"create -c /shop/box c", "Created /shop/box"},
		{"create -t 60000 /shop/ttl x", "Created /shop/ttl"},
		{"create /shop again", "Node already exists: /shop"},
		{"create /no/parent x", "Node does not exist: /no/parent"},
		{"create /shop/live/child x", "Ephemerals cannot have children: /shop/live/child"},
		{"ls /shop", "[box, live, s-0000000001, s-0000000002, ttl]"},
		{"get -w /shop", "\ndata\n"},
		{"set -v 0 /shop changed", "WatchedEvent state:SyncConnected type:NodeDataChanged path:/shop"},
		{"get -s /shop", "\nchanged\n"},
		{"stat /shop", "dataVersion = 1"},
		{"set -v 0 /shop late", "version No is not valid : /shop"},
		{"ls -w /shop", "[box, live, s-0000000001, s-0000000002, ttl]"},
		{"delete /shop/ttl", "WatchedEvent state:SyncConnected type:NodeChildrenChanged path:/shop"},
		{"delete /shop", "Node not empty: /shop"},
		{"delete /none", "Node does not exist: /none"},
		{"addWatch -m PERSISTENT_RECURSIVE /shop", ""},
		{"create /shop/box/deep x", "WatchedEvent state:SyncConnected type:NodeCreated path:/shop/box/deep"},
		{"removewatches /shop", "WatchedEvent state:SyncConnected type:PersistentWatchRemoved path:/shop"},
		{"ls -R /shop/box", "/shop/box/deep"},
		{"getAllChildrenNumber /shop", "\n5\n"},
		{"getEphemerals /shop", "[/shop/live, /shop/s-0000000002]"},
		{"addauth digest ann:secret", ""},
		{"whoami", "digest: ann"},
		{"setAcl /shop/box auth::cdrwa", ""},
		{"getAcl /shop/box", "'digest,'ann:"},
		{"sync /shop", "Sync is OK"},
		{"deleteall /shop", ""},
		{"get /shop", "Node does not exist: /shop"},
		{"version", "ZooKeeper CLI version: 3."},
		{"close", "WatchedEvent state:Closed type:None path:null"},
	}
	var input strings.Builder
	for _, line := range script {
		input.WriteString(line.command + "\n")
	}
	got := runForeign(t, input.String()+"quit\n", zkCli, "-server", s.Addr())
	for _, line := range script {
		if !strings.Contains(got, line.want) {
			t.Errorf("%s: no %q", line.command, line.want)
		}
	}
	if t.Failed() {
		t.Logf("zkCli.sh said:\n%s", got)
	}
}

// missing skips the test without its tool, and fails it where nothing may be
// skipped unseen.
func missing(t *testing.T, err error, tool, debian string) {
	t.Helper()
	if err == nil {
		return
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("CI=true, and no %s: %v", tool, err)
	}
	t.Skipf("no %s (install the Debian package %s): %v", tool, debian, err)
}

// runForeign runs a program to its end and returns all that it printed.
func runForeign(t *testing.T, input, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdin = strings.NewReader(input)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%s: %v\n%s", name, err, out)
	}
	return string(out)
}
