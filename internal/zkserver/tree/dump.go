package tree

import (
	"iter"
	"maps"
	"slices"
)

// Entry is a node as a snapshot keeps it.
type Entry struct {
	Path string
	Data []byte
	ACL  []ACL
	Stat Stat // with Cversion as the number of creates; lengths are not kept
}

// Entries yields all nodes, parents before their children, to be read only. The
// tree must not change meanwhile.
func (t *Tree) Entries() iter.Seq[Entry] {
	return func(yield func(Entry) bool) {
		for _, path := range slices.Sorted(maps.Keys(t.nodes)) {
			n := t.nodes[path]
			if !yield(Entry{path, n.data, n.acl, n.stat}) {
				return
			}
		}
	}
}

// Restore puts a node into a tree that is being read from a snapshot: parents
// first. It reports whether the parent is there.
func (t *Tree) Restore(e Entry) bool {
	if old := t.nodes[e.Path]; old != nil { // one that every tree has
		t.bytes += int64(len(e.Data) - len(old.data))
		old.data, old.acl, old.stat = e.Data, e.ACL, e.Stat
		return true
	}
	above, name, ok := split(e.Path)
	if !ok || t.nodes[above] == nil {
		return false
	}
	t.nodes[above].link(name)
	t.add(e.Path, &node{data: e.Data, acl: e.ACL, stat: e.Stat})
	return true
}

// RestoreSession puts a session into a tree that is being read from a snapshot.
func (t *Tree) RestoreSession(s Session) { t.sessions[s.ID] = s }
