package zkserver

import (
	"slices"
	"strings"

	"github.com/musterhq/muster/internal/zkserver/jute"
	"github.com/musterhq/muster/internal/zkserver/tree"
)

// readLocked carries out whatever leaves the tree as it is. The body is written
// by the caller, under the same lock.
func (c *conn) readLocked(q *request) (tree.Code, func(*jute.Writer)) {
	t := c.srv.tree
	switch q.op {
	case opExists:
		return c.existsLocked(q)
	case opGetData:
		data, stat, code := t.Get(q.path, c.actorLocked())
		c.watchLocked(q, code, c.srv.watches.data)
		return code, func(w *jute.Writer) { w.Bytes(data); writeStat(w, stat) }
	case opGetChildren, opGetChildren2:
		names, stat, code := t.Children(q.path, c.actorLocked())
		c.watchLocked(q, code, c.srv.watches.child)
		return code, func(w *jute.Writer) {
			w.Strings(names)
			if q.op == opGetChildren2 {
				writeStat(w, stat)
			}
		}
	case opGetACL:
		list, stat, code := t.ACL(q.path, c.actorLocked())
		return code, func(w *jute.Writer) { writeACL(w, list); writeStat(w, stat) }
	case opSync:
		return tree.OK, func(w *jute.Writer) { w.String(q.path) }
	case opMultiRead:
		return tree.OK, c.multiReadLocked(q)
	case opGetEphemerals:
		paths := t.Ephemerals(c.session.id)
		if prefix := strings.TrimSpace(q.path); prefix != "" && prefix != "/" {
			paths = slices.DeleteFunc(paths, func(p string) bool { return !strings.HasPrefix(p, q.path) })
		}
		return tree.OK, func(w *jute.Writer) { w.Strings(paths) }
	case opCountAll:
		n, code := t.Descendants(q.path, c.actorLocked())
		return code, func(w *jute.Writer) { w.Int32(int32(n)) }
	case opWhoAmI:
		return tree.OK, c.whoLocked()
	case opReconfig:
		return tree.ReconfigDisabled, nil
	default:
		return c.rearrangeLocked(q)
	}
}

func (c *conn) existsLocked(q *request) (tree.Code, func(*jute.Writer)) {
	if strings.IndexByte(q.path, 0) >= 0 {
		return tree.BadArguments, nil
	}
	stat, code := c.srv.tree.Stat(q.path)
	c.watchLocked(q, tree.OK, c.srv.watches.data) // also where there is nothing yet
	return code, func(w *jute.Writer) { writeStat(w, stat) }
}

// watchLocked leaves the watch that a successful read asked for.
func (c *conn) watchLocked(q *request, code tree.Code, t watchTable) {
	if q.watch && code == tree.OK {
		c.srv.watches.add(t, q.path, c, once)
	}
}

func (c *conn) multiReadLocked(q *request) func(*jute.Writer) {
	type result struct {
		op   opcode
		code tree.Code
		body func(*jute.Writer)
	}
	var results []result
	size := 0
	for i := range q.subs {
		code, body := tree.BadArguments, func(*jute.Writer) {}
		if size += c.srv.weightLocked(&q.subs[i]); size <= c.srv.cfg.MaxQueue/2 {
			code, body = c.readLocked(&q.subs[i])
		}
		results = append(results, result{q.subs[i].op, code, body})
	}
	return func(w *jute.Writer) {
		for _, r := range results {
			if r.code != tree.OK {
				writeMultiError(w, r.code)
				continue
			}
			writeMultiHeader(w, r.op, false, tree.OK)
			r.body(w)
		}
		writeMultiEnd(w)
	}
}

func (c *conn) whoLocked() func(*jute.Writer) {
	ids := c.ids
	return func(w *jute.Writer) {
		w.Int32(int32(len(ids)))
		for _, id := range ids {
			w.String(id.Scheme)
			w.String(account(id))
		}
	}
}

// rearrangeLocked sets and removes watches other than by reading.
func (c *conn) rearrangeLocked(q *request) (tree.Code, func(*jute.Writer)) {
	w := c.srv.watches
	switch q.op {
	case opSetWatches, opSetWatches2:
		c.rearmLocked(q)
		return tree.OK, nil
	case opAddWatch:
		switch q.mode {
		case 0:
			w.add(w.data, q.path, c, persistent)
			w.add(w.child, q.path, c, persistent)
		case 1:
			w.add(w.data, q.path, c, recursive)
		default:
			return tree.BadArguments, nil
		}
		return tree.OK, func(w *jute.Writer) { w.Int32(0) }
	case opRemoveWatches, opCheckWatches:
		return c.unwatchLocked(q), nil
	}
	return tree.Unimplemented, nil
}

// unwatchLocked finds, and but for checkWatches removes, the watches of one path.
func (c *conn) unwatchLocked(q *request) tree.Code {
	const children, data, either = 1, 2, 3
	w := c.srv.watches
	var tables []watchTable
	switch q.mode {
	case children:
		tables = []watchTable{w.child}
	case data:
		tables = []watchTable{w.data}
	case either:
		tables = []watchTable{w.child, w.data}
	default:
		return tree.MarshallingError
	}
	found := false
	for _, t := range tables {
		found = found || t[q.path][c] != 0
		if q.op == opRemoveWatches {
			w.drop(t, q.path, c, ^watchMode(0))
		}
	}
	if !found {
		return tree.NoWatcher
	}
	return tree.OK
}

// rearmLocked restores the watches of a client that comes back: what it has
// missed it is told at once, the rest is watched again.
func (c *conn) rearmLocked(q *request) {
	s, w := c.srv, c.srv.watches
	tell := func(typ tree.EventType, path string) {
		c.send(notice(tree.Event{Type: typ, Path: path}, s.tree.Zxid()))
	}
	for _, path := range q.watches[0] {
		switch stat, code := s.tree.Stat(path); {
		case code != tree.OK:
			tell(tree.NodeDeleted, path)
		case stat.Mzxid > q.zxid:
			tell(tree.NodeDataChanged, path)
		default:
			w.add(w.data, path, c, once)
		}
	}
	for _, path := range q.watches[1] {
		if _, code := s.tree.Stat(path); code == tree.OK {
			tell(tree.NodeCreated, path)
		} else {
			w.add(w.data, path, c, once)
		}
	}
	for _, path := range q.watches[2] {
		switch stat, code := s.tree.Stat(path); {
		case code != tree.OK:
			tell(tree.NodeDeleted, path)
		case stat.Pzxid > q.zxid:
			tell(tree.NodeChildrenChanged, path)
		default:
			w.add(w.child, path, c, once)
		}
	}
	for _, path := range q.watches[3] {
		w.add(w.data, path, c, persistent)
		w.add(w.child, path, c, persistent)
	}
	for _, path := range q.watches[4] {
		w.add(w.data, path, c, recursive)
	}
}
