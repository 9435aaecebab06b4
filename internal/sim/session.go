package sim

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/musterhq/muster/internal/zoo"
)

// A session is one session with the cluster, through servers that lag.
type session struct {
	w  *world
	id int64
	// view is the transaction up to which this session has seen the tree; it
	// only moves forward.
	view    int64
	watches []watch
	// pending is a commit that was not answered: it may still be applied, until
	// the session is heard of again or ends.
	pending []zoo.Op
	// late is the last such commit of an agent. It may come again when the session is
	// over, like one that a client library has kept in its queue.
	late []zoo.Op
	// expired is the transaction that ended the session, 0 while it lives. The
	// client hears of it later: a server that is cut off from the leader goes on
	// answering reads for as long as maxLag.
	expired   int64
	told      bool
	abandoned time.Time // since when its process is gone; zero while it is there
}

// A watch is closed when the session's view passes a change.
type watch struct {
	path     string
	children bool
	from     int64
	fired    chan struct{}
}

func (w *world) connect() *session {
	w.cluster.sessions++
	s := &session{w: w, id: w.cluster.sessions, view: w.cluster.zxid}
	w.sessions = append(w.sessions, s)
	return s
}

// expire ends a session at the leader.
func (w *world) expire(s *session) {
	if s.expired != 0 {
		return
	}
	s.settle()
	s.expired = w.cluster.zxid + 1
	w.commit(s, w.cluster.deletions(s.id)) //nolint:errcheck // what it deletes is there
	w.sessions = slices.DeleteFunc(w.sessions, func(o *session) bool { return o == s })
	if len(s.late) > 0 {
		w.late = append(w.late, s.late)
	}
	if w.chance(50) {
		w.sendLate()
	}
}

// settle decides the fate of a commit that was not answered.
func (s *session) settle() {
	ops := s.pending
	s.pending = nil
	if ops != nil && s.expired == 0 && s.w.chance(50) {
		s.w.commit(s, ops) //nolint:errcheck // nobody hears of it
	}
}

// sendLate sends what was left of a session that is over, in a session that is
// nobody's (G5).
func (w *world) sendLate() {
	if len(w.late) > 0 {
		ops := w.late[0]
		w.late = w.late[1:]
		w.commit(&session{w: w}, ops) //nolint:errcheck // nobody hears of it
	}
}

// look moves the view forward, to anywhere that a server may be.
func (s *session) look() {
	newest := s.w.cluster.zxid
	if s.expired != 0 {
		newest = s.expired - 1
	}
	oldest := max(s.view, s.w.cluster.floor(s.w.now))
	switch {
	case oldest >= newest:
		s.see(oldest)
	case !s.w.faults || s.w.chance(60):
		s.see(newest)
	default:
		s.see(oldest + s.w.rng.Int64N(newest-oldest+1))
	}
}

// see moves the view and fires the watches that it passes.
func (s *session) see(zxid int64) {
	if zxid <= s.view {
		return
	}
	s.view = zxid
	s.watches = slices.DeleteFunc(s.watches, func(w watch) bool {
		n := s.w.cluster.at(w.path, zxid)
		if n.changed <= w.from && (!w.children || n.listed <= w.from) {
			return false
		}
		close(w.fired)
		return true
	})
}

// A conn is the way of one actor to its session: a [store.Tree].
type conn struct {
	*session
	actor *actor
	// answered hears of every answer: when its request was sent.
	answered func(sent time.Time)
}

// errLost is a request that got no answer.
var errLost = fmt.Errorf("connection lost: %w", zoo.ErrNotSent)

// ID is the session's.
func (c *conn) ID() int64 { return c.id }

// arrive pauses until the scheduler lets the request through. It returns an
// error where there is no answer.
func (c *conn) arrive(write bool) (sent time.Time, err error) {
	sent = c.w.now
	if err := c.actor.pause(); err != nil {
		return sent, err
	}
	c.settle()
	if c.expired != 0 {
		cut := !write && !c.told && c.w.faults && c.w.cluster.floor(c.w.now) < c.expired && c.w.chance(80)
		if !cut {
			c.told = true
			return sent, fmt.Errorf("%w: %w", zoo.ErrSessionEnded, zoo.ErrNotSent)
		}
	}
	if c.w.faults && c.w.chance(2) {
		return sent, errLost
	}
	return sent, nil
}

// answer lets others go first perhaps, while the answer is on its way.
func (c *conn) answer(sent time.Time) error {
	if c.w.faults && c.w.chance(15) {
		if err := c.actor.pause(); err != nil {
			return err
		}
	}
	if c.answered != nil {
		c.answered(sent)
	}
	return nil
}

func (c *conn) read(path string) (znode, error) {
	sent, err := c.arrive(false)
	if err != nil {
		return znode{}, err
	}
	c.look()
	n := c.w.cluster.at(path, c.view)
	if err := c.answer(sent); err != nil {
		return n, err
	}
	if !n.there {
		return n, fmt.Errorf("%s: %w", path, zoo.ErrNoNode)
	}
	return n, nil
}

// Get reads a node as this session's server has it.
func (c *conn) Get(_ context.Context, path string) (zoo.Node, error) {
	n, err := c.read(path)
	return zoo.Node{Path: path, Data: n.data, Stat: n.stat}, err
}

// Children lists a node's children as this session's server has them.
func (c *conn) Children(_ context.Context, path string) ([]string, zoo.Stat, error) {
	n, err := c.read(path)
	return slices.Clone(n.children), n.stat, err
}

// Watch is Get with a watch.
func (c *conn) Watch(ctx context.Context, path string) (zoo.Node, <-chan struct{}, error) {
	n, err := c.read(path)
	if err != nil && !errors.Is(err, zoo.ErrNoNode) {
		return zoo.Node{}, nil, err
	}
	return zoo.Node{Path: path, Data: n.data, Stat: n.stat}, c.watch(path, false, n), err
}

// WatchChildren is Children with a watch.
func (c *conn) WatchChildren(ctx context.Context, path string) ([]string, zoo.Stat, <-chan struct{}, error) {
	n, err := c.read(path)
	if err != nil {
		return nil, zoo.Stat{}, nil, err
	}
	return slices.Clone(n.children), n.stat, c.watch(path, true, n), nil
}

// watch sets a watch as of what was read, which may be past already.
func (c *conn) watch(path string, children bool, read znode) <-chan struct{} {
	w := watch{path: path, children: children, from: max(read.changed, read.listed), fired: make(chan struct{})}
	if !children {
		w.from = read.changed
	}
	now := c.w.cluster.at(path, c.view)
	if now.changed > w.from || children && now.listed > w.from {
		close(w.fired)
		return w.fired
	}
	c.watches = append(c.watches, w)
	return w.fired
}

// Sync catches up with the leader.
func (c *conn) Sync(context.Context, string) error {
	sent, err := c.arrive(true)
	if err != nil {
		return err
	}
	c.see(c.w.cluster.zxid)
	return c.answer(sent)
}

// Commit is applied at the leader, answered or not.
func (c *conn) Commit(_ context.Context, txn zoo.Txn) ([]zoo.Result, error) {
	sent, err := c.arrive(true)
	if err != nil {
		return nil, err
	}
	if c.w.faults && c.w.chance(6) {
		c.pending = txn.Ops()
		if slices.ContainsFunc(c.pending, func(op zoo.Op) bool { return placeOf(op.Path).kind == "feature" }) {
			c.late = c.pending
			if c.w.chance(20) {
				c.w.expire(c.session)
			}
		}
		return nil, fmt.Errorf("connection lost: %w", zoo.ErrUnknown)
	}
	results, err := c.w.commit(c.session, txn.Ops())
	c.see(c.w.cluster.zxid)
	if late := c.answer(sent); late != nil {
		return nil, late
	}
	return results, err
}
