package integration_test

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/internal/zkserver"
	"github.com/musterhq/muster/internal/zkserver/tree"
	"github.com/musterhq/muster/internal/zkserver/zkservertest"
	"github.com/musterhq/muster/sdk"
)

// ordinary is the pace of processes that were told nothing about time.
func ordinary() pace {
	return pace{session: 8 * time.Second, lease: 12 * time.Second, quarantine: 12 * time.Second}
}

// A storm is many instances that lose their sessions at one moment, and what
// comes of it at their server.
type storm struct {
	*fleet
	server    *zkserver.Server
	agents    []int64 // their sessions
	instances []*instance

	mu               sync.Mutex  // guards the fields below
	tries, opens, in []time.Time // connections, sessions and registrations
}

// newStorm joins so many instances, and has a feature on.
func newStorm(t testing.TB, n int) *storm {
	t.Helper()
	s := new(storm)
	s.server = zkservertest.Start(t, zkserver.Config{Addr: "127.0.0.1:0", MaxSessionTimeout: time.Minute, Observer: s.observe})
	s.fleet = newFleet(t, backend{"storm", func(testing.TB) []string { return []string{s.server.Addr()} }}, ordinary())
	s.apply(spec(feature, "checkout", ">=2.0.0"))
	s.agents = s.server.Faults().Sessions()
	s.instances = make([]*instance, n)
	s.many(n, func(i int) {
		m, cfg := s.config("checkout", fmt.Sprintf("c%d", i), "2.0.0")
		cfg.Dial, cfg.Logger = s.counted(cfg.Dial), nil
		var err error
		if m.Client, err = sdk.Open(s.ctx, cfg); err != nil {
			s.Errorf("open: %v", err)
			return
		}
		s.instances[i] = m
	})
	s.Cleanup(func() { s.many(n, func(i int) { s.instances[i].leave() }) })
	if s.Failed() {
		s.FailNow()
	}
	s.activate(feature)
	for _, i := range s.instances {
		i.awaitStage(feature, muster.On)
	}
	return s
}

type dial = func(ctx context.Context, network, addr string) (net.Conn, error)

// counted notes when a connection is tried.
func (s *storm) counted(d dial) dial {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		s.note(&s.tries)
		return d(ctx, network, addr)
	}
}

// observe notes what the server does.
func (s *storm) observe(txn tree.Txn) {
	for _, op := range txn.Ops {
		switch {
		case op.Kind == tree.OpenSession:
			s.note(&s.opens)
		case op.Kind == tree.SetData && strings.HasSuffix(op.Path, "/checkout/roster"):
			s.note(&s.in)
		}
	}
}

func (s *storm) note(moments *[]time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	*moments = append(*moments, time.Now())
}

// breaks expires the sessions of all instances, and returns how they come back,
// when every one of them is a member again.
func (s *storm) breaks() (tries, opens, in spread) {
	s.Helper()
	s.mu.Lock()
	s.tries, s.opens, s.in = nil, nil, nil
	s.mu.Unlock()
	began := time.Now()
	for _, id := range s.server.Faults().Sessions() {
		if !slices.Contains(s.agents, id) {
			s.server.Faults().ExpireSession(id)
		}
	}
	expired := time.Since(began)
	s.until("all have registered again", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return len(s.in) >= len(s.instances)
	})
	s.Logf("%d sessions expired within %v", len(s.instances), expired)
	s.mu.Lock()
	defer s.mu.Unlock()
	return spreadOf(began, s.tries), spreadOf(began, s.opens), spreadOf(began, s.in)
}

// A spread is how moments are distributed.
type spread struct {
	n, peak   int           // moments, and the most of them within any 100 ms
	half, all time.Duration // after which half of them, and all, had come
}

const within = 100 * time.Millisecond

func spreadOf(began time.Time, moments []time.Time) spread {
	moments = slices.SortedFunc(slices.Values(moments), time.Time.Compare)
	s := spread{n: len(moments)}
	for i, first := 0, 0; i < len(moments); i++ {
		for moments[i].Sub(moments[first]) >= within {
			first++
		}
		s.peak = max(s.peak, i-first+1)
	}
	if s.n > 0 {
		s.half, s.all = moments[s.n/2].Sub(began), moments[s.n-1].Sub(began)
	}
	return s
}

func (s spread) String() string {
	return fmt.Sprintf("%d, at most %d in %v; half of them within %v, all within %v", s.n, s.peak, within,
		s.half.Round(time.Millisecond), s.all.Round(time.Millisecond))
}

// TestCase27SessionStorm: the sessions of all instances expire at one moment, and
// they come back without a herd. A fleet that returned at once would be there in
// one piece: here no tenth of a second sees more than half of it.
func TestCase27SessionStorm(t *testing.T) {
	t.Parallel()
	s := newStorm(t, 500)
	tries, opens, in := s.breaks()
	t.Logf("connections: %v", tries)
	t.Logf("sessions:    %v", opens)
	t.Logf("members:     %v", in)
	n := len(s.instances)
	for what, got := range map[string]spread{"connections": tries, "sessions": opens, "members": in} {
		if got.peak > n/2 {
			t.Errorf("%s: %v; want at most %d", what, got, n/2)
		}
	}
	if opens.n != n || in.n != n || tries.n != 2*n {
		t.Errorf("%d instances tried %d connections, which is not once to hear that the session is gone and once to begin another, opened %d sessions and joined %d times",
			n, tries.n, opens.n, in.n)
	}
	s.holds()
}

// holds waits until the feature is on everywhere, and judges.
func (s *storm) holds() {
	s.Helper()
	for _, i := range s.instances {
		i.awaitStage(feature, muster.On)
	}
	s.judge(spec(feature, "checkout", ">=2.0.0"))
	if got := s.service("checkout"); len(got.Members) != len(s.instances) {
		s.Errorf("%d members of %d instances", len(got.Members), len(s.instances))
	}
}

// BenchmarkSessionStorm lets the sessions of 2,000 instances expire at one moment
// and says how they come back.
func BenchmarkSessionStorm(b *testing.B) {
	s := newStorm(b, 2000)
	for b.Loop() {
		tries, opens, in := s.breaks()
		fmt.Printf("\n2,000 sessions expire at once\n  connections: %v\n  sessions:    %v\n  members:     %v\n", tries, opens, in)
		b.ReportMetric(0, "ns/op")
		b.ReportMetric(float64(tries.peak), "peak-connections")
		b.ReportMetric(float64(opens.peak), "peak-sessions")
		b.ReportMetric(ms(in.all), "all-back-ms")
	}
	s.holds()
}
