package ensemble

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(Main{M: m}) }

// until waits for a condition of real processes.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	late := time.After(patience)
	for !holds() {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("still not so: %s", what)
		}
	}
}

func TestSharedIsStartedOnceAndServes(t *testing.T) {
	t.Parallel()
	e := Shared(t)
	if again := Shared(t); again != e {
		t.Error("a second call started another ensemble")
	}
	modes := make(map[string]int)
	for i, addr := range e.Servers() {
		modes[e.servers[i].mode()]++
		if answer, err := ask(addr, "ruok"); answer != "imok" {
			t.Errorf("server %d: ruok answered %q, %v", i, answer, err)
		}
	}
	if modes["leader"] != 1 || modes["follower"] != 2 {
		t.Errorf("modes %v, want one leader and two followers", modes)
	}
	answer, err := ask(e.Servers()[0], "conf")
	if err != nil || !strings.Contains(answer, "tickTime=500\n") || !strings.Contains(answer, "maxClientCnxns=0\n") {
		t.Errorf("conf answered %v\n%s", err, answer)
	}
}

func TestLeaderDiesAndReturns(t *testing.T) {
	t.Parallel()
	e := Start(t, 3)
	first := e.Leader()
	if first < 0 {
		t.Fatal("no leader although all serve")
	}
	e.Kill(first)
	if _, err := ask(e.Servers()[first], "ruok"); err == nil {
		t.Error("a killed server answers")
	}
	until(t, "another server leads", func() bool { return e.Leader() >= 0 })
	e.Restart(t, first)
	e.Await(t)
	if mode := e.servers[first].mode(); mode != "follower" {
		t.Errorf("the former leader came back as %q, want follower", mode)
	}
}

func TestPausedServerIsSilent(t *testing.T) {
	t.Parallel()
	e := Start(t, 1, Tick(200*time.Millisecond))
	if got := e.Leader(); got != 0 {
		t.Errorf("an ensemble of one is led by %d, want 0", got)
	}
	e.Pause(0)
	if answer, err := ask(e.Servers()[0], "ruok"); err == nil {
		t.Errorf("a paused server answered %q", answer)
	}
	if got := e.Leader(); got != -1 {
		t.Errorf("led by %d while paused, want -1", got)
	}
	e.Resume(0)
	e.Await(t)
	if got := e.Leader(); got != 0 {
		t.Errorf("led by %d after it went on, want 0", got)
	}
	e.Pause(0)
	e.Kill(0) // a frozen process can be ended, and comes back running
	e.Restart(t, 0)
	e.Await(t)
	if got := e.Leader(); got != 0 {
		t.Errorf("led by %d after a restart, want 0", got)
	}
	e.Stop(0)
	if _, err := ask(e.Servers()[0], "ruok"); err == nil {
		t.Error("a stopped server answers")
	}
	e.Stop(0) // already gone: nothing to do
	e.Await(t)
}

func TestServerThatCannotStartIsReported(t *testing.T) {
	t.Parallel()
	Require(t)
	srv, err := newServer(t.TempDir(), 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(srv.home, "zoo.cfg"), []byte("clientPort=none\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := srv.start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(srv.kill)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := srv.await(ctx); err == nil || !strings.Contains(err.Error(), "ended by itself") {
		t.Errorf("await: %v, want that it ended by itself", err)
	}
	if log := tail(srv.log, 0); !strings.Contains(log, "Invalid config") {
		t.Errorf("the log does not say why:\n%s", log)
	}
}

func TestRootIsUniqueAndAPath(t *testing.T) {
	t.Parallel()
	t.Run("with spaces/and: more", func(t *testing.T) {
		a, b := Root(t), Root(t)
		if a == b {
			t.Errorf("twice the same root %s", a)
		}
		const want = "/t-TestRootIsUniqueAndAPath-with_spaces-and-_more-"
		if !strings.HasPrefix(a, want) {
			t.Errorf("root %s, want %s…", a, want)
		}
	})
}

// verdict records what require did to the test it was given.
type verdict struct {
	testing.TB
	text string
}

func (v *verdict) Helper() {}
func (v *verdict) Skipf(format string, args ...any) {
	v.text = "skip: " + fmt.Sprintf(format, args...)
}

func (v *verdict) Fatalf(format string, args ...any) {
	v.text = "fail: " + fmt.Sprintf(format, args...)
}

func TestMissingServerSkipsButNeverInCI(t *testing.T) {
	t.Parallel()
	missing := errors.New("no ZooKeeper")
	for _, tc := range []struct {
		missing error
		ci      bool
		want    string
	}{
		{nil, false, ""},
		{nil, true, ""},
		{missing, false, "skip: skipped: no ZooKeeper"},
		{missing, true, "fail: CI=true, and no ZooKeeper"},
	} {
		got := new(verdict)
		require(got, tc.missing, tc.ci)
		if got.text != tc.want {
			t.Errorf("missing %v, ci %t: %q, want %q", tc.missing, tc.ci, got.text, tc.want)
		}
	}
}
