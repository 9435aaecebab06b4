package sim

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/musterhq/muster/internal/zoo"
)

// A cluster is a model of an ensemble: a history of trees, one for each
// transaction, of which each session sees one that is not the newest perhaps.
type cluster struct {
	zxid     int64
	nodes    map[string][]znode // by path, each as it was, oldest first
	moments  []moment           // when the transactions were, for those that a session may still see
	owned    map[int64][]string // ephemerals by session
	sessions int64
}

// A znode is a znode as one transaction left it. It is never changed.
type znode struct {
	zxid     int64 // of that transaction
	there    bool
	data     []byte
	stat     zoo.Stat
	children []string // sorted
	// What watches ask: the last transactions that touched the node itself and
	// the list of its children.
	changed, listed int64
	sequence        int
}

type moment struct {
	zxid int64
	at   time.Time
}

func newCluster(now time.Time) *cluster {
	return &cluster{
		nodes:   map[string][]znode{"/": {{there: true}}},
		moments: []moment{{at: now}},
		owned:   make(map[int64][]string),
	}
}

// at returns a node as of a transaction.
func (c *cluster) at(path string, zxid int64) znode {
	versions := c.nodes[path]
	for _, v := range slices.Backward(versions) {
		if v.zxid <= zxid {
			return v
		}
	}
	return znode{}
}

// newest returns a node as the leader has it.
func (c *cluster) newest(path string) znode { return c.at(path, c.zxid) }

// floor returns the oldest transaction that a server may still be at which has
// not lost its leader, and forgets what is older.
func (c *cluster) floor(now time.Time) int64 {
	for len(c.moments) > 1 && !c.moments[1].at.After(now.Add(-maxLag)) {
		c.moments = c.moments[1:]
	}
	return c.moments[0].zxid
}

// A change is what one transaction did to one node.
type change struct {
	path        string
	was, is     znode
	touched     bool // the node itself, and not only the list of its children
	transaction int64
}

// A draft is a transaction before it is known to succeed.
type draft struct {
	*cluster
	owner   int64
	changed map[string]znode
	order   []string // of the paths, for a history that is the same every time
}

// commit applies all operations or none.
func (c *cluster) commit(now time.Time, owner int64, ops []zoo.Op) ([]zoo.Result, []change, error) {
	d := draft{cluster: c, owner: owner, changed: make(map[string]znode)}
	results := make([]zoo.Result, len(ops))
	for i, op := range ops {
		path, err := d.apply(op)
		if err != nil {
			return nil, nil, &zoo.ConflictError{Index: i, Op: op.Kind, Path: op.Path, Err: err}
		}
		results[i] = zoo.Result{Path: path, Version: d.node(path).stat.Version}
	}
	return results, d.land(now), nil
}

func (d *draft) node(path string) znode {
	if n, ok := d.changed[path]; ok {
		return n
	}
	return d.newest(path)
}

func (d *draft) put(path string, n znode) {
	if _, ok := d.changed[path]; !ok {
		d.order = append(d.order, path)
	}
	n.zxid = d.zxid + 1
	d.changed[path] = n
}

func (d *draft) apply(op zoo.Op) (path string, err error) {
	n := d.node(op.Path)
	if op.Kind == zoo.OpCreate {
		return d.create(op)
	}
	switch {
	case !n.there:
		return op.Path, zoo.ErrNoNode
	case op.Version >= 0 && op.Version != n.stat.Version:
		return op.Path, zoo.ErrBadVersion
	}
	switch op.Kind {
	case zoo.OpSet:
		n.data = op.Data
		n.stat.Version++
		n.stat.Mzxid = d.zxid + 1
		n.changed = d.zxid + 1
		d.put(op.Path, n)
	case zoo.OpDelete:
		if len(n.children) > 0 {
			return op.Path, zoo.ErrNotEmpty
		}
		d.put(op.Path, znode{changed: d.zxid + 1, listed: d.zxid + 1})
		d.list(op.Path, false)
	}
	return op.Path, nil
}

func (d *draft) create(op zoo.Op) (path string, err error) {
	path = op.Path
	parent := d.node(parentOf(path))
	if !parent.there {
		return path, zoo.ErrNoNode
	}
	if op.Mode == zoo.PersistentSequential || op.Mode == zoo.EphemeralSequential {
		path = fmt.Sprintf("%s%010d", path, parent.sequence)
	}
	if d.node(path).there {
		return path, zoo.ErrExists
	}
	n := znode{there: true, data: op.Data, changed: d.zxid + 1, listed: d.zxid + 1}
	n.stat.Czxid, n.stat.Mzxid = d.zxid+1, d.zxid+1
	if op.Mode == zoo.Ephemeral || op.Mode == zoo.EphemeralSequential {
		n.stat.EphemeralOwner = d.owner
	}
	d.put(path, n)
	d.list(path, true)
	return path, nil
}

// list adds a node to its parent's children, or removes it.
func (d *draft) list(path string, add bool) {
	dir := parentOf(path)
	parent := d.node(dir)
	name := path[len(dir):]
	if dir != "/" {
		name = name[1:]
	}
	at, there := slices.BinarySearch(parent.children, name)
	parent.children = slices.Clone(parent.children)
	switch {
	case add && !there:
		parent.children = slices.Insert(parent.children, at, name)
		parent.sequence++
	case !add && there:
		parent.children = slices.Delete(parent.children, at, at+1)
	}
	parent.listed = d.zxid + 1
	parent.stat.Cversion++
	d.put(dir, parent)
}

// land makes the draft the newest tree.
func (d *draft) land(now time.Time) []change {
	floor := d.floor(now)
	d.zxid++
	d.moments = append(d.moments, moment{zxid: d.zxid, at: now})
	changes := make([]change, 0, len(d.order))
	for _, path := range d.order {
		was, is := d.cluster.at(path, d.zxid-1), d.changed[path]
		changes = append(changes, change{path: path, was: was, is: is, touched: is.changed == d.zxid, transaction: d.zxid})
		versions := append(d.nodes[path], is)
		for len(versions) > 1 && versions[1].zxid <= floor {
			versions = versions[1:]
		}
		d.nodes[path] = versions
		if was.stat.EphemeralOwner != is.stat.EphemeralOwner {
			d.own(path, was.stat.EphemeralOwner, is.stat.EphemeralOwner)
		}
	}
	return changes
}

func (c *cluster) own(path string, former, owner int64) {
	if former != 0 {
		c.owned[former] = slices.DeleteFunc(c.owned[former], func(p string) bool { return p == path })
	}
	if owner != 0 {
		c.owned[owner] = append(c.owned[owner], path)
	}
}

// deletions returns what ends a session.
func (c *cluster) deletions(session int64) []zoo.Op {
	var ops []zoo.Op
	for _, path := range c.owned[session] {
		ops = append(ops, zoo.Op{Kind: zoo.OpDelete, Path: path, Version: -1})
	}
	return ops
}

func parentOf(path string) string {
	if i := strings.LastIndexByte(path, '/'); i > 0 {
		return path[:i]
	}
	return "/"
}
