package zoo_test

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/musterhq/muster/internal/zkserver"
)

// G4: the lease is reckoned from when the last answered request was sent.
func TestContactIsTheTimeOfSending(t *testing.T) {
	bubble(t, func(w *world) {
		cfg := w.config()
		cfg.Heartbeat = time.Hour
		s := w.session(cfg)
		time.Sleep(500 * time.Millisecond)
		heal := w.Faults().Delay(3*time.Second, nil)
		defer heal()
		sent := time.Now()
		if _, err := s.Get(w.Context(), "/"); err != nil {
			w.Fatal(err)
		}
		if got := s.Contact(); !got.Equal(sent) {
			w.Errorf("got a contact %v after the sending, want it at the sending", got.Sub(sent))
		}
	})
}

// G4: late answers to early requests do not count as news.
func TestLateAnswerDoesNotMoveContact(t *testing.T) {
	bubble(t, func(w *world) {
		cfg := w.config()
		cfg.Heartbeat, cfg.OpTimeout = time.Hour, 2*time.Second
		s := w.session(cfg)
		var once sync.Once
		w.Faults().OnRequest(func(r zkserver.Request) (v zkserver.Verdict) {
			if r.Op == "getData" {
				once.Do(func() { v.Delay = 3 * time.Second })
			}
			return v
		})
		sent := time.Now()
		if _, err := s.Get(w.Context(), "/"); err == nil {
			w.Fatal("it was not late")
		}
		if !s.Contact().Before(sent.Add(time.Nanosecond)) {
			w.Errorf("contact moved without an answer")
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if got := s.Contact(); !got.Equal(sent) {
			w.Errorf("got a contact %v after the sending, want it at the sending", got.Sub(sent))
		}
	})
}

func TestHeartbeatRenewsContact(t *testing.T) {
	bubble(t, func(w *world) {
		s := w.session(w.config())
		var last time.Time
		for range 3600 {
			time.Sleep(time.Second)
			contact := s.Contact()
			if age := time.Since(contact); age > 2200*time.Millisecond {
				w.Fatalf("contact was %v ago", age)
			}
			if contact.Before(last) {
				w.Fatal("contact moved back")
			}
			last = contact
		}
	})
}

// A process that was stopped, or a server that is, sees an old contact at once,
// whatever the library believes about being connected.
func TestContactIsOldAtOnce(t *testing.T) {
	bubble(t, func(w *world) {
		s := w.session(w.config())
		w.Faults().Silence(nil)
		silent := time.Now()
		time.Sleep(4 * time.Second)
		if !s.Connected() {
			w.Error("the library noticed before its time: test something else")
		}
		if s.Contact().After(silent) {
			w.Errorf("contact was %v after the silence began", s.Contact().Sub(silent))
		}
	})
}
