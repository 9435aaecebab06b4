package tree

import (
	"maps"
	"slices"
)

// Tree is the state of a server.
type Tree struct {
	nodes      map[string]*node
	ephemerals map[int64]map[string]struct{} // paths by owner
	reapable   map[string]struct{}           // paths of container and TTL nodes
	sessions   map[int64]Session
	zxid       int64
	bytes      int64 // of paths and data
}

// New returns the tree that a new server has: the root and /zookeeper.
func New() *Tree {
	t := &Tree{
		nodes:      make(map[string]*node),
		ephemerals: make(map[int64]map[string]struct{}),
		reapable:   make(map[string]struct{}),
		sessions:   make(map[int64]Session),
	}
	for _, path := range []string{"/", systemPath, quotaPath, configPath} {
		n := &node{data: []byte{}, acl: openACL}
		if path == configPath {
			n.acl = []ACL{{PermRead, ID{"world", "anyone"}}}
		}
		t.nodes[path] = n
		if path != "/" {
			parent, name, _ := split(path)
			t.nodes[parent].link(name)
		}
	}
	return t
}

// Zxid returns the id of the last transaction, or where [Tree.Advance] put it.
func (t *Tree) Zxid() int64 { return t.zxid }

// Advance moves the transaction id forward to at least zxid.
func (t *Tree) Advance(zxid int64) { t.zxid = max(t.zxid, zxid) }

// Stat returns a node's stat. It needs no permission, as in ZooKeeper.
func (t *Tree) Stat(path string) (Stat, Code) {
	n := t.lookup(path)
	if n == nil {
		return Stat{}, NoNode
	}
	return n.stats(), OK
}

// Get returns a node's data, to be read only, and stat.
func (t *Tree) Get(path string, who Actor) ([]byte, Stat, Code) {
	n, code := t.readable(path, PermRead, who)
	if code != OK {
		return nil, Stat{}, code
	}
	return n.data, n.stats(), OK
}

// Children returns the names of a node's children in order, to be read only,
// and its stat.
func (t *Tree) Children(path string, who Actor) ([]string, Stat, Code) {
	n, code := t.readable(path, PermRead, who)
	if code != OK {
		return nil, Stat{}, code
	}
	return n.names(), n.stats(), OK
}

// ACL returns a node's access list and stat. Who may read but not administer
// the node sees no password hashes.
func (t *Tree) ACL(path string, who Actor) ([]ACL, Stat, Code) {
	n, code := t.readable(path, PermRead|PermAdmin, who)
	if code != OK {
		return nil, Stat{}, code
	}
	if permits(n.acl, PermAdmin, who) {
		return n.acl, n.stats(), OK
	}
	list := slices.Clone(n.acl)
	for i, a := range list {
		if a.Scheme == "digest" {
			list[i].ID.ID = hideHash(a.ID.ID)
		}
	}
	return list, n.stats(), OK
}

// Descendants counts the nodes below a path.
func (t *Tree) Descendants(path string, who Actor) (int, Code) {
	n, code := t.readable(path, PermRead, who)
	if code != OK {
		return 0, code
	}
	count := 0
	for name := range n.children {
		below, _ := t.Descendants(join(path, name), Actor{Trusted: true})
		count += 1 + below
	}
	return count, OK
}

// Ephemerals returns the paths that a session owns, in order.
func (t *Tree) Ephemerals(session int64) []string {
	return slices.Sorted(maps.Keys(t.ephemerals[session]))
}

// Idle returns, in order, the containers that had children and have none, and
// the TTL nodes without children that were last written too long ago. Now is in
// milliseconds since 1970.
func (t *Tree) Idle(now int64) []string {
	var idle []string
	for path := range t.reapable {
		if t.nodes[path].idle(now) {
			idle = append(idle, path)
		}
	}
	slices.Sort(idle)
	return idle
}

// Session returns the durable part of a session.
func (t *Tree) Session(id int64) (Session, bool) {
	s, ok := t.sessions[id]
	return s, ok
}

// Sessions returns all sessions, by id.
func (t *Tree) Sessions() []Session {
	return slices.SortedFunc(maps.Values(t.sessions), func(a, b Session) int {
		if a.ID < b.ID {
			return -1
		}
		return 1
	})
}

// Size is what a tree holds.
type Size struct {
	Nodes, Ephemerals int
	Bytes             int64 // of paths and data, about
}

// Size returns what the tree holds.
func (t *Tree) Size() Size {
	s := Size{Nodes: len(t.nodes), Bytes: t.bytes}
	for _, paths := range t.ephemerals {
		s.Ephemerals += len(paths)
	}
	return s
}

// Weight returns the number of nodes and the bytes of their paths and data.
func (t *Tree) Weight() (nodes int, bytes int64) { return len(t.nodes), t.bytes }

// NamesSize returns about how many bytes the list of a node's children takes.
func (t *Tree) NamesSize(path string) int {
	n, size := t.lookup(path), 0
	if n == nil {
		return 0
	}
	for _, name := range n.names() {
		size += 4 + len(name)
	}
	return size
}

// lookup finds a node; the empty path is another name of the root.
func (t *Tree) lookup(path string) *node {
	if path == "" {
		path = "/"
	}
	return t.nodes[path]
}

func (t *Tree) readable(path string, perm int32, who Actor) (*node, Code) {
	n := t.lookup(path)
	if n == nil {
		return nil, NoNode
	}
	if !permits(n.acl, perm, who) {
		return nil, NoAuth
	}
	return n, OK
}

func join(parent, name string) string {
	if parent == "/" || parent == "" {
		return "/" + name
	}
	return parent + "/" + name
}
