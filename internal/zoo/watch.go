package zoo

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/go-zookeeper/zk"
)

// setWatchesBytes is the size up to which the library packs the watches that it
// arms again into one request, whatever its buffer holds.
const setWatchesBytes = 128 << 10

// slack is what the send buffer has beyond MaxRequest: the library panics when
// a flag falls on its very end, and arming the watches again takes 32 bytes of
// its own and 29 for the one on contactPath.
const slack = 64

// aspect is what is watched of a node.
type aspect struct {
	path     string
	children bool // of the set of children, else of the node's being and data
}

// mark is the state of an aspect: the transactions that created the node and
// that changed the aspect last. Zero is absence.
type mark struct{ created, changed int64 }

// watch is one aspect that the server was asked, or is being asked, to watch.
type watch struct {
	changed chan struct{}
	armed   bool // the server has said that it watches, and seen is what it showed
	seen    mark
}

// watches are the session's, at most one for each aspect: callers share its
// channel, and a look at what is watched already does not ask the server to
// watch again, for the library would keep a note of each such request until the
// node changes. There is no goroutine for a watch: the library's callback
// closes channels here, under mu.
type watches struct {
	mu    sync.Mutex // guards the fields below
	of    map[aspect]*watch
	bytes int // what arming them all again would take, in one request
	ended bool
}

// join gives an aspect's watch and whether the server watches it already. It is
// to be called before the server is asked, so that no event can come too early.
func (w *watches) join(a aspect, limit int) (ch chan struct{}, armed bool, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if had, ok := w.of[a]; ok && had.changed != nil {
		return had.changed, had.armed, nil
	} else if !ok {
		size := len(a.path) + 4
		if limit < setWatchesBytes && w.bytes+size > limit {
			return nil, false, fmt.Errorf("%w: %d bytes of watched paths, at most %d can be watched", ErrTooLarge, w.bytes+size, limit)
		}
		w.bytes += size
	}
	ch = make(chan struct{})
	if w.ended {
		close(ch)
		return ch, false, nil
	}
	if w.of == nil {
		w.of = make(map[aspect]*watch)
	}
	w.of[a] = &watch{changed: ch}
	return ch, false, nil
}

// look notes what the server showed of an aspect while ch was its watch. If it
// is not what was seen before, an event is under way or lost: the watch fires.
func (w *watches) look(a aspect, ch chan struct{}, seen mark) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch had := w.of[a]; {
	case had == nil || had.changed != ch: // it has fired
	case !had.armed:
		had.armed, had.seen = true, seen
	case had.seen != seen:
		// It stays in the map without a channel: the library still has its
		// note, and bytes must count it.
		close(ch)
		*had = watch{}
	}
}

// fire is an event of the server's.
func (w *watches) fire(path string, event zk.EventType) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if event != zk.EventNodeChildrenChanged {
		w.fireLocked(aspect{path: path})
	}
	if event == zk.EventNodeChildrenChanged || event == zk.EventNodeDeleted {
		w.fireLocked(aspect{path: path, children: true})
	}
}

func (w *watches) fireLocked(a aspect) {
	had, ok := w.of[a]
	if !ok {
		return
	}
	delete(w.of, a)
	w.bytes -= len(a.path) + 4
	if had.changed != nil {
		close(had.changed)
	}
}

// end fires all of them, for good.
func (w *watches) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ended = true
	for a := range w.of {
		w.fireLocked(a)
	}
}

// pending is one armed watch, for the poll.
type pending struct {
	aspect
	changed chan struct{}
}

// armed lists the watches that the poll is to check.
func (w *watches) armed() []pending {
	w.mu.Lock()
	defer w.mu.Unlock()
	list := make([]pending, 0, len(w.of))
	for a, had := range w.of {
		if had.armed {
			list = append(list, pending{a, had.changed})
		}
	}
	return list
}

// Watch reads a node and gives a channel that is closed when it has changed
// since, or may have: at the server's event, when the poll finds a change that
// no event told of, and when the session ends. It carries nothing; look again.
// With ErrNoNode there is a channel too, closed when the node may have
// appeared. The channel costs nothing to abandon, and is shared: watching again
// what has not changed gives it again.
func (s *Session) Watch(ctx context.Context, path string) (Node, <-chan struct{}, error) {
	a, r := aspect{path: path}, request{op: "watch", path: path}
	ch, armed, err := s.watches.join(a, s.cfg.MaxRequest)
	if err != nil {
		return Node{}, nil, fmt.Errorf("%s: %w", r, err)
	}
	read := s.zk.Get
	if !armed {
		read = func(path string) ([]byte, *zk.Stat, error) {
			data, stat, _, err := s.zk.GetW(path)
			return data, stat, err
		}
	}
	node, err := s.get(ctx, r, read)
	switch {
	case err == nil:
		s.watches.look(a, ch, mark{node.Stat.Czxid, node.Stat.Mzxid})
		return node, ch, nil
	case errors.Is(err, ErrNoNode):
		return s.absent(ctx, r, err)
	}
	return Node{}, nil, err
}

// absent watches for a node that was not there a moment ago; noNode says so.
func (s *Session) absent(ctx context.Context, r request, noNode error) (Node, <-chan struct{}, error) {
	a := aspect{path: r.path}
	ch, armed, err := s.watches.join(a, s.cfg.MaxRequest)
	if err != nil {
		return Node{}, nil, fmt.Errorf("%s: %w", r, err)
	}
	seen, err := do(ctx, s, r, func() (mark, error) {
		if armed {
			return s.exists(a)
		}
		found, stat, _, err := s.zk.ExistsW(r.path)
		if err != nil || !found {
			return mark{}, err
		}
		return mark{stat.Czxid, stat.Mzxid}, nil
	})
	if err != nil {
		return Node{}, nil, err
	}
	s.watches.look(a, ch, seen)
	if seen != (mark{}) { // it has appeared meanwhile
		now := make(chan struct{})
		close(now)
		return Node{}, now, noNode
	}
	return Node{}, ch, noNode
}

// WatchChildren reads the names of a node's children, sorted, and gives a
// channel that is closed when the set has changed since, or may have; see
// Watch. It says nothing of the children's data.
func (s *Session) WatchChildren(ctx context.Context, path string) ([]string, Stat, <-chan struct{}, error) {
	a, r := aspect{path: path, children: true}, request{op: "watch children", path: path}
	ch, armed, err := s.watches.join(a, s.cfg.MaxRequest)
	if err != nil {
		return nil, Stat{}, nil, fmt.Errorf("%s: %w", r, err)
	}
	read := s.zk.Children
	if !armed {
		read = func(path string) ([]string, *zk.Stat, error) {
			names, stat, _, err := s.zk.ChildrenW(path)
			return names, stat, err
		}
	}
	l, err := s.children(ctx, r, read)
	switch {
	case err == nil:
		s.watches.look(a, ch, mark{l.stat.Czxid, l.stat.Pzxid})
		return l.names, statOf(&l.stat), ch, nil
	case errors.Is(err, ErrNoNode):
		_, appeared, err := s.absent(ctx, r, err)
		return nil, Stat{}, appeared, err
	}
	return nil, Stat{}, nil, err
}

// exists reads the state of an aspect.
func (s *Session) exists(a aspect) (mark, error) {
	found, stat, err := s.zk.Exists(a.path)
	switch {
	case err != nil || !found:
		return mark{}, err
	case a.children:
		return mark{stat.Czxid, stat.Pzxid}, nil
	}
	return mark{stat.Czxid, stat.Mzxid}, nil
}

// poll is the net under the watches: an event can be lost, by a server, or when
// the library arms its watches on another one. It asks for one after the other,
// so that ten thousand watches are a slower poll and not a burst.
func (s *Session) poll() {
	for s.sleep(s.cfg.Poll) {
		for _, p := range s.watches.armed() {
			seen, err := do(s.ctx, s, request{op: "poll", path: p.path}, func() (mark, error) { return s.exists(p.aspect) })
			if err == nil {
				s.watches.look(p.aspect, p.changed, seen)
			}
			if s.ctx.Err() != nil {
				return
			}
		}
	}
}
