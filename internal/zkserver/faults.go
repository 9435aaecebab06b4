package zkserver

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Client is one connection, as faults select them.
type Client struct {
	Session int64  // 0 before it has one
	Addr    string // "pipe" for in-memory pipes
}

// Request is one request before it is carried out.
type Request struct {
	Client
	Op    string   // as ZooKeeper names it: "create", "multi", "ping", …
	Paths []string // of a multi: one for each op
}

// Action is what becomes of a request.
type Action int

// The actions. A dropped connection still delivers the answers to earlier
// requests.
const (
	Pass       Action = iota // carry it out and answer
	DropBefore               // close the connection, carry nothing out
	DropAfter                // carry it out, lose the answer, close the connection
	Mute                     // nothing more is done or said on this connection; it stays open
	MuteAfter                // carry it out; then as Mute
)

// Verdict is an action after a delay. The zero value passes.
type Verdict struct {
	Do    Action
	Delay time.Duration // before it; later requests of the connection wait too
}

// Faults makes a server misbehave on demand. All methods may be called
// concurrently, also from a hook, and act on connections present and future. A
// match selects connections; nil selects all; it must not call the server.
type Faults struct {
	server *Server
	none   atomic.Bool // there are none: nothing needs to be looked up

	mu       sync.Mutex // guards the fields below
	next     int
	silences map[int]fault
	deafness map[int]fault
	delays   map[int]fault
	hook     func(Request) Verdict
}

// fault is one that lasts until it is healed.
type fault struct {
	match func(Client) bool
	by    time.Duration // of a delay
}

// Faults returns the server's misbehaviour.
func (s *Server) Faults() *Faults { return s.faults }

func newFaults(s *Server) *Faults {
	f := &Faults{
		server:   s,
		silences: make(map[int]fault), deafness: make(map[int]fault), delays: make(map[int]fault),
	}
	f.none.Store(true)
	return f
}

// OnRequest has every request judged, pings and closeSession included, but not
// the connecting itself. The hook runs on the connection's goroutine: while it
// waits, so does the connection. Nil lets all pass.
func (f *Faults) OnRequest(hook func(Request) Verdict) {
	f.change(func() { f.hook = hook })
}

// Delay has the selected connections' requests wait, one after the other, until
// heal is called.
func (f *Faults) Delay(by time.Duration, match func(Client) bool) (heal func()) {
	return f.add(f.delays, fault{match, by})
}

// LoseEvents loses what the selected connections' watches would tell, until heal
// is called. The watches are used up all the same.
func (f *Faults) LoseEvents(match func(Client) bool) (heal func()) {
	return f.add(f.deafness, fault{match: match})
}

// Silence makes the server, to the selected connections, one that was stopped:
// it accepts them and takes their requests, but carries nothing out and says
// nothing. Their sessions may expire meanwhile, as those of a server cut off
// from its leader do, without their connections being closed. Heal lets all go
// on where it stopped.
func (f *Faults) Silence(match func(Client) bool) (heal func()) {
	undo := f.add(f.silences, fault{match: match})
	for _, c := range f.server.clients() {
		if f.silent(c) {
			c.out.hold(true)
		}
	}
	return func() {
		undo()
		f.server.resume()
	}
}

// DropConnections closes the selected connections now, and says how many.
func (f *Faults) DropConnections(match func(Client) bool) int {
	n := 0
	for _, c := range f.server.clients() {
		if match == nil || match(c.client()) {
			c.drop()
			n++
		}
	}
	return n
}

// ExpireSession ends a session now, as if its time were over: its ephemeral
// nodes are gone when this returns. It reports whether there was one.
func (f *Faults) ExpireSession(id int64) bool {
	s := f.server
	s.mu.Lock()
	defer s.mu.Unlock()
	ss := s.sessions.byID[id]
	if ss != nil {
		s.endLocked(ss)
	}
	return ss != nil
}

// Sessions lists the sessions that live, by id, which is their age.
func (f *Faults) Sessions() []int64 {
	s := f.server
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.sessions.byID))
}

func (f *Faults) add(to map[int]fault, ft fault) (heal func()) {
	var id int
	f.change(func() {
		f.next++
		id = f.next
		to[id] = ft
	})
	return func() { f.change(func() { delete(to, id) }) }
}

func (f *Faults) change(how func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	how()
	f.none.Store(f.hook == nil && len(f.silences)+len(f.deafness)+len(f.delays) == 0)
}

// judge says what is to become of a request.
func (f *Faults) judge(c *conn, q *request) Verdict {
	if f.none.Load() {
		return Verdict{}
	}
	client, v := c.client(), Verdict{}
	f.mu.Lock()
	hook, wait := f.hook, time.Duration(0)
	for _, d := range f.delays {
		if d.match == nil || d.match(client) {
			wait += d.by
		}
	}
	f.mu.Unlock()
	if hook != nil {
		v = hook(Request{Client: client, Op: q.op.String(), Paths: q.paths()})
	}
	v.Delay += wait
	return v
}

// silent reports whether a connection is silenced.
func (f *Faults) silent(c *conn) bool { return !f.none.Load() && f.hits(f.silences, c) }

// deaf reports whether a connection's events are lost.
func (f *Faults) deaf(c *conn) bool { return !f.none.Load() && f.hits(f.deafness, c) }

func (f *Faults) hits(faults map[int]fault, c *conn) bool {
	client := c.client()
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, ft := range faults {
		if ft.match == nil || ft.match(client) {
			return true
		}
	}
	return false
}

func (s *Server) clients() []*conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Keys(s.conns))
}

// resume lets connections go on that are no longer silenced.
func (s *Server) resume() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns { // each is being served, so the wait group is not at its end
		s.wg.Go(c.resume)
	}
}
