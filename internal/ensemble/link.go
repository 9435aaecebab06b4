package ensemble

import (
	"net"
	"sync"
	"time"
)

// A link leads from one server to the quorum port of another. A follower dials
// its leader over it, so what a server is told by its leader, and what it tells,
// can be late, or be held up altogether: a server that lags, and still serves
// its clients.
type link struct {
	listener net.Listener
	dst      string // the port it leads to
	from, to *shore
	end      <-chan struct{}
	wg       *sync.WaitGroup
}

// A shore is where all links of one server end.
type shore struct {
	mu   sync.Mutex    // guards the fields below
	late time.Duration // by which all that the server is sent arrives later
	open chan struct{} // closed while anything leaves or arrives
}

func newShore() *shore {
	s := &shore{open: make(chan struct{})}
	close(s.open)
	return s
}

// link makes the links, if there are to be any, and notes their ports.
func (e *Ensemble) link(s *settings) error {
	if !s.links {
		return nil
	}
	s.ways = make(map[[2]int]int)
	for range s.ports {
		e.shores = append(e.shores, newShore())
	}
	for i := range s.ports {
		for j, p := range s.ports {
			if i == j {
				continue
			}
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				return err
			}
			s.ways[[2]int{i, j}] = listener.Addr().(*net.TCPAddr).Port
			l := &link{listener: listener, dst: address(p.quorum), from: e.shores[i], to: e.shores[j], end: e.cut, wg: &e.wg}
			e.links = append(e.links, l)
			e.wg.Go(l.serve)
		}
	}
	return nil
}

// unlink ends the links. The servers have ended, and with them all connections
// but those that are held up.
func (e *Ensemble) unlink() {
	for _, l := range e.links {
		l.listener.Close()
	}
	close(e.cut)
	e.wg.Wait()
}

// Delay has all that the other servers send to server i arrive later by d, until
// heal is called: it answers its clients' reads from the past, and their writes
// late. It needs [Links].
func (e *Ensemble) Delay(i int, d time.Duration) (heal func()) {
	s := e.shores[i]
	s.setLate(d)
	return func() { s.setLate(0) }
}

// Isolate holds up all that server i and the others send to each other, until
// heal is called and lets it arrive. Nothing is closed: the server finds out
// when its leader has been silent for syncLimit, and serves its clients until
// then. It needs [Links].
func (e *Ensemble) Isolate(i int) (heal func()) {
	s := e.shores[i]
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open = make(chan struct{})
	return s.reopen
}

// reopen lets go on what was held up, if anything.
func (s *shore) reopen() {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.open:
	default:
		close(s.open)
	}
}

// heal ends all that disturbs the links.
func (s *shore) heal() {
	s.setLate(0)
	s.reopen()
}

func (s *shore) setLate(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.late = d
}

func (s *shore) state() (late time.Duration, open <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.late, s.open
}

// serve carries connections until its listener is closed.
func (l *link) serve() {
	for {
		near, err := l.listener.Accept()
		if err != nil {
			return
		}
		l.wg.Go(func() {
			far := l.reach()
			if far == nil {
				near.Close()
				return
			}
			l.wg.Go(func() { l.carry(far, near, l.from, l.to) })
			l.carry(near, far, l.to, l.from)
		})
	}
}

// reach connects to where the link leads; nil when nobody is there for a while. A
// leader listens when it knows that it leads, and its follower may know before:
// it would try again after being refused, and would not after a goodbye.
func (l *link) reach() net.Conn {
	const attempts, pause = 40, 50 * time.Millisecond
	for range attempts {
		if conn, err := net.Dial("tcp", l.dst); err == nil {
			return conn
		}
		select {
		case <-time.After(pause):
		case <-l.end:
			return nil
		}
	}
	return nil
}

// A load is something that was sent, and when it is to arrive.
type load struct {
	data []byte
	due  time.Time
}

// carry takes one direction of a connection, and ends both when it ends.
func (l *link) carry(dst, src net.Conn, from, to *shore) {
	defer dst.Close()
	loads := make(chan load, 1024)
	l.wg.Go(func() {
		defer src.Close()
		defer close(loads)
		for {
			buf := make([]byte, 16<<10)
			n, err := src.Read(buf)
			if err != nil {
				return
			}
			late, _ := to.state()
			select {
			case loads <- load{buf[:n], time.Now().Add(late)}:
			case <-l.end:
				return
			}
		}
	})
	defer src.Close() // its reader may still wait for more
	for ld := range loads {
		if !l.passes(ld.due, from, to) {
			return
		}
		if _, err := dst.Write(ld.data); err != nil {
			return
		}
	}
}

// passes waits until a load may arrive, and reports false at the end of all.
func (l *link) passes(due time.Time, from, to *shore) bool {
	timer := time.NewTimer(time.Until(due))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-l.end:
		return false
	}
	for _, s := range []*shore{from, to} {
		_, open := s.state()
		select {
		case <-open:
		case <-l.end:
			return false
		}
	}
	return true
}
