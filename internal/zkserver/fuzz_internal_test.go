package zkserver

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"net"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/internal/zkserver/jute"
	"github.com/musterhq/muster/internal/zkserver/tree"
)

func pipe() (net.Conn, net.Conn) { return net.Pipe() }

// framed puts packets behind their lengths.
func framed(packets ...[]byte) (stream []byte) {
	for _, p := range packets {
		stream = binary.BigEndian.AppendUint32(stream, uint32(len(p)))
		stream = append(stream, p...)
	}
	return stream
}

// asked is a packet with an operation.
func asked(op opcode, body func(*jute.Writer)) []byte {
	w := jute.NewWriter(nil)
	w.Int32(1)
	w.Int32(int32(op))
	body(w)
	return w.Data()
}

// FuzzConn: whatever a client sends, with a session or without, the server
// neither falls nor hangs, keeps its memory, and serves the next one.
func FuzzConn(f *testing.F) {
	nothing := func(*jute.Writer) {}
	path := func(w *jute.Writer) { w.String("/"); w.Bool(true) }
	f.Add(true, framed(asked(opGetChildren2, path), asked(opPing, nothing), asked(opCloseSession, nothing)))
	f.Add(true, framed(asked(opCreate, creating("/a", 10, open31...)), asked(opGetData, path), asked(opWhoAmI, nothing)))
	f.Add(true, framed(asked(opMulti, func(w *jute.Writer) {
		writeMultiHeader(w, opCreate2, false, -1)
		creating("/m", 1, open31...)(w)
		writeMultiEnd(w)
	}), asked(opGetACL, func(w *jute.Writer) { w.String("/m") }), asked(opGetEphemerals, func(w *jute.Writer) { w.String("/") })))
	f.Add(true, framed(asked(opAddWatch, func(w *jute.Writer) { w.String("/"); w.Int32(1) }), asked(opCreate, creating("/a", 0, open31...))))
	f.Add(true, framed(asked(opAuth, func(w *jute.Writer) { w.Int32(0); w.String("digest"); w.Bytes([]byte("a:b")) }), asked(opReconfig, nothing)))
	f.Add(true, []byte{0x7f, 0xff, 0xff, 0xff, 1})
	f.Add(true, framed(nil, []byte{1}, make([]byte, 8)))
	f.Add(false, framed(make([]byte, 28), asked(opPing, nothing)))
	f.Add(false, []byte("ruok"))
	f.Add(false, []byte("mntr and more"))
	f.Add(false, []byte{0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, session bool, stream []byte) {
		s, err := New(Config{MaxRequest: 64 << 10, MaxQueue: 256 << 10, MaxNodes: 1000, MaxBytes: 1 << 20})
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		wg.Go(func() {
			if err := s.Run(context.Background()); err != nil {
				t.Errorf("the server fell: %v", err)
			}
		})
		defer wg.Wait()
		defer s.Close()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if session {
			stream = append(framed(make([]byte, 28)), stream...)
		}
		talk(t, s, stream)
		runtime.ReadMemStats(&after)
		if took, most := after.TotalAlloc-before.TotalAlloc, uint64(8<<20+2000*len(stream)); took > most {
			t.Errorf("%d bytes took %d of memory", len(stream), took)
		}
		if answer := talk(t, s, []byte("ruok")); string(answer) != "imok" {
			t.Errorf("afterwards the server says %q", answer)
		}
	})
}

// talk sends all, hangs up, and returns what was answered.
func talk(t *testing.T, s *Server, stream []byte) []byte {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	nc, err := s.Dial(ctx)
	if err != nil {
		t.Fatalf("the server does not accept: %v", err)
	}
	_ = nc.SetDeadline(time.Now().Add(20 * time.Second))
	var answer bytes.Buffer
	var reading sync.WaitGroup
	reading.Go(func() { _, err = io.Copy(&answer, nc) })
	_, _ = nc.Write(stream)       // it may be hung up on before the end
	if string(stream) != "ruok" { // which is answered and hung up on
		nc.Close()
	}
	reading.Wait()
	if ne, ok := err.(net.Error); ok && ne.Timeout() { //nolint:errorlint // as net says
		t.Fatal("the server hangs")
	}
	nc.Close()
	return answer.Bytes()
}

// FuzzRequestRoundTrip: a request that was understood says the same when it is
// written as it was understood and read again.
func FuzzRequestRoundTrip(f *testing.F) {
	f.Add(asked(opCreate, creating("/a", 3, open31...)))
	f.Add(asked(opCreateTTL, func(w *jute.Writer) { creating("/a", 3, open31...)(w); w.Int64(7) }))
	f.Add(asked(opSetACL, func(w *jute.Writer) { w.String("/a"); writeACL(w, open31); w.Int32(3) }))
	f.Add(asked(opSetData, func(w *jute.Writer) { w.String("/a"); w.Bytes(nil); w.Int32(3) }))
	f.Add(asked(opSync, func(w *jute.Writer) { w.String("/a") }))
	f.Add(asked(opAuth, func(w *jute.Writer) { w.Int32(9); w.String("digest"); w.Bytes([]byte("a:b")) }))
	f.Add(asked(opSetWatches2, func(w *jute.Writer) {
		w.Int64(1)
		for range 5 {
			w.Strings([]string{"/a"})
		}
	}))
	f.Add(asked(opRemoveWatches, func(w *jute.Writer) { w.String("/a"); w.Int32(3) }))
	f.Add(asked(opMultiRead, func(w *jute.Writer) {
		writeMultiHeader(w, opGetChildren, false, -1)
		w.String("/")
		w.Bool(true)
		writeMultiEnd(w)
	}))
	f.Fuzz(func(t *testing.T, packet []byte) {
		q, err := parseRequest(packet)
		if err != nil || q.op == opMulti { // which reads its creates otherwise than they are written
			return
		}
		w := jute.NewWriter(nil)
		w.Int32(q.xid)
		w.Int32(int32(q.op))
		if !writeRequest(w, &q) {
			return
		}
		again, err := parseRequest(w.Data())
		if err != nil {
			t.Fatalf("%v: what was understood cannot be read: %v", q.op, err)
		}
		if diff := cmp.Diff(again, q, cmp.AllowUnexported(request{})); diff != "" {
			t.Errorf("%v changed on the way (-again +first):\n%s", q.op, diff)
		}
	})
}

// writeRequest writes a request's body; false for one whose flags say what no
// op keeps.
func writeRequest(w *jute.Writer, q *request) bool {
	switch q.op {
	case opCreate, opCreate2, opCreateContainer, opCreateTTL, opDelete, opSetData, opSetACL, opCheck:
		return writeWrite(w, q.op, q.ops[0], q.container)
	case opExists, opGetData, opGetChildren, opGetChildren2:
		w.String(q.path)
		w.Bool(q.watch)
	case opGetACL, opSync, opGetEphemerals, opCountAll:
		w.String(q.path)
	case opMultiRead:
		for i := range q.subs {
			writeMultiHeader(w, q.subs[i].op, false, -1)
			writeRequest(w, &q.subs[i])
		}
		writeMultiEnd(w)
	case opAuth:
		w.Int32(0)
		w.String(q.scheme)
		w.Bytes(q.secret)
	case opSetWatches, opSetWatches2:
		w.Int64(q.zxid)
		for i, list := range q.watches {
			if i < 3 || q.op == opSetWatches2 {
				w.Strings(list)
			}
		}
	case opAddWatch, opRemoveWatches, opCheckWatches:
		w.String(q.path)
		w.Int32(q.mode)
	}
	return true
}

func writeWrite(w *jute.Writer, op opcode, o tree.Op, container bool) bool {
	w.String(o.Path)
	switch op {
	case opDelete, opCheck:
		w.Int32(o.Version)
	case opSetData:
		w.Bytes(o.Data)
		w.Int32(o.Version)
	case opSetACL:
		writeACL(w, o.ACL)
		w.Int32(o.Version)
	default:
		flags, known := map[tree.Mode]int32{
			0: 0, tree.Ephemeral: 1, tree.Sequential: 2, tree.Ephemeral | tree.Sequential: 3,
			tree.TTL: 5, tree.TTL | tree.Sequential: 6,
		}[o.Mode]
		if container && o.Mode == 0 {
			flags = flagContainer
		}
		if o.Refused != tree.OK || !known || op == opCreateContainer {
			return false
		}
		w.Bytes(o.Data)
		writeACL(w, o.ACL)
		w.Int32(flags)
		if op == opCreateTTL {
			w.Int64(o.TTL)
		}
	}
	return true
}
