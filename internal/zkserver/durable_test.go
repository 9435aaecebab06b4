package zkserver_test

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/go-zookeeper/zk"

	"github.com/musterhq/muster/internal/zkserver"
	"github.com/musterhq/muster/internal/zkserver/zkservertest"
)

// What a client was told survives a server that is killed, and so does its
// session with its ephemeral nodes. (No watch here: the client library reads its
// last zxid unguarded when it restores watches, which the race detector sees.)
func TestSurvivesAKill(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := zkservertest.Start(t, zkserver.Config{DataDir: dir, SnapshotEvery: 10})
	current := &switchboard{server: first}
	c, events, err := zk.Connect([]string{"127.0.0.1:1"}, 20*time.Second, zk.WithDialer(current.dial), zk.WithLogger(silent{}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Close()
		for range events {
		}
	})
	for range 25 {
		if _, err := c.Create("/n-", nil, zk.FlagEphemeral|zk.FlagSequence, everyone); err != nil {
			t.Fatal(err)
		}
	}
	id := c.SessionID()

	// The directory as a kill would leave it, while the first server still runs.
	killed := filepath.Join(t.TempDir(), "data")
	if err := os.CopyFS(killed, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	second := zkservertest.Start(t, zkserver.Config{DataDir: killed})
	current.set(second)
	first.Close()

	names, _, err := retry(c.Children, "/")
	if err != nil || len(names) != 26 || c.SessionID() != id {
		t.Fatalf("after the kill: %d names, %v, session 0x%x, was 0x%x", len(names), err, c.SessionID(), id)
	}
	name, err := c.Create("/n-", nil, zk.FlagSequence, everyone)
	if err != nil || name != "/n-0000000025" {
		t.Errorf("the next number: %s, %v", name, err)
	}
}

type silent struct{}

func (silent) Printf(string, ...any) {}

// switchboard dials whichever server is the current one.
type switchboard struct {
	mu     sync.Mutex // guards the field below
	server *zkserver.Server
}

func (b *switchboard) set(s *zkserver.Server) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.server = s
}

func (b *switchboard) dial(_, _ string, timeout time.Duration) (net.Conn, error) {
	b.mu.Lock()
	s := b.server
	b.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	return s.Dial(ctx)
}

// retry calls until the client is connected again.
func retry[A, B any](call func(string) (A, B, error), path string) (a A, b B, err error) {
	for range 100 {
		if a, b, err = call(path); err == nil {
			break
		}
	}
	return a, b, err
}
