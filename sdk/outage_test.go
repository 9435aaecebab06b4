package sdk_test

import (
	"context"
	"flag"
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/internal/zkserver"
	"github.com/musterhq/muster/internal/zkserver/zkservertest"
	"github.com/musterhq/muster/internal/zoo"
	"github.com/musterhq/muster/sdk"
)

// outage is how long BenchmarkWithoutZooKeeper evaluates with ZooKeeper, and
// then without.
var outage = flag.Duration("outage", time.Minute, "length of each half of BenchmarkWithoutZooKeeper")

const (
	// load is how often flags are evaluated, per second.
	load = 100_000
	// stuck is how long no evaluation takes, however busy the machine is, that
	// waits for nothing.
	stuck = time.Second
)

// A station is a member whose flags, accept and hold by their policies, are on,
// and the network that it may lose.
type station struct {
	*network
	client       *sdk.Client
	accept, hold *sdk.Flag[bool]
}

// newStation opens it on real time; the lease ends soon after contact does.
func newStation(t testing.TB) *station {
	t.Helper()
	server := zkservertest.Start(t, zkserver.Config{MinSessionTimeout: 500 * time.Millisecond})
	zk, err := zoo.Dial(t.Context(), zoo.Config{Servers: []string{"zk:2181"}, Dial: new(network).dial(server)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { zk.Close() })
	newSheet(t, zk, "checkout").policed(sdk.On, muster.FallToAccept, muster.Hold)
	s := &station{network: new(network)}
	s.client, err = sdk.Open(t.Context(), sdk.Config{
		Service: "checkout", Version: "2.0.0", Servers: []string{"zk:2181"}, Dial: s.dial(server),
		SessionTimeout: time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.client.Close() })
	s.accept, s.hold = s.client.Bool("accept", false), s.client.Bool("hold", false)
	return s
}

// comeBack ends the outage, and returns when the flag is on again.
func (s *station) comeBack(t testing.TB) {
	t.Helper()
	on := make(chan struct{}, 1)
	stop := s.client.OnChange(func(c sdk.Change) {
		if c.Feature == s.accept.Key() && c.To == sdk.On {
			on <- struct{}{}
		}
	})
	defer stop()
	s.heal()
	select {
	case <-on:
	case <-time.After(30 * time.Second):
		t.Fatalf("it does not return: %+v", s.client.Status())
	}
}

// latencies are those of many evaluations.
type latencies struct {
	sorted []time.Duration
	wrong  int // answers that no policy gives
	over   time.Duration
}

// evaluate asks flags at the load for a time, and each answer is looked at: the
// held flag is on, the other on until it is fenced, and then at accept.
func (s *station) evaluate(d time.Duration, mayBeOn bool) latencies {
	ctx := context.Background()
	all := make([]time.Duration, 0, int(d.Seconds()*load)+load)
	l, began := latencies{}, time.Now()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for passed := time.Duration(0); passed < d; passed = time.Since(began) {
		<-tick.C
		for due := int(time.Since(began).Seconds() * load); len(all) < due; {
			before := time.Now()
			stage, want := s.hold.Stage(ctx), sdk.On
			if len(all)%2 == 0 {
				before = time.Now()
				stage, want = s.accept.Stage(ctx), sdk.Accept
				if stage == sdk.On && mayBeOn {
					want = sdk.On
				} else {
					mayBeOn = false
				}
			}
			all = append(all, time.Since(before))
			if stage != want {
				l.wrong++
			}
		}
	}
	l.over = time.Since(began)
	slices.Sort(all)
	l.sorted = all
	return l
}

func (l latencies) at(quantile float64) time.Duration {
	return l.sorted[int(quantile*float64(len(l.sorted)-1))]
}

func (l latencies) String() string {
	return fmt.Sprintf("%d evaluations in %v: median %v, p99.9 %v, worst %v, wrong %d",
		len(l.sorted), l.over.Round(time.Millisecond), l.at(0.5), l.at(0.999), l.at(1), l.wrong)
}

// check fails where an evaluation blocked or failed.
func (l latencies) check(t testing.TB) {
	t.Helper()
	if l.wrong > 0 || l.at(1) > stuck || float64(len(l.sorted)) < 0.9*load*l.over.Seconds() {
		t.Errorf("an evaluation blocked or failed: %v", l)
	}
}

// cost is what one evaluation takes when nothing else is done.
func cost(f *sdk.Flag[bool]) float64 {
	const times = 5_000_000
	ctx, kept := context.Background(), sdk.Off
	runtime.GC()
	began := time.Now()
	for range times {
		kept |= f.Stage(ctx)
	}
	if took := time.Since(began); kept != sdk.Off {
		return float64(took) / times
	}
	return 0
}

// Evaluation goes on without ZooKeeper, by policy, as if it were there.
func TestCase27EvaluationGoesOn(t *testing.T) {
	t.Parallel()
	s := newStation(t)
	s.evaluate(time.Second, true).check(t)
	s.cut()
	without := s.evaluate(3*time.Second, true)
	without.check(t)
	if s.accept.Enabled(t.Context()) || !s.hold.Enabled(t.Context()) || s.client.Status().State != sdk.Holding {
		t.Errorf("after the outage: %+v", s.client.Status())
	}
	s.comeBack(t)
	t.Log(without)
}

// BenchmarkWithoutZooKeeper evaluates 100,000 flags a second, for a minute with
// ZooKeeper and for a minute without (-outage), and compares. What an evaluation
// costs by itself, with and without, is a ratio: without to with.
func BenchmarkWithoutZooKeeper(b *testing.B) {
	s := newStation(b)
	b.ResetTimer()
	for range b.N { // once: it takes longer than any benchmark's time
		acceptWith, holdWith := cost(s.accept), cost(s.hold)
		with := s.evaluate(*outage, true)
		with.check(b)
		s.cut()
		without := s.evaluate(*outage, true)
		without.check(b)
		if got := s.client.Status().State; got != sdk.Holding {
			b.Fatalf("it is %s", got)
		}
		acceptWithout, holdWithout := cost(s.accept), cost(s.hold)
		s.comeBack(b)

		b.Logf("with ZooKeeper: %v", with)
		b.Logf("without:        %v", without)
		b.Logf("an evaluation with and without: accept %.1f ns and %.1f ns, hold %.2f ns and %.2f ns", acceptWith, acceptWithout, holdWith, holdWithout)
		b.ReportMetric(0, "ns/op")
		b.ReportMetric(float64(with.at(0.999)), "p99.9-with-ns")
		b.ReportMetric(float64(without.at(0.999)), "p99.9-without-ns")
		b.ReportMetric(float64(with.at(1)), "worst-with-ns")
		b.ReportMetric(float64(without.at(1)), "worst-without-ns")
		b.ReportMetric(float64(without.at(0.5))/float64(with.at(0.5)), "median-ratio")
		b.ReportMetric(acceptWithout/acceptWith, "accept-ratio")
		b.ReportMetric(holdWithout/holdWith, "hold-ratio")
	}
}
