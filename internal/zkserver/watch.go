package zkserver

import (
	"github.com/musterhq/muster/internal/zkserver/tree"
)

// watchMode is how long a watch lasts, as bits: one connection may watch one
// path in several ways and is still told of an event once.
type watchMode uint8

const (
	once       watchMode = 1 << iota
	persistent           // until removed
	recursive            // persistent, and for all below; tells of no child lists
)

// watchTable says who watches what.
type watchTable map[string]map[*conn]watchMode

// watches are the watches of all connections. They are guarded by Server.mu.
type watches struct {
	data, child watchTable
	recursive   int // entries with that bit, so that without any no parents are visited
	byConn      map[*conn]map[string]struct{}
}

func newWatches() *watches {
	return &watches{
		data: make(watchTable), child: make(watchTable),
		byConn: make(map[*conn]map[string]struct{}),
	}
}

func (w *watches) add(t watchTable, path string, c *conn, mode watchMode) {
	if t[path] == nil {
		t[path] = make(map[*conn]watchMode)
	}
	if mode&recursive != 0 && t[path][c]&recursive == 0 {
		w.recursive++
	}
	t[path][c] |= mode
	if w.byConn[c] == nil {
		w.byConn[c] = make(map[string]struct{})
	}
	w.byConn[c][path] = struct{}{}
	if len(w.byConn[c]) > c.srv.cfg.MaxWatches {
		c.srv.cfg.Logger("zkserver: %s watches more than %d paths: dropped", c.nc.RemoteAddr(), c.srv.cfg.MaxWatches)
		c.drop()
	}
}

// drop takes mode away from a watch, and reports whether there was any of it.
func (w *watches) drop(t watchTable, path string, c *conn, mode watchMode) bool {
	had := t[path][c] & mode
	if had == 0 {
		return false
	}
	if had&recursive != 0 {
		w.recursive--
	}
	if t[path][c] &^= mode; t[path][c] == 0 {
		delete(t[path], c)
	}
	if len(t[path]) == 0 {
		delete(t, path)
	}
	if w.data[path][c] == 0 && w.child[path][c] == 0 {
		delete(w.byConn[c], path)
		if len(w.byConn[c]) == 0 {
			delete(w.byConn, c)
		}
	}
	return true
}

// forget drops all watches of a connection.
func (w *watches) forget(c *conn) {
	for path := range w.byConn[c] {
		w.drop(w.data, path, c, ^watchMode(0))
		w.drop(w.child, path, c, ^watchMode(0))
	}
}

// fire tells the watchers of an event, each connection once. The packet is made
// once for all of them.
func (w *watches) fire(ev tree.Event, zxid int64) {
	var packet frame
	tell := func(c *conn) {
		if packet.data == nil {
			packet = notice(ev, zxid)
		}
		if !c.srv.faults.deaf(c) {
			c.send(packet)
		}
	}
	if ev.Type == tree.NodeChildrenChanged {
		w.trigger(w.child, ev.Path, tell)
		return
	}
	if w.recursive > 0 || ev.Type == tree.NodeDeleted {
		tell = firstOnly(tell) // several tables may name the same connection
	}
	w.trigger(w.data, ev.Path, tell)
	if ev.Type == tree.NodeDeleted {
		w.trigger(w.child, ev.Path, tell)
	}
	w.above(ev.Path, tell)
}

func firstOnly(tell func(*conn)) func(*conn) {
	told := make(map[*conn]bool)
	return func(c *conn) {
		if !told[c] {
			told[c] = true
			tell(c)
		}
	}
}

// trigger uses up the watches of exactly this path.
func (w *watches) trigger(t watchTable, path string, tell func(*conn)) {
	for c, mode := range t[path] {
		if mode&(once|persistent) == 0 {
			continue
		}
		tell(c)
		w.drop(t, path, c, once)
	}
}

// above tells the recursive watchers of a path and of its parents.
func (w *watches) above(path string, tell func(*conn)) {
	if w.recursive == 0 {
		return
	}
	for {
		for c, mode := range w.data[path] {
			if mode&recursive != 0 {
				tell(c)
			}
		}
		if path == "/" {
			return
		}
		path = tree.Parent(path)
	}
}
