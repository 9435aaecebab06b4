package tree

import (
	"fmt"
	"strings"
)

// Apply carries out the ops as one transaction, or changes nothing.
func (t *Tree) Apply(h Header, who Actor, ops ...Op) Outcome {
	tx := &tx{tree: t, head: h, who: who}
	out := Outcome{Results: make([]Result, len(ops))}
	for i, op := range ops {
		out.Results[i] = tx.do(op)
		if out.Results[i].Code == OK {
			continue
		}
		for j := range i {
			out.Results[j] = Result{Code: OK}
		}
		for j := i + 1; j < len(ops); j++ {
			out.Results[j].Code = RuntimeInconsistency
		}
		tx.rollback()
		return out
	}
	t.Advance(h.Zxid)
	out.OK, out.Events = true, tx.events
	out.Txn = Txn{Header: h, Session: who.Session, Ops: tx.resolved}
	return out
}

// Redo applies a logged transaction again. An error means that the log does not
// belong to this tree.
func (t *Tree) Redo(txn Txn) error {
	out := t.Apply(txn.Header, Actor{Session: txn.Session, Trusted: true}, txn.Ops...)
	if out.OK {
		return nil
	}
	for i, r := range out.Results {
		if r.Code != OK {
			return fmt.Errorf("transaction 0x%x, op %d on %q: %v", txn.Zxid, i, txn.Ops[i].Path, r.Code)
		}
	}
	return nil
}

// tx is a transaction under way. Ops change the tree at once, so that each sees
// the ones before it; undo holds the way back.
type tx struct {
	tree     *Tree
	head     Header
	who      Actor
	undo     []func()
	events   []Event
	resolved []Op
}

func (x *tx) rollback() {
	for i := len(x.undo) - 1; i >= 0; i-- {
		x.undo[i]()
	}
}

func (x *tx) tell(typ EventType, path string) { x.events = append(x.events, Event{typ, path}) }

func (x *tx) do(op Op) Result {
	if op.Refused != OK {
		return Result{Code: op.Refused}
	}
	switch op.Kind {
	case Create:
		return x.create(op)
	case Delete, DeleteContainer:
		return x.delete(op)
	case SetData:
		return x.setData(op)
	case SetACL:
		return x.setACL(op)
	case Check:
		return x.check(op)
	case OpenSession:
		x.openSession(op)
	case CloseSession:
		x.closeSession()
	default:
		return Result{Code: Unimplemented}
	}
	return Result{}
}

func (x *tx) create(op Op) Result {
	above, _, ok := split(op.Path)
	if !ok || op.Mode&TTL != 0 && (op.TTL < 1 || op.TTL > MaxTTL) {
		return Result{Code: BadArguments}
	}
	if !x.who.Trusted { // a logged list is expanded already, and may be the server's own
		acl, code := expand(op.ACL, x.who)
		if code != OK {
			return Result{Code: code}
		}
		op.ACL = acl
	}
	parent := x.tree.nodes[above]
	switch {
	case parent == nil:
		return Result{Code: NoNode}
	case !permits(parent.acl, PermCreate, x.who):
		return Result{Code: NoAuth}
	}
	if op.Mode&Sequential != 0 {
		op.Path += fmt.Sprintf("%010d", parent.stat.Cversion)
		op.Mode &^= Sequential
	}
	switch {
	case !ValidPath(op.Path):
		return Result{Code: BadArguments}
	case x.tree.nodes[op.Path] != nil:
		return Result{Code: NodeExists}
	case parent.ephemeral():
		return Result{Code: NoChildrenForEphemerals}
	}
	// The counter drew no slash, but the prefix may end in one: a child of the
	// same parent either way.
	return x.insert(parent, op)
}

func (x *tx) insert(parent *node, op Op) Result {
	n := &node{data: op.Data, acl: op.ACL, stat: Stat{
		Czxid: x.head.Zxid, Mzxid: x.head.Zxid, Pzxid: x.head.Zxid,
		Ctime: x.head.Time, Mtime: x.head.Time,
	}}
	switch {
	case op.Mode&Ephemeral != 0:
		n.stat.EphemeralOwner = x.who.Session
	case op.Mode&Container != 0:
		n.stat.EphemeralOwner = containerOwner
	case op.Mode&TTL != 0:
		n.stat.EphemeralOwner = ttlOwner + op.TTL
	}
	above, name, _ := split(op.Path)
	was := parent.stat
	parent.link(name)
	parent.stat.Cversion++
	parent.stat.Pzxid = x.head.Zxid
	x.tree.add(op.Path, n)
	x.undo = append(x.undo, func() {
		x.tree.remove(op.Path, n)
		parent.unlink(name)
		parent.stat = was
	})
	x.tell(NodeCreated, op.Path)
	x.tell(NodeChildrenChanged, above)
	x.resolved = append(x.resolved, op)
	return Result{Path: op.Path, Stat: n.stats()}
}

func (x *tx) delete(op Op) Result {
	above, _, ok := split(op.Path)
	if !ok || protected(op.Path) {
		return Result{Code: BadArguments}
	}
	parent, n := x.tree.nodes[above], x.tree.nodes[op.Path]
	switch {
	case parent == nil:
		return Result{Code: NoNode}
	case !permits(parent.acl, PermDelete, x.who):
		return Result{Code: NoAuth}
	case n == nil:
		return Result{Code: NoNode}
	case op.Version != -1 && op.Version != n.stat.Version:
		return Result{Code: BadVersion}
	case len(n.children) > 0:
		return Result{Code: NotEmpty}
	case op.Kind == DeleteContainer && !n.reapable():
		return Result{Code: BadVersion}
	}
	x.drop(op.Path)
	x.resolved = append(x.resolved, Op{Kind: op.Kind, Path: op.Path, Version: -1})
	return Result{}
}

// drop removes a node that exists and has no children.
func (x *tx) drop(path string) {
	above, name, _ := split(path)
	parent, n := x.tree.nodes[above], x.tree.nodes[path]
	was := parent.stat
	parent.unlink(name)
	parent.stat.Pzxid = x.head.Zxid
	x.tree.remove(path, n)
	x.undo = append(x.undo, func() {
		x.tree.add(path, n)
		parent.link(name)
		parent.stat = was
	})
	x.tell(NodeDeleted, path)
	x.tell(NodeChildrenChanged, above)
}

func (x *tx) setData(op Op) Result {
	n, code := x.target(op, PermWrite)
	if code != OK {
		return Result{Code: code}
	}
	if op.Version != -1 && op.Version != n.stat.Version {
		return Result{Code: BadVersion}
	}
	was, data := n.stat, n.data
	n.data = op.Data
	n.stat.Version++
	n.stat.Mzxid, n.stat.Mtime = x.head.Zxid, x.head.Time
	x.tree.bytes += int64(len(op.Data) - len(data))
	x.undo = append(x.undo, func() {
		x.tree.bytes -= int64(len(op.Data) - len(data))
		n.stat, n.data = was, data
	})
	x.tell(NodeDataChanged, op.Path)
	x.resolved = append(x.resolved, Op{Kind: SetData, Path: op.Path, Data: op.Data, Version: -1})
	return Result{Stat: n.stats()}
}

func (x *tx) setACL(op Op) Result {
	if !ValidPath(op.Path) {
		return Result{Code: BadArguments}
	}
	if !x.who.Trusted {
		acl, code := expand(op.ACL, x.who)
		if code != OK {
			return Result{Code: code}
		}
		op.ACL = acl
	}
	n, code := x.target(op, PermAdmin)
	if code != OK {
		return Result{Code: code}
	}
	if op.Version != -1 && op.Version != n.stat.Aversion {
		return Result{Code: BadVersion}
	}
	was, acl := n.stat, n.acl
	n.acl = op.ACL
	n.stat.Aversion++
	x.undo = append(x.undo, func() { n.stat, n.acl = was, acl })
	x.resolved = append(x.resolved, Op{Kind: SetACL, Path: op.Path, ACL: op.ACL, Version: -1})
	return Result{Stat: n.stats()}
}

func (x *tx) check(op Op) Result {
	n, code := x.target(op, PermRead)
	if code == OK && op.Version != -1 && op.Version != n.stat.Version {
		code = BadVersion
	}
	return Result{Code: code}
}

// target finds the node that an op is about, if the actor has the permission.
func (x *tx) target(op Op, perm int32) (*node, Code) {
	if !ValidPath(op.Path) {
		return nil, BadArguments
	}
	return x.tree.readable(op.Path, perm, x.who)
}

func (x *tx) openSession(op Op) {
	id := x.who.Session
	was, again := x.tree.sessions[id]
	x.tree.sessions[id] = Session{ID: id, Timeout: op.Timeout, Password: op.Data}
	x.undo = append(x.undo, func() {
		if again {
			x.tree.sessions[id] = was
		} else {
			delete(x.tree.sessions, id)
		}
	})
	x.resolved = append(x.resolved, op)
}

func (x *tx) closeSession() {
	id := x.who.Session
	for _, path := range x.tree.Ephemerals(id) {
		x.drop(path)
	}
	if was, ok := x.tree.sessions[id]; ok {
		delete(x.tree.sessions, id)
		x.undo = append(x.undo, func() { x.tree.sessions[id] = was })
	}
	x.resolved = append(x.resolved, Op{Kind: CloseSession})
}

// add and remove keep the indexes beside the nodes.
func (t *Tree) add(path string, n *node) {
	t.nodes[path] = n
	t.bytes += int64(len(path) + len(n.data))
	switch owner := n.stat.EphemeralOwner; {
	case n.reapable():
		t.reapable[path] = struct{}{}
	case n.ephemeral():
		if t.ephemerals[owner] == nil {
			t.ephemerals[owner] = make(map[string]struct{})
		}
		t.ephemerals[owner][path] = struct{}{}
	}
}

func (t *Tree) remove(path string, n *node) {
	delete(t.nodes, path)
	t.bytes -= int64(len(path) + len(n.data))
	switch owner := n.stat.EphemeralOwner; {
	case n.reapable():
		delete(t.reapable, path)
	case n.ephemeral():
		delete(t.ephemerals[owner], path)
		if len(t.ephemerals[owner]) == 0 {
			delete(t.ephemerals, owner)
		}
	}
}

// hideHash keeps the user of "user:hash".
func hideHash(id string) string {
	user, _, ok := strings.Cut(id, ":")
	if !ok {
		return id
	}
	return user + ":x"
}
