package txnlog_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/internal/zkserver/tree"
	"github.com/musterhq/muster/internal/zkserver/txnlog"
)

// store is a tree and its log.
type store struct {
	t    *testing.T
	tree *tree.Tree
	log  *txnlog.Log
}

func open(t *testing.T, dir string, every int) *store {
	t.Helper()
	s := &store{t: t, tree: tree.New()}
	var err error
	if s.log, err = txnlog.Open(dir, s.tree, every); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.log.Close() })
	return s
}

// write makes transaction i and syncs it.
func (s *store) write(i int) {
	s.t.Helper()
	h := tree.Header{Zxid: s.tree.Zxid() + 1, Time: int64(i)}
	who := tree.Actor{Trusted: true, Session: int64(i % 3)}
	op := tree.Op{Kind: tree.Create, Path: fmt.Sprintf("/%04d", i), Data: []byte{byte(i)}}
	switch i % 5 {
	case 1:
		op = tree.Op{Kind: tree.OpenSession, Timeout: 4000, Data: []byte("password")}
	case 2:
		op.Mode = tree.Ephemeral
	case 4:
		op = tree.Op{Kind: tree.SetData, Path: fmt.Sprintf("/%04d", i-1), Version: -1}
	}
	out := s.tree.Apply(h, who, op)
	if !out.OK {
		s.t.Fatalf("write %d: %v", i, out.Results)
	}
	s.log.Append(out.Txn, s.tree)
	if err := s.log.Sync(h.Zxid); err != nil {
		s.t.Fatal(err)
	}
}

type state struct {
	Zxid     int64
	Entries  []tree.Entry
	Sessions []tree.Session
}

func (s *store) state() state {
	return state{s.tree.Zxid(), slices.Collect(s.tree.Entries()), s.tree.Sessions()}
}

// crashed copies a directory as a process that is killed now would leave it.
func crashed(t *testing.T, dir string) string {
	t.Helper()
	copied := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return copied
}

func TestSurvivesACrashAtAnyMoment(t *testing.T) {
	t.Parallel()
	for _, every := range []int{3, 1000} { // snapshots in the middle, and none
		dir := t.TempDir()
		s := open(t, dir, every)
		for i := range 25 {
			s.write(i)
			again := open(t, crashed(t, dir), every)
			if diff := cmp.Diff(s.state(), again.state()); diff != "" {
				t.Fatalf("snapshot every %d, after %d:\n%s", every, i, diff)
			}
			again.write(5000) // and goes on
		}
	}
}

func TestATornEndIsCutOff(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir, 1000)
	for i := range 4 {
		s.write(i)
	}
	file := only(t, dir, "log.")
	whole := size(t, file)
	before := s.state()
	s.write(5)
	for cut := whole; cut < size(t, file); cut++ {
		copied := crashed(t, dir)
		if err := os.Truncate(only(t, copied, "log."), cut); err != nil {
			t.Fatal(err)
		}
		again := open(t, copied, 1000)
		if diff := cmp.Diff(before, again.state()); diff != "" {
			t.Fatalf("cut at %d of %d:\n%s", cut, size(t, file), diff)
		}
		again.write(6)
		third := open(t, crashed(t, copied), 1000)
		if diff := cmp.Diff(again.state(), third.state()); diff != "" {
			t.Fatalf("written after a cut at %d:\n%s", cut, diff)
		}
	}
}

func TestDamageIsReportedNotGuessedAt(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir, 5)
	for i := range 12 {
		s.write(i)
	}
	for _, prefix := range []string{"snapshot."} {
		copied := crashed(t, dir)
		file := only(t, copied, prefix)
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		content[len(content)/2] ^= 1
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := txnlog.Open(copied, tree.New(), 5); err == nil || !strings.Contains(err.Error(), prefix) {
			t.Errorf("a flipped bit in %s: %v", file, err)
		}
	}
}

func TestADirectoryHasOneServer(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir, 5)
	if _, err := txnlog.Open(dir, tree.New(), 5); err == nil {
		t.Error("opened twice")
	}
	if err := s.log.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, dir, 5)
}

func TestManyWaitForOneSync(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir, 7)
	var wg sync.WaitGroup
	for i := range 60 {
		h := tree.Header{Zxid: s.tree.Zxid() + 1}
		out := s.tree.Apply(h, tree.Actor{Trusted: true}, tree.Op{Kind: tree.Create, Path: fmt.Sprintf("/%d", i)})
		s.log.Append(out.Txn, s.tree)
		wg.Go(func() {
			if err := s.log.Sync(h.Zxid); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	again := open(t, crashed(t, dir), 7)
	if diff := cmp.Diff(s.state(), again.state()); diff != "" {
		t.Error(diff)
	}
}

func only(t *testing.T, dir, prefix string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, prefix+"*"))
	if err != nil || len(files) != 1 {
		t.Fatalf("%s* in %s: %v, %v", prefix, dir, files, err)
	}
	return files[0]
}

func size(t *testing.T, file string) int64 {
	t.Helper()
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}
