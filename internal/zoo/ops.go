package zoo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-zookeeper/zk"
)

// Stat is what the server keeps beside a node's data.
type Stat struct {
	Czxid, Mzxid      int64     // the transactions that created it and last set it
	Ctime, Mtime      time.Time // when those were, by the server's clock
	Version, Cversion int32     // changes of the data, and of the set of children
	EphemeralOwner    int64     // the session it goes with; 0 if it is persistent
	NumChildren       int32
}

// Node is a node as it was when the server answered.
type Node struct {
	Path string
	Data []byte
	Stat Stat
}

// Result is what one operation of a commit came to.
type Result struct {
	Path    string // of the node; for Create the name it was given
	Version int32  // new version after Set
	Stat    Stat   // after Set; zero otherwise, for the server does not say
}

// Get reads a node. ErrNoNode if there is none.
func (s *Session) Get(ctx context.Context, path string) (Node, error) {
	return s.get(ctx, request{op: "get", path: path}, s.zk.Get)
}

// get reads a node with one of the library's ways to do so.
func (s *Session) get(ctx context.Context, r request, read func(string) ([]byte, *zk.Stat, error)) (Node, error) {
	return do(ctx, s, r, func() (Node, error) {
		data, stat, err := read(r.path)
		if err != nil {
			return Node{}, err
		}
		return Node{Path: r.path, Data: data, Stat: statOf(stat)}, nil
	})
}

// Children reads the names of a node's children, sorted. ErrNoNode if there is
// no such node.
func (s *Session) Children(ctx context.Context, path string) ([]string, Stat, error) {
	l, err := s.children(ctx, request{op: "list", path: path}, s.zk.Children)
	return l.names, statOf(&l.stat), err
}

// listing is the answer to a request for children.
type listing struct {
	names []string
	stat  zk.Stat
}

func (s *Session) children(ctx context.Context, r request, read func(string) ([]string, *zk.Stat, error)) (listing, error) {
	return do(ctx, s, r, func() (listing, error) {
		names, stat, err := read(r.path)
		if err != nil {
			return listing{}, err
		}
		slices.Sort(names)
		return listing{names, *stat}, nil
	})
}

// Sync returns when the server that this session is connected to has caught up
// with what the leader had when it was asked.
func (s *Session) Sync(ctx context.Context, path string) error {
	_, err := do(ctx, s, request{op: "sync", path: path}, func() (string, error) { return s.zk.Sync(path) })
	return err
}

// Commit applies all operations or none, and gives a result for each. The error
// says which of three fates it had: none is done, *ConflictError (or ErrDenied,
// ErrTooLarge, ErrNotSent) is refused, ErrUnknown is unknown.
func (s *Session) Commit(ctx context.Context, txn Txn) ([]Result, error) {
	if txn.Len() == 0 {
		return nil, nil
	}
	ops, size, err := txn.encode(s.cfg.ACL)
	if err != nil {
		return nil, fmt.Errorf("commit: %w: %w", ErrNotSent, err)
	}
	r := request{op: fmt.Sprintf("commit of %d operations at", txn.Len()), path: txn.ops[0].Path, write: true}
	if size > s.cfg.MaxRequest {
		return nil, fmt.Errorf("%s: %w: %w: %d bytes, at most %d are taken", r, ErrNotSent, ErrTooLarge, size, s.cfg.MaxRequest)
	}
	return do(ctx, s, r, func() ([]Result, error) {
		answers, err := s.zk.Multi(ops...)
		if err != nil {
			return nil, refusal(txn.ops, answers, err)
		}
		return results(txn.ops, answers), nil
	})
}

// refusal names the operation for which a commit was refused. Those before it
// are answered with no error, those after it with one that says nothing.
func refusal(ops []Op, answers []zk.MultiResponse, err error) error {
	at := slices.IndexFunc(answers, func(a zk.MultiResponse) bool { return a.Error != nil })
	if at < 0 || at >= len(ops) {
		return err
	}
	return &refused{index: at, op: ops[at], err: answers[at].Error}
}

// refused is a refusal on its way from the library's goroutine to explain.
type refused struct {
	index int
	op    Op
	err   error
}

func (r *refused) Error() string { return r.err.Error() }
func (r *refused) Unwrap() error { return r.err }

// conflict is what the caller gets of it.
func (r *refused) conflict() error {
	switch why := reason(r.err); why {
	case ErrNoNode, ErrExists, ErrBadVersion, ErrNotEmpty:
		return &ConflictError{Index: r.index, Op: r.op.Kind, Path: r.op.Path, Err: why}
	default:
		return fmt.Errorf("commit: %s %s: %w (operation %d)", r.op.Kind, r.op.Path, why, r.index)
	}
}

func results(ops []Op, answers []zk.MultiResponse) []Result {
	out := make([]Result, len(ops))
	for i, op := range ops {
		out[i].Path = op.Path
		if i >= len(answers) {
			continue
		}
		switch a := answers[i]; {
		case op.Kind == OpCreate && a.String != "":
			out[i].Path = a.String
		case op.Kind == OpSet && a.Stat != nil:
			out[i].Stat = statOf(a.Stat)
			out[i].Version = a.Stat.Version
		}
	}
	return out
}

func statOf(s *zk.Stat) Stat {
	return Stat{
		Czxid: s.Czxid, Mzxid: s.Mzxid,
		Ctime: time.UnixMilli(s.Ctime), Mtime: time.UnixMilli(s.Mtime),
		Version: s.Version, Cversion: s.Cversion,
		EphemeralOwner: s.EphemeralOwner,
		NumChildren:    s.NumChildren,
	}
}

// request says what is being asked, for errors.
type request struct {
	op, path string
	write    bool
}

func (r request) String() string { return r.op + " " + r.path }

// checkPath refuses what the server would: the library sends the paths of a
// transaction as they are, and its answer would not say which it was.
func checkPath(path string) error {
	if path == "/" {
		return nil
	}
	if !strings.HasPrefix(path, "/") {
		return errors.New("malformed path: it does not begin with /")
	}
	for name := range strings.SplitSeq(path[1:], "/") {
		if name == "" || name == "." || name == ".." {
			return fmt.Errorf("malformed path: a name in it is %q", name)
		}
	}
	if strings.ContainsFunc(path, unprintable) {
		return errors.New("malformed path: a character in it is not allowed")
	}
	return nil
}

// unprintable reports the characters that ZooKeeper does not take.
func unprintable(r rune) bool {
	return r <= 0x1f || r >= 0x7f && r <= 0x9f || r >= 0xd800 && r <= 0xf8ff || r >= 0xfff0 && r <= 0xffff
}
