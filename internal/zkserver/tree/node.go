package tree

import (
	"maps"
	"slices"
)

// node is one znode. Its slices are replaced, never changed.
type node struct {
	data     []byte
	acl      []ACL
	stat     Stat // with Cversion = number of creates; see stats
	children map[string]struct{}
	sorted   []string // the children's names, or nil after a change
}

// stats is the stat as clients see it. Inside, Cversion counts the creates (and
// is the next sequence number); outside, it counts all changes of the list: each
// create, and a delete for each child that is no longer there.
func (n *node) stats() Stat {
	s := n.stat
	s.NumChildren = int32(len(n.children))
	s.Cversion = 2*s.Cversion - s.NumChildren
	s.DataLength = int32(len(n.data))
	if !n.ephemeral() {
		s.EphemeralOwner = 0
	}
	return s
}

// The owner says what kind of node it is, as in ZooKeeper: a session, or one of
// these. Clients see only sessions.
const (
	containerOwner int64 = -1 << 63
	ttlOwner       int64 = -1 << 56 // and the milliseconds below
)

func (n *node) ephemeral() bool {
	owner := n.stat.EphemeralOwner
	return owner != 0 && owner != containerOwner && owner < ttlOwner || owner > 0
}

// reapable reports whether the server deletes such a node in the end.
func (n *node) reapable() bool { return n.stat.EphemeralOwner != 0 && !n.ephemeral() }

// idle reports whether a reapable node has outlived its purpose.
func (n *node) idle(now int64) bool {
	switch {
	case len(n.children) > 0:
		return false
	case n.stat.EphemeralOwner == containerOwner:
		return n.stat.Cversion > 0 // it had children
	}
	return now-n.stat.Mtime > n.stat.EphemeralOwner-ttlOwner
}

// names returns the children in order. The list is kept, because after a change
// a thousand watchers may ask for the same one.
func (n *node) names() []string {
	if n.sorted == nil {
		n.sorted = slices.Sorted(maps.Keys(n.children))
	}
	return n.sorted
}

func (n *node) link(name string) {
	if n.children == nil {
		n.children = make(map[string]struct{})
	}
	n.children[name] = struct{}{}
	n.sorted = nil
}

func (n *node) unlink(name string) {
	delete(n.children, name)
	n.sorted = nil
}
