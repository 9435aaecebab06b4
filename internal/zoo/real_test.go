package zoo_test

import (
	"context"
	"errors"
	"net"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/internal/ensemble"
	"github.com/musterhq/muster/internal/zoo"
)

func realSession(t *testing.T, cfg zoo.Config) *zoo.Session {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	s, err := zoo.Dial(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// await waits for a watch in real time.
func await(t *testing.T, ch <-chan struct{}) {
	t.Helper()
	select {
	case <-ch:
	case <-time.After(20 * time.Second):
		t.Fatal("the watch did not fire")
	}
}

func TestRealZooKeeper(t *testing.T) {
	servers, root := ensemble.Shared(t).Servers(), ensemble.Root(t)
	cfg := zoo.Config{Servers: servers, Poll: time.Hour}
	s := realSession(t, cfg)
	create(t, s, root, root+"/a", root+"/a/b")

	t.Run("refusals", func(t *testing.T) {
		for name, c := range conflicts {
			t.Run(name, func(t *testing.T) { refuses(t, s, root, c.build, c.want) })
		}
	})
	t.Run("results", func(t *testing.T) {
		create(t, s, root+"/r")
		results := commit(t, s, func(x *zoo.Txn) {
			x.Set(root+"/r", []byte("y"), 0)
			x.Create(root+"/r/n-", nil, zoo.EphemeralSequential)
		})
		if results[0].Version != 1 || results[1].Path != root+"/r/n-0000000000" {
			t.Errorf("got %v", results)
		}
		names, stat, err := s.Children(t.Context(), root+"/r")
		if diff := cmp.Diff(names, []string{"n-0000000000"}); diff != "" || err != nil || stat.NumChildren != 1 || stat.Version != 1 {
			t.Errorf("got %v, %v, %v", names, stat, err)
		}
		node, err := s.Get(t.Context(), root+"/r/n-0000000000")
		if err != nil || node.Stat.EphemeralOwner != s.ID() {
			t.Errorf("got %v, %v, want owner %x", node, err, s.ID())
		}
	})
	t.Run("watches", func(t *testing.T) {
		other := realSession(t, cfg)
		_, appears, err := s.Watch(t.Context(), root+"/w")
		wantErr(t, err, zoo.ErrNoNode)
		create(t, other, root+"/w")
		await(t, appears)
		if err := s.Sync(t.Context(), root); err != nil {
			t.Fatal(err)
		}
		data, children := watch(t, s, root+"/w"), watchChildren(t, s, root+"/w")
		set(t, other, root+"/w", "second")
		await(t, data)
		create(t, other, root+"/w/x")
		await(t, children)
	})
	t.Run("credentials", func(t *testing.T) {
		cfg := cfg
		cfg.Auth, cfg.ACL = "ann:right", mine
		create(t, realSession(t, cfg), root+"/secret")
		cfg.Auth = "ann:wrong"
		wrong := realSession(t, cfg)
		if err := wrong.Sync(t.Context(), root); err != nil {
			t.Fatal(err)
		}
		_, err := wrong.Get(t.Context(), root+"/secret")
		wantErr(t, err, zoo.ErrDenied)
		_, err = wrong.Commit(t.Context(), txn(func(x *zoo.Txn) { x.Set(root+"/secret", nil, zoo.AnyVersion) }))
		wantErr(t, err, zoo.ErrDenied)
	})
	t.Run("largest request", func(t *testing.T) {
		create(t, s, root+"/large")
		for n := 1 << 20; ; n-- {
			_, err := s.Commit(t.Context(), txn(func(x *zoo.Txn) { x.Set(root+"/large", make([]byte, n), zoo.AnyVersion) }))
			if err == nil {
				break
			}
			wantErr(t, err, zoo.ErrTooLarge)
		}
		set(t, s, root+"/large", "") // the next reader is spared
	})
	t.Run("close", func(t *testing.T) {
		mortal := realSession(t, cfg)
		commit(t, mortal, func(x *zoo.Txn) { x.Create(root+"/live", nil, zoo.Ephemeral) })
		mortal.Close()
		if err := s.Sync(t.Context(), root); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Get(t.Context(), root+"/live"); !errors.Is(err, zoo.ErrNoNode) {
			t.Errorf("got %v, want no node", err)
		}
	})
}

// A server that is stopped, and one that is killed, are left for another, and
// the session, its watches and its ephemeral nodes live on.
func TestRealServerFails(t *testing.T) {
	e := ensemble.Start(t, 3)
	for name, fail := range map[string]func(i int){"paused": e.Pause, "killed": e.Kill} {
		t.Run(name, func(t *testing.T) {
			e.Await(t)
			root := ensemble.Root(t)
			var server atomic.Value
			cfg := zoo.Config{Servers: e.Servers(), SessionTimeout: 12 * time.Second, OpTimeout: 3 * time.Second, Poll: time.Hour, Logger: t.Logf}
			cfg.Dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
				server.Store(addr)
				return new(net.Dialer).DialContext(ctx, network, addr)
			}
			s := realSession(t, cfg)
			commit(t, s, func(x *zoo.Txn) { x.Create(root, nil, zoo.Persistent); x.Create(root+"/live", nil, zoo.Ephemeral) })
			changed := watch(t, s, root)
			i := slices.Index(e.Servers(), server.Load().(string))
			failed := time.Now()
			fail(i)
			defer func() {
				e.Resume(i)
				e.Restart(t, i)
			}()
			for s.Contact().Before(failed) {
				select {
				case <-s.Done():
					t.Fatal(s.Err())
				case <-time.After(50 * time.Millisecond):
				}
			}
			t.Logf("contact again after %v", s.Contact().Sub(failed))
			for {
				_, err := s.Commit(t.Context(), txn(func(x *zoo.Txn) {
					x.Check(root+"/live", 0)
					x.Set(root, []byte("second"), zoo.AnyVersion)
				}))
				if err == nil {
					break
				}
				if errors.Is(err, zoo.ErrSessionEnded) || errors.As(err, new(*zoo.ConflictError)) {
					t.Fatal(err)
				}
			}
			await(t, changed)
		})
	}
}
