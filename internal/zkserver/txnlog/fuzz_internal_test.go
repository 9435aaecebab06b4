package txnlog

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/internal/zkserver/jute"
	"github.com/musterhq/muster/internal/zkserver/tree"
)

// grown is a small tree, with the transactions that made it.
func grown() (*tree.Tree, []byte) {
	t := tree.New()
	var log []byte
	for i, ops := range [][]tree.Op{
		{{Kind: tree.OpenSession, Timeout: 4000, Data: []byte("password")}},
		{{Kind: tree.Create, Path: "/muster", Data: []byte("x"), ACL: []tree.ACL{{Perms: 31, ID: tree.ID{Scheme: "world", ID: "anyone"}}}}},
		{{Kind: tree.Create, Path: "/muster/live", Mode: tree.Ephemeral}, {Kind: tree.SetData, Path: "/muster", Version: -1}},
		{{Kind: tree.Create, Path: "/muster/ttl", Mode: tree.TTL, TTL: 5}, {Kind: tree.Delete, Path: "/muster/ttl", Version: -1}},
	} {
		out := t.Apply(tree.Header{Zxid: int64(i + 1), Time: 1}, tree.Actor{Session: 9, Trusted: true}, ops...)
		log = appendRecord(log, func(w *jute.Writer) { writeTxn(w, out.Txn) })
	}
	return t, log
}

// FuzzRecover: whatever lies in a snapshot and in the log after it is either
// refused or read, and what was read can be written and read alike; and never
// costs more memory than the files could hold. A body gets its right checksum,
// or nothing behind the checksum would ever be reached.
func FuzzRecover(f *testing.F) {
	t, log := grown()
	snapshot := encode(t)
	f.Add(snapshot, log, []byte(nil))
	f.Add([]byte(nil), log, []byte(nil))
	f.Add([]byte(nil), log[:len(log)-3], []byte(nil))
	f.Add(snapshot[:len(snapshot)-headSize], log, []byte(nil))
	f.Add([]byte(nil), []byte{0x0f, 0xff, 0xff, 0xff, 1, 2, 3, 4, 5}, []byte(nil))
	f.Add([]byte{0x0f, 0xff, 0xff, 0xff, 1, 2, 3, 4, 5}, []byte(nil), []byte(nil))
	for records := log; len(records) > 0; {
		n := headSize + int(records[3])
		f.Add([]byte(nil), []byte(nil), records[headSize:n])
		records = records[n:]
	}
	f.Fuzz(func(t *testing.T, snapshot, log, body []byte) {
		if len(body) > 0 {
			log = sealed(log, body)
		}
		tr, err := recovered(t, snapshot, log)
		if err != nil {
			return
		}
		first := encode(tr)
		again, err := recovered(t, first, nil)
		if err != nil {
			t.Fatalf("what was read cannot be read again: %v", err)
		}
		if diff := cmp.Diff(slices.Collect(again.Entries()), slices.Collect(tr.Entries())); diff != "" {
			t.Errorf("changed on the way (-again +first):\n%s", diff)
		}
		if !bytes.Equal(encode(again), first) {
			t.Error("a snapshot of a snapshot is another one")
		}
	})
}

// recovered reads a snapshot, where there is one, and a log.
func recovered(t *testing.T, snapshot, log []byte) (*tree.Tree, error) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	tr := tree.New()
	var err error
	if len(snapshot) > 0 {
		err = restore(bytes.NewReader(snapshot), tr)
	}
	if err == nil {
		_, _, err = redo(bytes.NewReader(log), tr)
	}
	runtime.ReadMemStats(&after)
	size := len(snapshot) + len(log)
	if took, most := after.TotalAlloc-before.TotalAlloc, uint64(1<<20+200*size); took > most {
		t.Errorf("%d bytes of files took %d of memory", size, took)
	}
	return tr, err
}

// The files hold everything, the sessions' passwords too.
func TestFilesAreForTheirOwnerOnly(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	tr := tree.New()
	l, err := Open(dir, tr, 2)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		out := tr.Apply(tree.Header{Zxid: int64(i + 1)}, tree.Actor{Session: int64(i), Trusted: true}, tree.Op{Kind: tree.OpenSession})
		l.Append(out.Txn, tr)
		if err := l.Sync(int64(i + 1)); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) < 3 { // a snapshot, a log and the lock
		t.Fatalf("got %v, %v", files, err)
	}
	for _, path := range append(files, dir) {
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
	}
}

// sealed appends a record with this body, whatever it is.
func sealed(log, body []byte) []byte {
	head := binary.BigEndian.AppendUint32(nil, uint32(len(body)))
	head = binary.BigEndian.AppendUint32(head, crc32.Checksum(body, castagnoli()))
	return slices.Concat(log, head, body)
}
