package ensemble

import (
	"testing"
	"time"
)

// An isolated follower goes on serving until its leader has been silent for too
// long, and follows again when it is healed. One that is told late follows all
// the time.
func TestLinksAreDisturbed(t *testing.T) {
	t.Parallel()
	e := Start(t, 3, Links(), Tick(200*time.Millisecond), SyncLimit(5))
	laggard := (e.Leader() + 1) % 3
	mode := func() string { return e.servers[laggard].mode() }

	heal := e.Isolate(laggard)
	began := time.Now()
	until(t, "the isolated server gives up serving", func() bool { return mode() == "" })
	if served := time.Since(began); served < 500*time.Millisecond {
		t.Errorf("an isolated server gave up after %v; the leader may be silent for a second", served)
	}
	if leader := e.Leader(); leader < 0 || leader == laggard {
		t.Errorf("led by %d while %d is isolated", leader, laggard)
	}
	heal()
	until(t, "it follows again", func() bool { return mode() == "follower" })

	const late = 600 * time.Millisecond
	heal = e.Delay(laggard, late)
	defer heal()
	for began := time.Now(); time.Since(began) < 3*late; {
		if got := mode(); got != "follower" {
			t.Fatalf("a server that is told late, but all the time, is %q", got)
		}
	}
}

func TestBorrowedEnsembleIsMended(t *testing.T) {
	t.Parallel()
	t.Run("break", func(t *testing.T) {
		e := Borrow(t)
		e.Kill(0)
		e.Pause(1)
	})
	t.Run("find it whole", func(t *testing.T) {
		e := Borrow(t)
		for i, srv := range e.servers {
			if srv.mode() == "" {
				t.Errorf("server %d does not serve", i)
			}
		}
	})
}
