package zkserver

import (
	"fmt"

	"github.com/musterhq/muster/internal/zkserver/jute"
	"github.com/musterhq/muster/internal/zkserver/tree"
)

// request is one request, taken apart. Which fields matter depends on op.
type request struct {
	xid   int32
	op    opcode
	path  string
	watch bool
	mode  int32 // of addWatch, removeWatches, checkWatches

	ops       []tree.Op // of whatever writes: what to do
	container bool      // of a create: its flags say so
	subs      []request // of multi and multiRead

	scheme  string // of auth
	secret  []byte
	zxid    int64       // of setWatches: what the client has seen
	watches [5][]string // of setWatches: data, exist, child, persistent, recursive
}

// parseRequest reads a request. The frame is not kept. On an error, xid and op
// are those of the request if it had any.
func parseRequest(frame []byte) (request, error) {
	r := jute.NewReader(frame)
	q := request{xid: r.Int32(), op: opcode(r.Int32())}
	if r.Err() == nil {
		q.parseBody(r)
	}
	if err := r.Err(); err != nil {
		return q, fmt.Errorf("%v request: %w", q.op, err)
	}
	return q, nil
}

func (q *request) parseBody(r *jute.Reader) {
	switch q.op {
	case opCreate, opCreate2, opCreateContainer, opCreateTTL, opDelete, opSetData, opSetACL, opCheck:
		q.parseWrite(r)
	case opExists, opGetData, opGetChildren, opGetChildren2:
		q.path, q.watch = readPath(r), r.Bool()
	case opGetACL, opSync, opGetEphemerals, opCountAll:
		q.path = readPath(r)
	case opMulti, opMultiRead:
		q.parseMulti(r)
	case opAuth:
		r.Int32() // a type that nobody uses
		q.scheme, q.secret = r.String(), r.Bytes()
	case opSetWatches, opSetWatches2:
		q.zxid = r.Int64()
		lists := q.watches[:3]
		if q.op == opSetWatches2 {
			lists = q.watches[:]
		}
		for i := range lists {
			for range r.Count(4) {
				lists[i] = append(lists[i], readPath(r))
			}
		}
	case opAddWatch, opRemoveWatches, opCheckWatches:
		q.path, q.mode = readPath(r), r.Int32()
	}
}

func (q *request) parseWrite(r *jute.Reader) {
	op := tree.Op{Version: -1}
	op.Path = readPath(r)
	switch q.op {
	case opDelete:
		op.Kind, op.Version = tree.Delete, r.Int32()
	case opSetData:
		op.Kind, op.Data, op.Version = tree.SetData, r.Bytes(), r.Int32()
	case opSetACL:
		op.Kind, op.ACL, op.Version = tree.SetACL, readACL(r), r.Int32()
	case opCheck:
		op.Kind, op.Version = tree.Check, r.Int32()
	default:
		op.Kind, op.Data, op.ACL = tree.Create, r.Bytes(), readACL(r)
		flags := r.Int32()
		if q.op == opCreateTTL {
			op.TTL = r.Int64()
		}
		op.Mode, op.Refused = createMode(q.op, flags)
		q.container = flags == flagContainer
	}
	q.path, q.ops = op.Path, []tree.Op{op}
}

const flagContainer = 4

// createMode translates the flags of a create. Those of containers mean nothing
// unless the op is their own; those of TTL nodes need it.
func createMode(op opcode, flags int32) (tree.Mode, tree.Code) {
	mode, ttl := tree.Mode(0), false
	switch flags {
	case 0, flagContainer:
	case 1:
		mode = tree.Ephemeral
	case 2:
		mode = tree.Sequential
	case 3:
		mode = tree.Ephemeral | tree.Sequential
	case 5:
		mode, ttl = tree.TTL, true
	case 6:
		mode, ttl = tree.TTL|tree.Sequential, true
	default:
		return 0, tree.BadArguments
	}
	if ttl != (op == opCreateTTL) {
		return 0, tree.BadArguments
	}
	if op == opCreateContainer {
		mode |= tree.Container
	}
	return mode, tree.OK
}

// parseMulti reads ops, each behind a header, up to a header that says done.
func (q *request) parseMulti(r *jute.Reader) {
	for r.Err() == nil {
		sub := request{op: opcode(r.Int32())}
		done := r.Bool()
		r.Int32()
		if done || r.Err() != nil {
			return
		}
		if !sub.fitsIn(q.op) {
			r.Fail(fmt.Errorf("%v in it", sub.op))
			return
		}
		sub.parseBody(r)
		sub.settle()
		q.subs = append(q.subs, sub)
		q.ops = append(q.ops, sub.ops...)
	}
}

// settle is ZooKeeper's reading of a create in a multi: the flags say which kind
// of create it is, and only containers and TTL nodes are answered with a stat.
func (q *request) settle() {
	switch {
	case q.op != opCreate && q.op != opCreate2 && q.op != opCreateContainer:
	case q.container:
		q.op, q.ops[0].Mode = opCreateContainer, q.ops[0].Mode|tree.Container
	default:
		q.op, q.ops[0].Mode = opCreate, q.ops[0].Mode&^tree.Container
	}
}

func (q *request) fitsIn(multi opcode) bool {
	switch q.op {
	case opCreate, opCreate2, opCreateContainer, opCreateTTL, opDelete, opSetData, opCheck:
		return multi == opMulti
	case opGetData, opGetChildren:
		return multi == opMultiRead
	}
	return false
}

// paths lists what a request is about.
func (q *request) paths() []string {
	if len(q.subs) == 0 {
		if q.path == "" {
			return nil
		}
		return []string{q.path}
	}
	list := make([]string, len(q.subs))
	for i := range q.subs {
		list[i] = q.subs[i].path
	}
	return list
}
