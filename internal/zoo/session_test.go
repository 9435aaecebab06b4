package zoo_test

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/musterhq/muster/internal/zkserver"
	"github.com/musterhq/muster/internal/zoo"
)

// G5: go-zookeeper keeps queued requests across sessions, and begins a new
// session by itself.
func TestQueuedCreateDiesWithItsSession(t *testing.T) {
	bubble(t, func(w *world) {
		s := w.session(w.config())
		other := w.session(w.config())
		heal := w.lose()

		var wg sync.WaitGroup
		for range 40 { // more than the library's queue holds
			wg.Go(func() {
				_, err := s.Commit(w.Context(), txn(func(x *zoo.Txn) { x.Create("/late", nil, zoo.Persistent) }))
				wantErr(w, err, zoo.ErrNotSent, zoo.ErrSessionEnded)
				if errors.Is(err, zoo.ErrUnknown) {
					w.Errorf("got %v: it is known", err)
				}
			})
		}
		synctest.Wait()
		w.Faults().ExpireSession(s.ID())
		heal()
		<-s.Done()
		wg.Wait()

		time.Sleep(time.Hour)
		if _, err := other.Get(w.Context(), "/late"); !errors.Is(err, zoo.ErrNoNode) {
			w.Errorf("got %v, want no node: a dead session's request was carried out", err)
		}
		if got, want := w.Faults().Sessions(), []int64{other.ID()}; !slices.Equal(got, want) {
			w.Errorf("got sessions %v, want %v: the library began one by itself", got, want)
		}
	})
}

// G5: the same for a request that was in the library's hands when the
// connection broke.
func TestRequestUnderWayDiesWithItsSession(t *testing.T) {
	bubble(t, func(w *world) {
		s := w.session(w.config())
		other := w.session(w.config())
		w.Faults().OnRequest(func(r zkserver.Request) zkserver.Verdict {
			if r.Op == "multi" {
				return zkserver.Verdict{Do: zkserver.Mute}
			}
			return zkserver.Verdict{}
		})
		var wg sync.WaitGroup
		for range 40 {
			wg.Go(func() {
				_, err := s.Commit(w.Context(), txn(func(x *zoo.Txn) { x.Create("/late", nil, zoo.Persistent) }))
				if !errors.Is(err, zoo.ErrUnknown) && !errors.Is(err, zoo.ErrNotSent) {
					w.Errorf("got %v, want it unknown or not sent", err)
				}
			})
		}
		synctest.Wait()
		w.Faults().ExpireSession(s.ID())
		w.Faults().OnRequest(nil)
		<-s.Done()
		wg.Wait()
		time.Sleep(time.Hour)
		if _, err := other.Get(w.Context(), "/late"); !errors.Is(err, zoo.ErrNoNode) {
			w.Errorf("got %v, want no node", err)
		}
	})
}

func TestExpiredSessionNeverComesBack(t *testing.T) {
	bubble(t, func(w *world) {
		s := w.session(w.config())
		if s.Err() != nil {
			w.Errorf("got %v before the end", s.Err())
		}
		w.Faults().ExpireSession(s.ID())
		<-s.Done()
		wantErr(w, s.Err(), zoo.ErrSessionEnded)
		before := w.dials.Load()
		time.Sleep(time.Hour)
		_, err := s.Get(w.Context(), "/")
		wantErr(w, err, zoo.ErrSessionEnded, zoo.ErrNotSent)
		_, err = s.Commit(w.Context(), txn(func(x *zoo.Txn) { x.Create("/a", nil, zoo.Persistent) }))
		wantErr(w, err, zoo.ErrSessionEnded, zoo.ErrNotSent)
		if s.Connected() || w.dials.Load() != before {
			w.Error("it dialled again")
		}
	})
}

// Only the servers expire a session: one that cannot reach them does not know.
func TestSessionDoesNotExpireByItself(t *testing.T) {
	bubble(t, func(w *world) {
		s := w.session(w.config())
		heal := w.lose()
		lost := time.Now()
		time.Sleep(time.Hour)
		if s.Err() != nil || s.Connected() || s.Contact().After(lost) {
			w.Errorf("got end %v, connected %v, contact %v ago", s.Err(), s.Connected(), time.Since(s.Contact()))
		}
		heal()
		<-s.Done()
		wantErr(w, s.Err(), zoo.ErrSessionEnded)
	})
}

func TestSessionOutlivesItsConnections(t *testing.T) {
	bubble(t, func(w *world) {
		cfg := w.config()
		cfg.SessionTimeout = 20 * time.Second
		s := w.session(cfg)
		if got, want := s.Timeout(), 20*time.Second; got != want {
			w.Errorf("got a time-out of %v, want %v", got, want)
		}
		id := s.ID()
		commit(w, s, func(x *zoo.Txn) { x.Create("/live", nil, zoo.Ephemeral) })
		for range 20 {
			w.Faults().DropConnections(nil)
			node, err := s.Get(w.Context(), "/live") // waits for the next connection
			if err != nil && !errors.Is(err, zoo.ErrNotSent) {
				w.Fatal(err)
			}
			if err == nil && (node.Stat.EphemeralOwner != id || s.ID() != id) {
				w.Fatalf("got owner %x and session %x, want %x", node.Stat.EphemeralOwner, s.ID(), id)
			}
			time.Sleep(time.Second)
		}
	})
}

func TestGrantedTimeout(t *testing.T) {
	bubble(t, func(w *world) {
		cfg := w.config()
		cfg.SessionTimeout = time.Hour
		if got, want := w.session(cfg).Timeout(), time.Minute; got != want {
			w.Errorf("got %v, want the server's %v", got, want)
		}
	})
}

func TestCloseEndsTheSessionOnTheServer(t *testing.T) {
	bubble(t, func(w *world) {
		s, other := w.session(w.config()), w.session(w.config())
		commit(w, s, func(x *zoo.Txn) { x.Create("/live", nil, zoo.Ephemeral) })
		took(w, 0, func() { s.Close() })
		wantErr(w, s.Err(), zoo.ErrSessionEnded)
		if _, err := other.Get(w.Context(), "/live"); !errors.Is(err, zoo.ErrNoNode) {
			w.Errorf("got %v, want no node", err)
		}
		took(w, 0, func() { s.Close() })
	})
}

func TestCloseIsBounded(t *testing.T) {
	cases := map[string]func(*world){
		"away":   func(w *world) { w.lose() },
		"silent": func(w *world) { w.Faults().Silence(nil) },
		"handshake": func(w *world) {
			w.Faults().Silence(nil)
			w.Faults().DropConnections(nil)
			synctest.Wait()
		},
	}
	for name, breakIt := range cases {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(w *world) {
				s := w.session(w.config())
				breakIt(w)
				started := time.Now()
				var wg sync.WaitGroup
				for range 40 {
					wg.Go(func() {
						_, err := s.Commit(context.Background(), txn(func(x *zoo.Txn) { x.Create("/a", nil, zoo.Persistent) }))
						wantErr(w, err, zoo.ErrSessionEnded)
					})
				}
				synctest.Wait()
				s.Close()
				wg.Wait()
				if got := time.Since(started); got > 3*time.Second {
					w.Errorf("took %v, want 3s at most", got)
				}
			})
		})
	}
}

// A server that accepts and stays silent: every operation honours its context
// and OpTimeout.
func TestOperationsEndOnASilentServer(t *testing.T) {
	write := txn(func(x *zoo.Txn) { x.Create("/a", nil, zoo.Persistent) })
	cases := map[string]struct {
		fate error
		call func(context.Context, *zoo.Session) error
	}{
		"get":            {zoo.ErrNotSent, func(ctx context.Context, s *zoo.Session) error { _, err := s.Get(ctx, "/"); return err }},
		"children":       {zoo.ErrNotSent, func(ctx context.Context, s *zoo.Session) error { _, _, err := s.Children(ctx, "/"); return err }},
		"watch":          {zoo.ErrNotSent, func(ctx context.Context, s *zoo.Session) error { _, _, err := s.Watch(ctx, "/"); return err }},
		"watch children": {zoo.ErrNotSent, func(ctx context.Context, s *zoo.Session) error { _, _, _, err := s.WatchChildren(ctx, "/"); return err }},
		"sync":           {zoo.ErrNotSent, func(ctx context.Context, s *zoo.Session) error { return s.Sync(ctx, "/") }},
		"commit":         {zoo.ErrUnknown, func(ctx context.Context, s *zoo.Session) error { _, err := s.Commit(ctx, write); return err }},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(w *world) {
				cfg := w.config()
				cfg.OpTimeout = 2 * time.Second
				cfg.Heartbeat = time.Hour // which would leave the server sooner
				s := w.session(cfg)
				w.Faults().Silence(nil)
				took(w, 2*time.Second, func() { wantErr(w, c.call(w.Context(), s), c.fate) })
				ctx, cancel := context.WithTimeout(w.Context(), time.Second)
				defer cancel()
				took(w, time.Second, func() { wantErr(w, c.call(ctx, s), c.fate, context.DeadlineExceeded) })
				ctx, cancel = context.WithCancel(w.Context())
				cancel()
				took(w, 0, func() { wantErr(w, c.call(ctx, s), zoo.ErrNotSent, context.Canceled) })
			})
		})
	}
}

// Without a connection nothing is handed to the library: giving up means that
// it is never sent.
func TestGivingUpWithoutAConnectionMeansNeverSent(t *testing.T) {
	bubble(t, func(w *world) {
		s := w.session(w.config())
		heal := w.lose()
		ctx, cancel := context.WithTimeout(w.Context(), time.Second)
		defer cancel()
		_, err := s.Commit(ctx, txn(func(x *zoo.Txn) { x.Create("/a", nil, zoo.Persistent) }))
		wantErr(w, err, zoo.ErrNotSent, context.DeadlineExceeded)
		if errors.Is(err, zoo.ErrUnknown) {
			w.Errorf("got %v: it is known", err)
		}
		heal()
		if _, err := s.Get(w.Context(), "/a"); !errors.Is(err, zoo.ErrNoNode) {
			w.Errorf("got %v, want no node: it was sent later, in the same session", err)
		}
	})
}

func TestDialEndsWithItsContext(t *testing.T) {
	refuse := func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("nobody home") }
	hang := func(ctx context.Context, _, _ string) (net.Conn, error) { <-ctx.Done(); return nil, ctx.Err() }
	for name, dial := range map[string]func(context.Context, string, string) (net.Conn, error){
		"refused": refuse, "black hole": hang, "silent": silence,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				start := time.Now()
				_, err := zoo.Dial(ctx, zoo.Config{Servers: []string{"one:2181", "two:2181"}, Dial: dial})
				wantErr(t, err, context.DeadlineExceeded)
				if got := time.Since(start); got > time.Minute+time.Second {
					t.Errorf("took %v", got)
				}
				t.Log(err)
			})
		})
	}
}

// silence accepts and takes everything, and never says a word.
func silence(context.Context, string, string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	go func() {
		io.Copy(io.Discard, theirs)
		theirs.Close()
	}()
	return ours, nil
}

func TestSilentServerIsLeftForTheNext(t *testing.T) {
	for range 8 { // servers are tried in random order
		bubble(t, func(w *world) {
			cfg := w.config()
			cfg.SessionTimeout, cfg.OpTimeout = 12*time.Second, 3*time.Second
			cfg.Servers = []string{"silent:2181", "one:2181"}
			cfg.Dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
				if addr == "silent:2181" {
					return silence(ctx, network, addr)
				}
				return w.dial(ctx, network, addr)
			}
			start := time.Now()
			s := w.session(cfg)
			if got := time.Since(start); got > 3*time.Second {
				w.Errorf("took %v to find the other server", got)
			}
			// The connection it has falls silent too: the session survives it,
			// and the one server that always is.
			for range 3 {
				w.Faults().OnRequest(func(zkserver.Request) zkserver.Verdict { return zkserver.Verdict{Do: zkserver.Mute} })
				time.Sleep(3 * time.Second) // a heartbeat or a ping has been muted
				w.Faults().OnRequest(nil)
				time.Sleep(20 * time.Second)
				if s.Err() != nil || time.Since(s.Contact()) > 4*time.Second {
					w.Fatalf("got end %v, contact %v ago", s.Err(), time.Since(s.Contact()))
				}
			}
		})
	}
}

func TestSessionSurvivesASilentConnection(t *testing.T) {
	bubble(t, func(w *world) {
		s := w.session(w.config())
		w.Faults().OnRequest(func(zkserver.Request) zkserver.Verdict { return zkserver.Verdict{Do: zkserver.Mute} })
		time.Sleep(2500 * time.Millisecond) // a heartbeat or a ping has been muted
		w.Faults().OnRequest(nil)
		time.Sleep(8 * time.Second)
		if s.Err() != nil || time.Since(s.Contact()) > 3*time.Second {
			w.Errorf("got end %v, contact %v ago", s.Err(), time.Since(s.Contact()))
		}
	})
}

// go-zookeeper keeps a server that answers its pings and nothing else.
func TestServerThatOnlyAnswersPingsIsLeft(t *testing.T) {
	bubble(t, func(w *world) {
		s := w.session(w.config())
		before := w.dials.Load()
		pingsOnly := func(xid int32) bool { return xid == xidPing }
		w.filter.Store(&pingsOnly)
		for w.dials.Load() == before {
			time.Sleep(100 * time.Millisecond)
			if time.Since(s.Contact()) > 10*time.Second {
				w.Fatal("it stays")
			}
		}
		w.filter.Store(nil)
		if _, err := s.Get(w.Context(), "/"); err != nil {
			w.Error(err)
		}
	})
}

// The connection breaks between a commit and its reply: unknown, whichever of
// the two it was, and a read decides.
func TestLostReplyIsUnknown(t *testing.T) {
	for name, c := range map[string]struct {
		do   zkserver.Action
		want error
	}{
		"applied":             {zkserver.DropAfter, nil},
		"not applied":         {zkserver.DropBefore, zoo.ErrNoNode},
		"applied, silent":     {zkserver.MuteAfter, nil},
		"not applied, silent": {zkserver.Mute, zoo.ErrNoNode},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(w *world) {
				s := w.session(w.config())
				var once sync.Once
				w.Faults().OnRequest(func(r zkserver.Request) (v zkserver.Verdict) {
					if r.Op == "multi" {
						once.Do(func() { v.Do = c.do })
					}
					return v
				})
				_, err := s.Commit(w.Context(), txn(func(x *zoo.Txn) { x.Create("/a", nil, zoo.Persistent) }))
				wantErr(w, err, zoo.ErrUnknown)
				if errors.Is(err, zoo.ErrNotSent) {
					w.Errorf("got %v: it is not known", err)
				}
				for errors.Is(err, zoo.ErrUnknown) || errors.Is(err, zoo.ErrNotSent) {
					if err = s.Sync(w.Context(), "/a"); err == nil {
						_, err = s.Get(w.Context(), "/a")
					}
				}
				if !errors.Is(err, c.want) {
					w.Errorf("got %v, want %v", err, c.want)
				}
			})
		})
	}
}

// Many reads share the connection without waiting for each other.
func TestReadsArePipelined(t *testing.T) {
	bubble(t, func(w *world) {
		s := w.session(w.config())
		release := make(chan struct{})
		var once sync.Once
		w.Faults().OnRequest(func(r zkserver.Request) zkserver.Verdict {
			if r.Op == "getData" {
				once.Do(func() { <-release })
			}
			return zkserver.Verdict{}
		})
		var wg sync.WaitGroup
		for range 500 {
			wg.Go(func() {
				if _, err := s.Get(w.Context(), "/"); err != nil {
					w.Error(err)
				}
			})
		}
		synctest.Wait()
		took(w, 0, func() { close(release); wg.Wait() })
	})
}

func TestReconnectingBacksOff(t *testing.T) {
	bubble(t, func(w *world) {
		w.session(w.config())
		w.lose()
		before := w.dials.Load()
		time.Sleep(10 * time.Minute)
		got := w.dials.Load() - before
		if got < 100 || got > 250 { // a pause of 4s, give or take a half
			w.Errorf("got %d attempts in ten minutes", got)
		}
	})
}

// A server that grants the session and hangs up must not be hammered either.
func TestServerThatHangsUpIsNotHammered(t *testing.T) {
	bubble(t, func(w *world) {
		s := w.session(w.config())
		w.Faults().OnRequest(func(zkserver.Request) zkserver.Verdict { return zkserver.Verdict{Do: zkserver.DropBefore} })
		before := w.dials.Load()
		ctx, cancel := context.WithTimeout(w.Context(), 10*time.Minute)
		defer cancel()
		for ctx.Err() == nil {
			s.Sync(ctx, "/")
		}
		if got := w.dials.Load() - before; got > 400 {
			w.Errorf("got %d attempts in ten minutes", got)
		}
	})
}
