package zkserver

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/musterhq/muster/internal/zkserver/jute"
	"github.com/musterhq/muster/internal/zkserver/tree"
)

// attached is a server with one client that never reads, for tests that look at
// answers and memory from inside.
func attached(t *testing.T, cfg Config) *conn {
	t.Helper()
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	nc, other := pipe()
	t.Cleanup(func() { nc.Close(); other.Close() })
	c := newConn(s, nc)
	s.mu.Lock()
	defer s.mu.Unlock()
	c.session, _ = s.openLocked(time.Minute)
	c.session.conn = c
	return c
}

// ask lets the client ask, and returns the code of the answer and its size.
func (c *conn) ask(t *testing.T, op opcode, body func(*jute.Writer)) (code tree.Code, size int) {
	t.Helper()
	w := jute.NewWriter(nil)
	w.Int32(7)
	w.Int32(int32(op))
	body(w)
	if _, err := c.request(w.Data()); err != nil {
		t.Fatal(err)
	}
	if c.out.ended {
		return tree.SessionExpired, 0 // it was dropped
	}
	frames := c.out.take(nil)
	last := frames[len(frames)-1].data
	r := jute.NewReader(last[4:])
	if xid := r.Int32(); xid != 7 {
		t.Fatalf("answer to %d", xid)
	}
	r.Int64()
	return tree.Code(r.Int32()), len(last)
}

var open31 = []tree.ACL{{Perms: tree.PermAll, ID: tree.ID{Scheme: "world", ID: "anyone"}}}

func creating(path string, data int, acl ...tree.ACL) func(*jute.Writer) {
	return func(w *jute.Writer) {
		w.String(path)
		w.Bytes(make([]byte, data))
		writeACL(w, acl)
		w.Int32(0)
	}
}

// What would grow the tree beyond its bounds is refused; what makes it smaller
// is not, and makes room again.
func TestTheTreeIsBounded(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]Config{"nodes": {MaxNodes: 14}, "bytes": {MaxBytes: 10_500}} {
		c := attached(t, cfg)
		full := 0
		for i := range 30 {
			if code, _ := c.ask(t, opCreate, creating(fmt.Sprintf("/n%02d", i), 1000, open31...)); code == tree.QuotaExceeded {
				full++
			} else if code != tree.OK {
				t.Fatalf("%s: create: %v", name, code)
			}
		}
		if full != 20 {
			t.Errorf("%s: of 30 creates %d were refused, want 20", name, full)
		}
		code, _ := c.ask(t, opMulti, func(w *jute.Writer) {
			writeMultiHeader(w, opCreate, false, -1)
			creating("/more", 5000, open31...)(w)
			writeMultiEnd(w)
		})
		if nodes, _ := c.srv.tree.Weight(); code != tree.OK || nodes != 14 { // the multi's answer holds the refusal
			t.Errorf("%s: a multi is not bounded: %v, %d nodes", name, code, nodes)
		}
		if code, _ := c.ask(t, opDelete, func(w *jute.Writer) { w.String("/n00"); w.Int32(-1) }); code != tree.OK {
			t.Errorf("%s: delete: %v", name, code)
		}
		if code, _ := c.ask(t, opCreate, creating("/new", 1000, open31...)); code != tree.OK {
			t.Errorf("%s: create after a delete: %v", name, code)
		}
	}
}

// One request of a few bytes for each read must not cost the memory of all the
// answers.
func TestAManifoldReadIsBounded(t *testing.T) {
	t.Parallel()
	c := attached(t, Config{MaxQueue: 1 << 20})
	if code, _ := c.ask(t, opCreate, creating("/big", 100<<10, open31...)); code != tree.OK {
		t.Fatal(code)
	}
	_, size := c.ask(t, opMultiRead, func(w *jute.Writer) {
		for range 10_000 {
			writeMultiHeader(w, opGetData, false, -1)
			w.String("/big")
			w.Bool(false)
		}
		writeMultiEnd(w)
	})
	if size > 1<<20 {
		t.Errorf("the answer has %d bytes", size)
	}
}

// Long paths, long access lists, many identities: an error each, at once.
func TestWhatARequestMayHold(t *testing.T) {
	t.Parallel()
	c := attached(t, Config{})
	long := "/" + strings.Repeat("x", maxPath)
	many := make([]tree.ACL, maxACL+1)
	fat := []tree.ACL{{ID: tree.ID{Scheme: "digest", ID: strings.Repeat("x", maxACLBytes)}}}
	for name, ask := range map[string]func() (tree.Code, int){
		"path": func() (tree.Code, int) { return c.ask(t, opCreate, creating(long, 0, open31...)) },
		"watch": func() (tree.Code, int) {
			return c.ask(t, opAddWatch, func(w *jute.Writer) { w.String(long); w.Int32(0) })
		},
		"access list": func() (tree.Code, int) { return c.ask(t, opCreate, creating("/a", 0, many...)) },
		"fat access":  func() (tree.Code, int) { return c.ask(t, opCreate, creating("/a", 0, fat...)) },
		"setWatches": func() (tree.Code, int) {
			return c.ask(t, opSetWatches, func(w *jute.Writer) {
				w.Int64(0)
				w.Strings(nil)
				w.Strings([]string{long})
				w.Strings(nil)
			})
		},
	} {
		if code, _ := ask(); code != tree.MarshallingError {
			t.Errorf("%s: %v, want %v", name, code, tree.MarshallingError)
		}
	}
	refused := 0
	for i := range 2 * maxIdentities {
		code, _ := c.ask(t, opAuth, func(w *jute.Writer) { w.Int32(0); w.String("digest"); w.Bytes(fmt.Appendf(nil, "u%d:p", i)) })
		if code == tree.AuthFailed {
			refused++
		}
	}
	if refused == 0 || len(c.ids) > maxIdentities {
		t.Errorf("%d identities, want at most %d", len(c.ids), maxIdentities)
	}
}

func TestWatchesAreBounded(t *testing.T) {
	t.Parallel()
	c := attached(t, Config{MaxWatches: 100})
	for i := range 101 {
		code, _ := c.ask(t, opExists, func(w *jute.Writer) { w.String(fmt.Sprint("/", i)); w.Bool(true) })
		if dropped := code == tree.SessionExpired; dropped != (i == 100) {
			t.Fatalf("after %d watches it is dropped: %t", i+1, dropped)
		}
	}
}

// Sessions outlive their connections: who opens one after the other must not
// fill the memory with them.
func TestSessionsAreBounded(t *testing.T) {
	t.Parallel()
	c := attached(t, Config{MaxSessions: 3}) // which has one
	hello := make([]byte, 28)
	for i := range 5 {
		nc, other := pipe()
		more, err := newConn(c.srv, nc).connect(hello)
		nc.Close()
		other.Close()
		if in := more && err == nil; in != (i < 2) {
			t.Errorf("session %d: %t, %v", i+2, more, err)
		}
	}
}

// Whoever connects can make the server complain, and must not fill the disk.
func TestTheLogIsBounded(t *testing.T) {
	t.Parallel()
	lines := 0
	cfg, err := Config{Logger: func(string, ...any) { lines++ }}.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	for range 10_000 {
		cfg.Logger("zkserver: %s: garbage", "1.2.3.4:5")
	}
	if lines < 1 || lines > 50 {
		t.Errorf("%d lines of one kind", lines)
	}
}
