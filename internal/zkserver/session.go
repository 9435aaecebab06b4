package zkserver

import (
	"container/heap"
	"crypto/rand"
	"time"

	"github.com/musterhq/muster/internal/zkserver/tree"
)

// session is a client's session while it lives.
type session struct {
	id       int64
	timeout  time.Duration
	deadline time.Time // when it expires, unless touched
	due      time.Time // when to look at it: its place in the heap, <= deadline
	conn     *conn     // nil while no one is attached
}

// sessions are the live sessions and when to look at them. They are guarded by
// Server.mu.
type sessions struct {
	byID map[int64]*session
	heap sessionHeap
	wake chan struct{} // something became due earlier
	last int64         // id drawn
}

func newSessions() *sessions {
	return &sessions{byID: make(map[int64]*session), wake: make(chan struct{}, 1)}
}

// draw returns an id that no session has or had: the clock shifted as in
// ZooKeeper, and counting from there.
func (ss *sessions) draw(now time.Time) int64 {
	const server = 1 << 56
	ss.last = max(ss.last+1, server|(now.UnixMilli()<<24)>>8&(server-1))
	for ss.byID[ss.last] != nil {
		ss.last++
	}
	return ss.last
}

// track begins to watch over a session.
func (ss *sessions) track(id int64, timeout time.Duration, now time.Time) *session {
	s := &session{id: id, timeout: timeout, deadline: now.Add(timeout)}
	s.due = s.deadline
	ss.byID[id] = s
	heap.Push(&ss.heap, s)
	ss.poke()
	return s
}

// touch puts off the expiry. The heap is left alone: the expirer looks at the
// old time, sees the new one and puts the session back.
func (ss *sessions) touch(s *session, now time.Time) { s.deadline = now.Add(s.timeout) }

// retime gives a session another timeout.
func (ss *sessions) retime(s *session, timeout time.Duration, now time.Time) {
	s.timeout = timeout
	ss.touch(s, now)
	if s.deadline.Before(s.due) {
		s.due = s.deadline
		heap.Init(&ss.heap) // rare: a client came back with a shorter timeout
		ss.poke()
	}
}

func (ss *sessions) poke() {
	select {
	case ss.wake <- struct{}{}:
	default:
	}
}

// next returns the sessions that are over, and how long nothing will be.
func (ss *sessions) next(now time.Time) (over []*session, wait time.Duration) {
	for len(ss.heap) > 0 {
		s := ss.heap[0]
		switch {
		case ss.byID[s.id] != s: // closed
			heap.Pop(&ss.heap)
		case s.due.After(now):
			return over, s.due.Sub(now)
		case s.deadline.After(now):
			s.due = s.deadline
			heap.Fix(&ss.heap, 0)
		default:
			heap.Pop(&ss.heap)
			over = append(over, s)
		}
	}
	return over, time.Hour
}

// sessionHeap orders by due.
type sessionHeap []*session

func (h sessionHeap) Len() int           { return len(h) }
func (h sessionHeap) Less(i, j int) bool { return h[i].due.Before(h[j].due) }
func (h sessionHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }

// Push implements [heap.Interface].
func (h *sessionHeap) Push(x any) { *h = append(*h, x.(*session)) }

// Pop implements [heap.Interface].
func (h *sessionHeap) Pop() any {
	old := *h
	s := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return s
}

// expireSessions ends sessions when their time is over.
func (s *Server) expireSessions() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
		case <-s.sessions.wake:
		case <-s.ctx.Done():
			return
		}
		s.mu.Lock()
		over, wait := s.sessions.next(time.Now())
		for _, ss := range over {
			s.cfg.Logger("zkserver: session 0x%x expired after %v", ss.id, ss.timeout)
			s.endLocked(ss)
		}
		s.mu.Unlock()
		timer.Reset(wait)
	}
}

// endLocked closes a session: its ephemeral nodes go in one transaction, and
// then its connection.
func (s *Server) endLocked(ss *session) {
	delete(s.sessions.byID, ss.id)
	s.commitLocked(tree.Actor{Session: ss.id, Trusted: true}, tree.Op{Kind: tree.CloseSession})
	if c := ss.conn; c != nil {
		ss.conn = nil
		if !c.mute.Load() && !s.faults.silent(c) { // one that is hears nothing of it
			c.drop()
		}
	}
}

// openLocked begins a session and returns it with its password.
func (s *Server) openLocked(timeout time.Duration) (*session, []byte) {
	now := time.Now()
	password := make([]byte, 16)
	rand.Read(password) // never fails, says its documentation
	ss := s.sessions.track(s.sessions.draw(now), timeout, now)
	s.commitLocked(tree.Actor{Session: ss.id, Trusted: true}, tree.Op{
		Kind: tree.OpenSession, Timeout: int32(timeout.Milliseconds()), Data: password,
	})
	return ss, password
}

// restoreSessionsLocked gives the sessions found on disk their whole timeout to
// come back.
func (s *Server) restoreSessionsLocked() {
	now := time.Now()
	for _, was := range s.tree.Sessions() {
		s.sessions.track(was.ID, time.Duration(was.Timeout)*time.Millisecond, now)
		s.sessions.last = max(s.sessions.last, was.ID)
	}
}
