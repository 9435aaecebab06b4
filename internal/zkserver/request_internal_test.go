package zkserver

import (
	"testing"

	"github.com/musterhq/muster/internal/zkserver/jute"
	"github.com/musterhq/muster/internal/zkserver/tree"
)

// Whatever a client sends is either a request or an error, never more ops than
// bytes, and the server stands.
func FuzzRequest(f *testing.F) {
	seed := func(op opcode, body func(w *jute.Writer)) {
		w := jute.NewWriter(nil)
		w.Int32(1)
		w.Int32(int32(op))
		body(w)
		f.Add(w.Data())
	}
	create := func(w *jute.Writer) {
		w.String("/a")
		w.Bytes([]byte("x"))
		writeACL(w, []tree.ACL{{Perms: 31, ID: tree.ID{Scheme: "world", ID: "anyone"}}})
		w.Int32(3)
	}
	seed(opCreate, create)
	seed(opMulti, func(w *jute.Writer) {
		writeMultiHeader(w, opCreate2, false, -1)
		create(w)
		writeMultiHeader(w, opCheck, false, -1)
		w.String("/")
		w.Int32(0)
		writeMultiEnd(w)
	})
	seed(opSetWatches2, func(w *jute.Writer) {
		w.Int64(1)
		for range 5 {
			w.Strings([]string{"/a", "/b"})
		}
	})
	seed(opGetChildren2, func(w *jute.Writer) { w.String("/"); w.Bool(true) })
	seed(opMulti, func(w *jute.Writer) { w.Int32(1 << 30); w.Bool(false) })
	f.Fuzz(func(t *testing.T, packet []byte) {
		q, err := parseRequest(packet)
		if err != nil {
			return
		}
		if len(q.ops) > len(packet) || len(q.subs) > len(packet) {
			t.Fatalf("%d ops out of %d bytes", len(q.ops), len(packet))
		}
		for _, op := range q.ops {
			if op.Kind == tree.OpenSession || op.Kind == tree.CloseSession || op.Kind == tree.DeleteContainer {
				t.Fatalf("a client may not ask for %d", op.Kind)
			}
		}
		tree.New().Apply(tree.Header{Zxid: 1}, tree.Actor{Session: 1}, q.ops...)
		q.paths()
	})
}
