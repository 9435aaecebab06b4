package zoo_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/internal/zoo"
)

func TestReads(t *testing.T) {
	bubble(t, func(w *world) {
		s := w.session(w.config())
		create(w, s, "/a", "/a/c", "/a/b")
		set(w, s, "/a", "second")

		node, err := s.Get(w.Context(), "/a")
		if err != nil {
			w.Fatal(err)
		}
		now := time.Now()
		want := zoo.Node{Path: "/a", Data: []byte("second"), Stat: zoo.Stat{
			Czxid: node.Stat.Czxid, Mzxid: node.Stat.Czxid + 1, Ctime: now, Mtime: now,
			Version: 1, Cversion: 2, NumChildren: 2,
		}}
		if diff := cmp.Diff(node, want); diff != "" {
			w.Errorf("got -, want +:\n%s", diff)
		}
		names, stat, err := s.Children(w.Context(), "/a")
		if err != nil {
			w.Fatal(err)
		}
		if diff := cmp.Diff(names, []string{"b", "c"}); diff != "" || stat != want.Stat {
			w.Errorf("got -, want +:\n%s\nstat %v, want %v", diff, stat, want.Stat)
		}
		if err := s.Sync(w.Context(), "/a"); err != nil {
			w.Error(err)
		}
		if _, err := s.Get(w.Context(), "/none"); err == nil || !errors.Is(err, zoo.ErrNoNode) || err.Error() != "get /none: no such node" {
			w.Errorf("got %v", err)
		}
		if _, _, err := s.Children(w.Context(), "/none"); !errors.Is(err, zoo.ErrNoNode) {
			w.Errorf("got %v, want no node", err)
		}
	})
}

func TestCommitGivesResults(t *testing.T) {
	bubble(t, func(w *world) {
		s := w.session(w.config())
		create(w, s, "/a", "/b", "/c")
		set(w, s, "/b", "x")
		results := commit(w, s, func(x *zoo.Txn) {
			x.Check("/a", 0)
			x.Set("/b", []byte("y"), 1)
			x.Create("/a/n-", nil, zoo.PersistentSequential)
			x.Create("/a/e-", nil, zoo.EphemeralSequential)
			x.Create("/e", nil, zoo.Ephemeral)
			x.Delete("/c", zoo.AnyVersion)
		})
		for i := range results {
			if i != 1 && results[i].Stat != (zoo.Stat{}) {
				w.Errorf("operation %d: got a stat that the server did not send", i)
			}
			results[i].Stat = zoo.Stat{}
		}
		want := []zoo.Result{
			{Path: "/a"}, {Path: "/b", Version: 2}, {Path: "/a/n-0000000000"}, {Path: "/a/e-0000000001"}, {Path: "/e"}, {Path: "/c"},
		}
		if diff := cmp.Diff(results, want); diff != "" {
			w.Errorf("got -, want +:\n%s", diff)
		}
		node, err := s.Get(w.Context(), "/e")
		if err != nil || node.Stat.EphemeralOwner != s.ID() {
			w.Errorf("got owner %x, error %v, want session %x", node.Stat.EphemeralOwner, err, s.ID())
		}
		if results, err := s.Commit(w.Context(), zoo.Txn{}); results != nil || err != nil {
			w.Errorf("got %v, %v for nothing", results, err)
		}
	})
}

// conflicts are commits that are refused, on a tree of /a (with /a/b) and /e,
// which is ephemeral.
var conflicts = map[string]struct {
	build func(*zoo.Txn)
	want  zoo.ConflictError
}{
	"check version": {func(x *zoo.Txn) { x.Check("/a", 3) }, zoo.ConflictError{Index: 1, Op: zoo.OpCheck, Path: "/a", Err: zoo.ErrBadVersion}},
	"check absent":  {func(x *zoo.Txn) { x.Check("/x", -1) }, zoo.ConflictError{Index: 1, Op: zoo.OpCheck, Path: "/x", Err: zoo.ErrNoNode}},
	"set version":   {func(x *zoo.Txn) { x.Set("/a", nil, 3) }, zoo.ConflictError{Index: 1, Op: zoo.OpSet, Path: "/a", Err: zoo.ErrBadVersion}},
	"set absent":    {func(x *zoo.Txn) { x.Set("/x", nil, -1) }, zoo.ConflictError{Index: 1, Op: zoo.OpSet, Path: "/x", Err: zoo.ErrNoNode}},
	"create twice": {func(x *zoo.Txn) {
		x.Create("/new", nil, zoo.Persistent)
		x.Create("/new", nil, zoo.Persistent)
	}, zoo.ConflictError{Index: 2, Op: zoo.OpCreate, Path: "/new", Err: zoo.ErrExists}},
	"create orphan":    {func(x *zoo.Txn) { x.Create("/x/y", nil, zoo.Persistent) }, zoo.ConflictError{Index: 1, Op: zoo.OpCreate, Path: "/x/y", Err: zoo.ErrNoNode}},
	"delete version":   {func(x *zoo.Txn) { x.Delete("/a/b", 3) }, zoo.ConflictError{Index: 1, Op: zoo.OpDelete, Path: "/a/b", Err: zoo.ErrBadVersion}},
	"delete absent":    {func(x *zoo.Txn) { x.Delete("/x", -1) }, zoo.ConflictError{Index: 1, Op: zoo.OpDelete, Path: "/x", Err: zoo.ErrNoNode}},
	"delete non-empty": {func(x *zoo.Txn) { x.Delete("/a", -1) }, zoo.ConflictError{Index: 1, Op: zoo.OpDelete, Path: "/a", Err: zoo.ErrNotEmpty}},
}

func TestRefusedCommitNamesItsOperation(t *testing.T) {
	for name, c := range conflicts {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(w *world) {
				s := w.session(w.config())
				create(w, s, "/a", "/a/b")
				refuses(w, s, "", c.build, c.want)
			})
		})
	}
}

// refuses commits between two operations that would succeed.
func refuses(t testing.TB, s *zoo.Session, root string, build func(*zoo.Txn), want zoo.ConflictError) {
	t.Helper()
	var inner, outer zoo.Txn
	build(&inner)
	outer.Set(root+"/a", []byte("must not stay"), zoo.AnyVersion)
	for _, op := range inner.Ops() {
		switch path := root + op.Path; op.Kind {
		case zoo.OpCheck:
			outer.Check(path, op.Version)
		case zoo.OpSet:
			outer.Set(path, op.Data, op.Version)
		case zoo.OpCreate:
			outer.Create(path, op.Data, op.Mode)
		case zoo.OpDelete:
			outer.Delete(path, op.Version)
		}
	}
	outer.Set(root+"/a", []byte("nor this"), zoo.AnyVersion)
	want.Path = root + want.Path

	_, err := s.Commit(t.Context(), outer)
	conflict := new(zoo.ConflictError)
	if !errors.As(err, &conflict) || *conflict != want {
		t.Errorf("got %v, want %v", err, &want)
	}
	wantErr(t, err, want.Err)
	if errors.Is(err, zoo.ErrUnknown) {
		t.Errorf("got %v: it is known", err)
	}
	if node, err := s.Get(t.Context(), root+"/a"); err != nil || string(node.Data) != "first" {
		t.Errorf("got %q, %v: it was applied in part", node.Data, err)
	}
}

func TestOtherRefusals(t *testing.T) {
	bubble(t, func(w *world) {
		s := w.session(w.config())
		commit(w, s, func(x *zoo.Txn) { x.Create("/e", nil, zoo.Ephemeral) })
		_, err := s.Commit(w.Context(), txn(func(x *zoo.Txn) { x.Create("/e/f", nil, zoo.Persistent) }))
		if err == nil || errors.Is(err, zoo.ErrUnknown) || !strings.Contains(err.Error(), "create /e/f") {
			w.Errorf("got %v, want a refusal that names the operation", err)
		}
	})
}

// A request of exactly the limit passes, whatever it ends with: the library
// panics when a flag falls on the end of its buffer.
func TestTooLarge(t *testing.T) {
	const limit = 4096
	fill := map[string]func(x *zoo.Txn, data []byte){
		"set": func(x *zoo.Txn, data []byte) { x.Set("/a", data, zoo.AnyVersion) },
		"create": func(x *zoo.Txn, data []byte) {
			x.Create("/b", data, zoo.Persistent)
			x.Delete("/b", zoo.AnyVersion)
		},
		"check": func(x *zoo.Txn, data []byte) { x.Set("/a", data, zoo.AnyVersion); x.Check("/a", zoo.AnyVersion) },
	}
	for name, build := range fill {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(w *world) {
				cfg := w.config()
				cfg.MaxRequest, cfg.Auth = limit, "a:b"
				cfg.ACL = func(string) []zoo.ACL { return []zoo.ACL{{zoo.PermAll, "auth", ""}, {zoo.PermRead, "world", "anyone"}} }
				s := w.session(cfg)
				create(w, s, "/a")
				first := 0
				for n := limit - 300; n <= limit; n++ {
					_, err := s.Commit(w.Context(), txn(func(x *zoo.Txn) { build(x, make([]byte, n)) }))
					switch {
					case err == nil && first == 0:
					case errors.Is(err, zoo.ErrTooLarge) && errors.Is(err, zoo.ErrNotSent):
						first = n
					default:
						w.Fatalf("%d bytes: got %v", n, err)
					}
				}
				if first == 0 {
					w.Error("all were taken")
				}
			})
		})
	}
}

func TestLongPaths(t *testing.T) {
	bubble(t, func(w *world) {
		cfg := w.config()
		cfg.MaxRequest = 1024
		s := w.session(cfg)
		for n := 900; n < 1200; n++ { // somewhere in between the library panics
			path := "/" + strings.Repeat("x", n-1)
			if _, err := s.Get(w.Context(), path); !errors.Is(err, zoo.ErrNoNode) && !errors.Is(err, zoo.ErrTooLarge) {
				w.Fatalf("%d bytes: got %v", n, err)
			}
			_, _, err := s.Watch(w.Context(), path)
			wantErr(w, err, map[bool]error{true: zoo.ErrTooLarge, false: err}[n > 1024])
		}
	})
}

// What the default limit lets through, the server takes too.
func TestLargestRequest(t *testing.T) {
	bubble(t, func(w *world) {
		s := w.session(w.config())
		create(w, s, "/a")
		n := 1 << 20
		for {
			_, err := s.Commit(w.Context(), txn(func(x *zoo.Txn) { x.Set("/a", make([]byte, n), zoo.AnyVersion) }))
			if err == nil {
				break
			}
			wantErr(w, err, zoo.ErrTooLarge)
			n--
		}
		if overhead := 1<<20 - n; overhead > 64 {
			w.Errorf("%d bytes are taken, so the limit is too low", n)
		}
		node, err := s.Get(w.Context(), "/a")
		if err != nil || len(node.Data) != n {
			w.Errorf("got %d bytes, %v, want %d", len(node.Data), err, n)
		}
	})
}

func TestMalformedPaths(t *testing.T) {
	bubble(t, func(w *world) {
		s := w.session(w.config())
		for _, path := range []string{"", "a", "//", "/a/", "/a//b", "/a/../b", "/.", "/a\x00", "/a\x7f", "/\uf000", "/\ufff0"} {
			_, err := s.Commit(w.Context(), txn(func(x *zoo.Txn) { x.Create(path, nil, zoo.Persistent) }))
			if err == nil || !errors.Is(err, zoo.ErrNotSent) || !strings.Contains(err.Error(), fmt.Sprintf("create %q", path)) {
				w.Errorf("commit %q: got %v", path, err)
			}
			if _, err := s.Get(w.Context(), path); err == nil || errors.Is(err, zoo.ErrNoNode) {
				w.Errorf("get %q: got %v", path, err)
			}
			if _, _, err := s.Watch(w.Context(), path); err == nil || errors.Is(err, zoo.ErrNoNode) {
				w.Errorf("watch %q: got %v", path, err)
			}
		}
		create(w, s, "/ä.b", "/ä.b/..c")
	})
}

func TestConfigIsChecked(t *testing.T) {
	for want, cfg := range map[string]zoo.Config{
		"no servers": {},
		"host:port":  {Servers: []string{"localhost"}},
		"auth":       {Servers: []string{"a:1"}, Auth: "secret"},
		"negative":   {Servers: []string{"a:1"}, Poll: -1},
	} {
		_, err := zoo.Dial(t.Context(), cfg)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("got %v, want one that says %q", err, want)
		}
	}
}
