package tree_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/musterhq/muster/internal/zkserver/tree"
)

// dump is everything a tree holds, for comparing.
type dump struct {
	Zxid       int64
	Entries    []tree.Entry
	Sessions   []tree.Session
	Children   map[string][]string
	Ephemerals map[int64][]string
	Size       tree.Size
	Idle       []string
}

func dumpOf(t *tree.Tree) dump {
	d := dump{
		Zxid: t.Zxid(), Entries: slices.Collect(t.Entries()), Sessions: t.Sessions(),
		Children: map[string][]string{}, Ephemerals: map[int64][]string{}, Size: t.Size(), Idle: t.Idle(1 << 50),
	}
	for _, e := range d.Entries {
		d.Children[e.Path], _, _ = t.Children(e.Path, tree.Actor{Trusted: true})
	}
	for s := range int64(4) {
		d.Ephemerals[s] = t.Ephemerals(s)
	}
	return d
}

func anyOp(r *rapid.T) tree.Op {
	paths := []string{"/", "/a", "/a/b", "/a/b/c", "/x", "/x/y-", "bad", "/zookeeper", "/zookeeper/quota/q"}
	world := tree.ACL{Perms: tree.PermAll, ID: tree.ID{Scheme: "world", ID: "anyone"}}
	lists := [][]tree.ACL{
		{world},
		{world},
		{world},
		nil,
		{{Perms: tree.PermRead | tree.PermCreate, ID: world.ID}},
		{{Perms: tree.PermAll, ID: tree.ID{Scheme: "auth"}}},
	}
	return tree.Op{
		Kind:    tree.Kind(rapid.IntRange(int(tree.Create), int(tree.CloseSession)).Draw(r, "kind")),
		Path:    rapid.SampledFrom(paths).Draw(r, "path"),
		Data:    rapid.SliceOfN(rapid.Byte(), 0, 3).Draw(r, "data"),
		ACL:     rapid.SampledFrom(lists).Draw(r, "acl"),
		Mode:    rapid.SampledFrom([]tree.Mode{0, 0, tree.Ephemeral, tree.Sequential, tree.Ephemeral | tree.Sequential, tree.Container, tree.TTL}).Draw(r, "mode"),
		Version: int32(rapid.IntRange(-1, 1).Draw(r, "version")),
		TTL:     int64(rapid.IntRange(0, 2).Draw(r, "ttl")),
	}
}

// A refused transaction leaves no trace; the log of the others gives the same
// tree again, and so does a snapshot.
func TestAllOrNothingAndTheSameAgain(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		live, replica := tree.New(), tree.New()
		for i := range rapid.IntRange(1, 30).Draw(r, "transactions") {
			ops := rapid.SliceOfN(rapid.Custom(anyOp), 1, 4).Draw(r, "ops")
			who := tree.Actor{Session: int64(1 + rapid.IntRange(0, 2).Draw(r, "session"))}
			if rapid.Bool().Draw(r, "authenticated") {
				who.IDs = []tree.ID{{Scheme: "digest", ID: "ann:hash"}}
			}
			before := dumpOf(live)
			out := live.Apply(tree.Header{Zxid: live.Zxid() + 1, Time: int64(1000 + i)}, who, ops...)
			if !out.OK {
				if diff := cmp.Diff(before, dumpOf(live)); diff != "" {
					r.Fatalf("a refused transaction changed the tree:\n%s", diff)
				}
				continue
			}
			if err := replica.Redo(out.Txn); err != nil {
				r.Fatal(err)
			}
		}
		if diff := cmp.Diff(dumpOf(live), dumpOf(replica)); diff != "" {
			r.Fatalf("the log gives another tree:\n%s", diff)
		}
		restored := tree.New()
		restored.Advance(live.Zxid())
		for e := range live.Entries() {
			if !restored.Restore(e) {
				r.Fatalf("restore %q", e.Path)
			}
		}
		for _, s := range live.Sessions() {
			restored.RestoreSession(s)
		}
		if diff := cmp.Diff(dumpOf(live), dumpOf(restored)); diff != "" {
			r.Fatalf("the snapshot gives another tree:\n%s", diff)
		}
	})
}

func TestEventsNameEachChangeInOrder(t *testing.T) {
	t.Parallel()
	root := tree.Actor{Trusted: true, Session: 7}
	tr := tree.New()
	create := func(path string, mode tree.Mode) tree.Op { return tree.Op{Kind: tree.Create, Path: path, Mode: mode} }
	out := tr.Apply(tree.Header{Zxid: 1}, root,
		create("/a", 0), create("/a/e", tree.Ephemeral), tree.Op{Kind: tree.SetData, Path: "/a", Version: -1})
	out2 := tr.Apply(tree.Header{Zxid: 2}, root, tree.Op{Kind: tree.CloseSession})
	want := []tree.Event{
		{tree.NodeCreated, "/a"},
		{tree.NodeChildrenChanged, "/"},
		{tree.NodeCreated, "/a/e"},
		{tree.NodeChildrenChanged, "/a"},
		{tree.NodeDataChanged, "/a"},
		{tree.NodeDeleted, "/a/e"},
		{tree.NodeChildrenChanged, "/a"},
	}
	if diff := cmp.Diff(want, append(out.Events, out2.Events...)); diff != "" {
		t.Error(diff)
	}
}

func TestIdleNodes(t *testing.T) {
	t.Parallel()
	tr, zxid := tree.New(), int64(0)
	do := func(now int64, op tree.Op) {
		t.Helper()
		zxid++
		if out := tr.Apply(tree.Header{Zxid: zxid, Time: now}, tree.Actor{Trusted: true}, op); !out.OK {
			t.Fatalf("%+v: %v", op, out.Results)
		}
	}
	do(0, tree.Op{Kind: tree.Create, Path: "/new", Mode: tree.Container})
	do(0, tree.Op{Kind: tree.Create, Path: "/used", Mode: tree.Container})
	do(0, tree.Op{Kind: tree.Create, Path: "/used/x"})
	do(0, tree.Op{Kind: tree.Create, Path: "/ttl", Mode: tree.TTL, TTL: 100})
	for _, step := range []struct {
		now  int64
		do   tree.Op
		want []string
	}{
		{100, tree.Op{Kind: tree.Check, Path: "/", Version: -1}, nil},
		{101, tree.Op{Kind: tree.Delete, Path: "/used/x", Version: -1}, []string{"/ttl", "/used"}},
		{150, tree.Op{Kind: tree.SetData, Path: "/ttl", Version: -1}, []string{"/used"}},
		{300, tree.Op{Kind: tree.Create, Path: "/ttl/x"}, []string{"/used"}},
		{300, tree.Op{Kind: tree.DeleteContainer, Path: "/used", Version: -1}, nil},
	} {
		do(step.now, step.do)
		if diff := cmp.Diff(step.want, tr.Idle(step.now)); diff != "" {
			t.Errorf("at %d after %+v:\n%s", step.now, step.do, diff)
		}
	}
	out := tr.Apply(tree.Header{Zxid: zxid + 1}, tree.Actor{Trusted: true}, tree.Op{Kind: tree.DeleteContainer, Path: "/zookeeper/quota", Version: -1})
	if out.OK {
		t.Error("a plain node went the way of containers")
	}
}

func TestCodesHaveNames(t *testing.T) {
	t.Parallel()
	names := map[string]tree.Code{}
	for c := tree.Code(-130); c <= 0; c++ {
		if other, ok := names[c.String()]; ok {
			t.Errorf("%d and %d are both %q", c, other, c)
		}
		names[c.String()] = c
	}
	if got := fmt.Sprint(tree.NoNode); got != "no node" {
		t.Errorf("NoNode is %q (%v)", got, slices.Sorted(maps.Keys(names)))
	}
}
