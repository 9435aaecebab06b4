package zoo_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/musterhq/muster/internal/zkserver"
	"github.com/musterhq/muster/internal/zoo"
)

// noPoll is a configuration in which only watches tell of changes.
func (w *world) noPoll() zoo.Config {
	cfg := w.config()
	cfg.Poll = 1000 * time.Hour
	return cfg
}

func watch(t testing.TB, s *zoo.Session, path string) <-chan struct{} {
	t.Helper()
	_, ch, err := s.Watch(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	return ch
}

func watchChildren(t testing.TB, s *zoo.Session, path string) <-chan struct{} {
	t.Helper()
	_, _, ch, err := s.WatchChildren(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	return ch
}

// changes are what happens to /a (with the child /a/b), and what it fires.
var changes = map[string]struct {
	do             func(*zoo.Txn)
	data, children bool
}{
	"set":          {func(x *zoo.Txn) { x.Set("/a", nil, -1) }, true, false},
	"create child": {func(x *zoo.Txn) { x.Create("/a/c", nil, zoo.Persistent) }, false, true},
	"delete child": {func(x *zoo.Txn) { x.Delete("/a/b", -1) }, false, true},
	"set child":    {func(x *zoo.Txn) { x.Set("/a/b", nil, -1) }, false, false},
	"delete":       {func(x *zoo.Txn) { x.Delete("/a/b", -1); x.Delete("/a", -1) }, true, true},
	"replace": {func(x *zoo.Txn) {
		x.Delete("/a/b", -1)
		x.Delete("/a", -1)
		x.Create("/a", []byte("first"), zoo.Persistent)
	}, true, true},
}

func TestWatchFires(t *testing.T) {
	for name, c := range changes {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(w *world) {
				s, other := w.session(w.noPoll()), w.session(w.config())
				create(w, s, "/a", "/a/b")
				data, children := watch(w, s, "/a"), watchChildren(w, s, "/a")
				if closed(data) || closed(children) {
					w.Fatal("a watch fired for nothing")
				}
				commit(w, other, c.do)
				if closed(data) != c.data || closed(children) != c.children {
					w.Errorf("got fired %v, %v, want %v, %v", closed(data), closed(children), c.data, c.children)
				}
			})
		})
	}
}

// The same, when the change happens while the connection is lost.
func TestWatchFiresForWhatHappenedMeanwhile(t *testing.T) {
	for name, c := range changes {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(w *world) {
				cfg := w.noPoll()
				cfg.SessionTimeout = time.Minute
				s, other := w.session(cfg), w.session(w.config())
				create(w, s, "/a", "/a/b")
				data, children := watch(w, s, "/a"), watchChildren(w, s, "/a")
				w.away.Store(true)
				w.Faults().DropConnections(func(c zkserver.Client) bool { return c.Session == s.ID() })
				synctest.Wait()
				commit(w, other, c.do)
				w.away.Store(false)
				time.Sleep(time.Minute)
				if closed(data) != c.data || closed(children) != c.children {
					w.Errorf("got fired %v, %v, want %v, %v", closed(data), closed(children), c.data, c.children)
				}
			})
		})
	}
}

// An event that the server never sends: the poll finds what it would have told.
func TestPollFindsWhatNoEventTold(t *testing.T) {
	for name, c := range changes {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(w *world) {
				noEvents := func(xid int32) bool { return xid != xidEvent }
				w.filter.Store(&noEvents)
				s := w.session(w.config())
				create(w, s, "/a", "/a/b")
				data, children := watch(w, s, "/a"), watchChildren(w, s, "/a")
				time.Sleep(time.Minute)
				if closed(data) || closed(children) {
					w.Fatal("the poll fired for nothing")
				}
				commit(w, s, c.do)
				if closed(data) || closed(children) {
					w.Fatal("the event was not lost")
				}
				time.Sleep(5500 * time.Millisecond)
				if closed(data) != c.data || closed(children) != c.children {
					w.Errorf("got fired %v, %v, want %v, %v", closed(data), closed(children), c.data, c.children)
				}
				// And it is watched again, as if nothing had been.
				if name == "set" {
					w.filter.Store(nil)
					again := watch(w, s, "/a")
					commit(w, s, c.do)
					if !closed(again) {
						w.Error("the next change was missed")
					}
				}
			})
		})
	}
}

// Who looks by himself finds a lost event too, and does not wait on a dead
// watch.
func TestLookFindsWhatNoEventTold(t *testing.T) {
	bubble(t, func(w *world) {
		noEvents := func(xid int32) bool { return xid != xidEvent }
		w.filter.Store(&noEvents)
		s := w.session(w.noPoll())
		create(w, s, "/a")
		before := watch(w, s, "/a")
		set(w, s, "/a", "second")
		if closed(before) {
			w.Fatal("the event was not lost")
		}
		for closed(watch(w, s, "/a")) { // look again
		}
		if !closed(before) {
			w.Error("the old watch still waits")
		}
		w.filter.Store(nil)
		after := watch(w, s, "/a")
		set(w, s, "/a", "third")
		if !closed(after) {
			w.Error("the watch does not watch")
		}
	})
}

func TestWatchForANodeToAppear(t *testing.T) {
	for name, lost := range map[string]bool{"event": false, "poll": true} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(w *world) {
				cfg := w.noPoll()
				if lost {
					cfg = w.config()
					noEvents := func(xid int32) bool { return xid != xidEvent }
					w.filter.Store(&noEvents)
				}
				s := w.session(cfg)
				_, data, err := s.Watch(w.Context(), "/a")
				wantErr(w, err, zoo.ErrNoNode)
				_, _, children, err := s.WatchChildren(w.Context(), "/a")
				wantErr(w, err, zoo.ErrNoNode)
				time.Sleep(time.Minute)
				if closed(data) || closed(children) {
					w.Fatal("it fired for nothing")
				}
				create(w, s, "/a")
				if lost {
					time.Sleep(5500 * time.Millisecond)
				}
				if !closed(data) || !closed(children) {
					w.Errorf("got fired %v, %v, want both", closed(data), closed(children))
				}
			})
		})
	}
}

// A watch and a change race: whoever has read the old state is told.
func TestNoChangeIsMissed(t *testing.T) {
	bubble(t, func(w *world) {
		s, other := w.session(w.noPoll()), w.session(w.config())
		create(w, s, "/a")
		const last = 300
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for {
					node, changed, err := s.Watch(w.Context(), "/a")
					if err != nil {
						w.Error(err)
						return
					}
					if node.Stat.Version == last {
						return
					}
					<-changed // a missed one is a deadlock, which the bubble reports
				}
			})
		}
		for range last {
			set(w, other, "/a", "x")
		}
		wg.Wait()
	})
}

// Watching what has not changed is a read: it does not pile up anything.
func TestWatchingAgainSharesTheWatch(t *testing.T) {
	bubble(t, func(w *world) {
		s := w.session(w.noPoll())
		create(w, s, "/a")
		first, firstChildren := watch(w, s, "/a"), watchChildren(w, s, "/a")
		_, absent, _ := s.Watch(w.Context(), "/none")
		for range 100 {
			if watch(w, s, "/a") != first || watchChildren(w, s, "/a") != firstChildren {
				w.Fatal("got another channel, want the same")
			}
			if _, ch, _ := s.Watch(w.Context(), "/none"); ch != absent {
				w.Fatal("got another channel for absence, want the same")
			}
		}
	})
}

func TestWatchesFireAtTheEnd(t *testing.T) {
	for name, end := range map[string]func(*world, *zoo.Session){
		"close":  func(_ *world, s *zoo.Session) { s.Close() },
		"expiry": func(w *world, s *zoo.Session) { w.Faults().ExpireSession(s.ID()); <-s.Done() },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(w *world) {
				s := w.session(w.noPoll())
				create(w, s, "/a")
				data, children := watch(w, s, "/a"), watchChildren(w, s, "/a")
				_, absent, _ := s.Watch(w.Context(), "/none")
				end(w, s)
				if !closed(data) || !closed(children) || !closed(absent) {
					w.Error("a watch outlives its session")
				}
				_, _, err := s.Watch(w.Context(), "/a")
				wantErr(w, err, zoo.ErrSessionEnded)
			})
		})
	}
}

// go-zookeeper can lose a watch when it arms it again: a request that it sends
// before, such as one left in its queue, moves its notion of the last change it
// has seen.
func TestWatchesAreArmedAgainBeforeAnythingElse(t *testing.T) {
	bubble(t, func(w *world) {
		cfg := w.noPoll()
		cfg.SessionTimeout = time.Minute
		s := w.session(cfg)
		create(w, s, "/a")
		watch(w, s, "/a")

		stuck := make(chan struct{})
		w.Faults().OnRequest(func(zkserver.Request) zkserver.Verdict {
			<-stuck
			return zkserver.Verdict{}
		})
		var wg sync.WaitGroup
		for range 1000 { // more than the pipe takes
			wg.Go(func() {
				if _, err := s.Get(w.Context(), "/a"); err != nil && !errors.Is(err, zoo.ErrNotSent) {
					w.Error(err)
				}
			})
		}
		synctest.Wait()
		heal := w.lose()
		var mu sync.Mutex
		var ops []string
		w.Faults().OnRequest(func(r zkserver.Request) zkserver.Verdict {
			mu.Lock()
			defer mu.Unlock()
			ops = append(ops, r.Op)
			return zkserver.Verdict{}
		})
		close(stuck)
		heal()
		wg.Wait()
		mu.Lock()
		defer mu.Unlock()
		if len(ops) < 16 || ops[0] != "setWatches" {
			w.Errorf("got %d requests: %v …, want setWatches first", len(ops), ops[:min(len(ops), 5)])
		}
	})
}

// Ten thousand watches cost no goroutine, and survive a reconnection.
func TestManyWatches(t *testing.T) {
	const n = 10_000
	bubble(t, func(w *world) {
		cfg := w.noPoll()
		cfg.SessionTimeout = time.Minute
		s, other := w.session(cfg), w.session(w.config())
		for i := 0; i < n; i += 1000 {
			var paths []string
			for j := range 1000 {
				paths = append(paths, fmt.Sprintf("/a-rather-long-path-%d", i+j))
			}
			create(w, s, paths...)
		}
		before := runtime.NumGoroutine()
		watches := make([]<-chan struct{}, n)
		for i := range watches {
			watches[i] = watch(w, s, fmt.Sprintf("/a-rather-long-path-%d", i))
		}
		if after := runtime.NumGoroutine(); after > before+5 {
			w.Errorf("%d goroutines more", after-before)
		}
		w.Faults().DropConnections(func(c zkserver.Client) bool { return c.Session == s.ID() })
		for i := 0; i < n; i += 1000 {
			commit(w, other, func(x *zoo.Txn) {
				for j := range 1000 {
					x.Set(fmt.Sprintf("/a-rather-long-path-%d", i+j), nil, zoo.AnyVersion)
				}
			})
		}
		time.Sleep(2 * time.Second) // up to one of them before the connection is replaced
		for i, ch := range watches {
			select {
			case <-ch:
			default:
				w.Fatalf("watch %d did not fire", i)
			}
		}
	})
}

// With a small buffer, as many can be watched as can be armed again at once.
func TestWatchesFitTheBuffer(t *testing.T) {
	bubble(t, func(w *world) {
		cfg := w.noPoll()
		cfg.SessionTimeout, cfg.MaxRequest = time.Minute, 1024
		s, other := w.session(cfg), w.session(w.config())
		create(w, s, "/a")
		var watches []<-chan struct{}
		for i := 0; ; i++ {
			path := fmt.Sprintf("/a/%d", i)
			create(w, other, path)
			_, ch, err := s.Watch(w.Context(), path)
			if errors.Is(err, zoo.ErrTooLarge) {
				break
			} else if err != nil || i > 1000 {
				w.Fatal(i, err)
			}
			watches = append(watches, ch)
		}
		w.away.Store(true)
		w.Faults().DropConnections(func(c zkserver.Client) bool { return c.Session == s.ID() })
		synctest.Wait()
		set(w, other, "/a/0", "second")
		w.away.Store(false)
		time.Sleep(time.Minute)
		if !closed(watches[0]) || closed(watches[1]) {
			w.Errorf("got %v, %v, want only the first", closed(watches[0]), closed(watches[1]))
		}
		if _, _, err := s.Watch(w.Context(), "/a/1"); err != nil {
			w.Error(err)
		}
	})
}

// A watch whose answer was lost, or whose caller gave up, does no harm.
func TestAbandonedWatch(t *testing.T) {
	bubble(t, func(w *world) {
		s := w.session(w.noPoll())
		create(w, s, "/a")
		heal := w.Faults().Delay(2*time.Second, nil)
		ctx, cancel := context.WithTimeout(w.Context(), time.Second)
		defer cancel()
		if _, _, err := s.Watch(ctx, "/a"); !errors.Is(err, context.DeadlineExceeded) {
			w.Errorf("got %v", err)
		}
		heal()
		ch := watch(w, s, "/a")
		set(w, s, "/a", "second")
		if !closed(ch) {
			w.Error("the change was missed")
		}
	})
}
