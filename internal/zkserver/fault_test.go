package zkserver_test

import (
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-zookeeper/zk"

	"github.com/musterhq/muster/internal/zkserver"
	"github.com/musterhq/muster/internal/zkserver/zkservertest"
)

const timeout = 10 * time.Second

// bubble runs a test with a server and a client on virtual time.
func bubble(t *testing.T, test func(t *testing.T, s *zkserver.Server, c *zk.Conn)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := zkservertest.Start(t, zkserver.Config{})
		test(t, s, zkservertest.Connect(t, s, timeout))
	})
}

// theNext judges the first request of the kind, and lets all others pass.
func theNext(op string, v zkserver.Verdict) func(zkserver.Request) zkserver.Verdict {
	done := false
	return func(r zkserver.Request) zkserver.Verdict {
		if r.Op != op || done {
			return zkserver.Verdict{}
		}
		done = true
		return v
	}
}

func exists(t *testing.T, c *zk.Conn, path string) bool {
	t.Helper()
	ok, _, err := c.Exists(path)
	if err != nil {
		t.Fatal(err)
	}
	return ok
}

func TestASessionExpiresWhenItsClientIsSilent(t *testing.T) {
	bubble(t, func(t *testing.T, s *zkserver.Server, c *zk.Conn) {
		watcher := zkservertest.Connect(t, s, timeout)
		create(t, c, "/e", zk.FlagEphemeral)
		_, _, gone, err := watcher.ExistsW("/e")
		if err != nil {
			t.Fatal(err)
		}
		id := c.SessionID()
		heal := s.Faults().Silence(func(cl zkserver.Client) bool { return cl.Session == id })
		start := time.Now()
		if ev := <-gone; ev.Type != zk.EventNodeDeleted {
			t.Fatalf("event %v", ev)
		}
		if took := time.Since(start); took > timeout || took < timeout/2 {
			t.Errorf("expired %v after it was cut off; the last ping was at most %v before, the timeout is %v", took, timeout/2, timeout)
		}
		heal()
		synctest.Wait()
		for c.SessionID() == id || c.State() != zk.StateHasSession {
			time.Sleep(time.Second)
		}
	})
}

func TestASessionSurvivesItsConnection(t *testing.T) {
	bubble(t, func(t *testing.T, s *zkserver.Server, c *zk.Conn) {
		create(t, c, "/e", zk.FlagEphemeral)
		id := c.SessionID()
		if n := s.Faults().DropConnections(nil); n != 1 {
			t.Fatalf("dropped %d connections", n)
		}
		time.Sleep(timeout / 2)
		if !exists(t, c, "/e") || c.SessionID() != id {
			t.Error("the session is gone with its connection")
		}
	})
}

func TestExpireSession(t *testing.T) {
	bubble(t, func(t *testing.T, s *zkserver.Server, c *zk.Conn) {
		create(t, c, "/e", zk.FlagEphemeral)
		id := c.SessionID()
		if got := s.Faults().Sessions(); len(got) != 1 || got[0] != id {
			t.Fatalf("sessions: %x, want %x", got, id)
		}
		if !s.Faults().ExpireSession(id) || s.Faults().ExpireSession(id) {
			t.Error("expired not once")
		}
		time.Sleep(timeout)
		if exists(t, c, "/e") || c.SessionID() == id {
			t.Error("the session lives on")
		}
	})
}

func TestLostBeforeAndLostAfter(t *testing.T) {
	for _, tc := range []struct {
		action  zkserver.Action
		applied bool
	}{
		{zkserver.DropBefore, false},
		{zkserver.DropAfter, true},
		{zkserver.Mute, false},
		{zkserver.MuteAfter, true},
	} {
		bubble1 := func(t *testing.T, s *zkserver.Server, c *zk.Conn) {
			s.Faults().OnRequest(theNext("create", zkserver.Verdict{Do: tc.action}))
			_, err := c.Create("/n", nil, 0, everyone)
			if !errors.Is(err, zk.ErrConnectionClosed) {
				t.Errorf("create: %v, want %v", err, zk.ErrConnectionClosed)
			}
			time.Sleep(timeout)
			if got := exists(t, c, "/n"); got != tc.applied {
				t.Errorf("action %d: applied %v, want %v", tc.action, got, tc.applied)
			}
		}
		t.Run("", func(t *testing.T) { bubble(t, bubble1) })
	}
}

func TestDelays(t *testing.T) {
	bubble(t, func(t *testing.T, s *zkserver.Server, c *zk.Conn) {
		took := func() time.Duration {
			start := time.Now()
			exists(t, c, "/")
			return time.Since(start)
		}
		heal := s.Faults().Delay(time.Second, nil)
		s.Faults().OnRequest(theNext("exists", zkserver.Verdict{Delay: time.Second}))
		for i, want := range []time.Duration{2 * time.Second, time.Second, 0} {
			if i == 2 {
				heal()
			}
			if got := took(); got != want {
				t.Errorf("request %d took %v, want %v", i, got, want)
			}
		}
	})
}

func TestSilenceHoldsAndGoesOn(t *testing.T) {
	bubble(t, func(t *testing.T, s *zkserver.Server, c *zk.Conn) {
		heal := s.Faults().Silence(nil)
		const pause = 3 * time.Second
		time.AfterFunc(pause, heal)
		start := time.Now()
		create(t, c, "/n", 0)
		if got := time.Since(start); got != pause {
			t.Errorf("answered after %v, silenced for %v", got, pause)
		}
	})
}

func TestAnEventIsLost(t *testing.T) {
	bubble(t, func(t *testing.T, s *zkserver.Server, c *zk.Conn) {
		_, _, created, err := c.ExistsW("/n")
		if err != nil {
			t.Fatal(err)
		}
		heal := s.Faults().LoseEvents(nil)
		create(t, c, "/n", 0)
		heal()
		time.Sleep(time.Minute)
		select {
		case ev := <-created:
			t.Errorf("event %v", ev)
		default:
		}
	})
}

func TestRequestsAreSeen(t *testing.T) {
	bubble(t, func(t *testing.T, s *zkserver.Server, c *zk.Conn) {
		var seen zkserver.Request
		s.Faults().OnRequest(func(r zkserver.Request) zkserver.Verdict {
			if r.Op == "multi" {
				seen = r
			}
			return zkserver.Verdict{}
		})
		if _, err := c.Multi(&zk.CheckVersionRequest{Path: "/"}, &zk.CreateRequest{Path: "/n", Acl: everyone}); err != nil {
			t.Fatal(err)
		}
		if seen.Session != c.SessionID() || len(seen.Paths) != 2 || seen.Paths[1] != "/n" || seen.Addr != "pipe" {
			t.Errorf("saw %+v", seen)
		}
	})
}

func create(t *testing.T, c *zk.Conn, path string, flags int32) {
	t.Helper()
	if _, err := c.Create(path, nil, flags, everyone); err != nil {
		t.Fatalf("create %s: %v", path, err)
	}
}

// A server that stands still answers no four-letter word either, and all that
// were asked when it goes on.
func TestSilenceOfFourLetterWords(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := zkservertest.Start(t, zkserver.Config{})
		heal := s.Faults().Silence(nil)
		nc, err := s.Dial(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		if _, err := io.WriteString(nc, "ruok"); err != nil {
			t.Fatal(err)
		}
		answer := make(chan string, 1)
		go func() {
			all, err := io.ReadAll(nc)
			if err != nil {
				t.Error(err)
			}
			answer <- string(all)
		}()
		select {
		case got := <-answer:
			t.Fatalf("a silent server said %q", got)
		case <-time.After(10 * time.Second):
		}
		heal()
		if got := <-answer; got != "imok" {
			t.Errorf("got %q", got)
		}
	})
}
