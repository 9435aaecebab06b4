package sdk_test

import (
	"context"
	"flag"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/internal/zkserver"
	"github.com/musterhq/muster/internal/zkserver/zkservertest"
	"github.com/musterhq/muster/internal/zoo"
	"github.com/musterhq/muster/sdk"
)

// outage is how long BenchmarkWithoutZooKeeper lasts.
var outage = flag.Duration("outage", time.Minute, "how long BenchmarkWithoutZooKeeper goes without ZooKeeper")

const (
	// load is how often flags are evaluated, per second.
	load = 100_000
	// stuck is what no evaluation takes, however busy the machine is, that waits
	// for nothing.
	stuck = 5 * time.Second
)

// A station is a member whose flags, accept and hold by their policies, are on,
// and the network that it may lose.
type station struct {
	*network
	client       *sdk.Client
	accept, hold *sdk.Flag[bool]
	lost, fenced bool // the network; and the fence was seen to be down since
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

// lose begins the outage.
func (s *station) lose() {
	s.cut()
	s.lost = true
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
		s.lost, s.fenced = false, false
	case <-time.After(30 * time.Second):
		t.Fatalf("it does not return: %+v", s.client.Status())
	}
}

// latencies are those of many evaluations.
type latencies struct {
	all   []time.Duration
	wrong int           // answers that no policy gives
	over  time.Duration // how long it took
}

// evaluate asks one flag after the other and looks at the answer: the held one
// is on, the other on until it is fenced, and then at accept.
func (s *station) evaluate(ctx context.Context, l *latencies) {
	flag := s.hold
	if len(l.all)%2 == 0 {
		flag = s.accept
	}
	before := time.Now()
	stage := flag.Stage(ctx)
	l.all = append(l.all, time.Since(before))
	switch {
	case stage == sdk.On && (flag == s.hold || !s.fenced):
	case stage == sdk.Accept && flag == s.accept && s.lost:
		s.fenced = true
	default:
		l.wrong++
	}
}

// evaluations evaluates the flags of all stations at the load, for a time.
func evaluations(d time.Duration, stations ...*station) []latencies {
	ctx, each := context.Background(), make([]latencies, len(stations))
	for i := range each {
		each[i].all = make([]time.Duration, 0, int((d+time.Second).Seconds()*load))
	}
	began := time.Now()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for passed := time.Duration(0); passed < d; passed = time.Since(began) {
		<-tick.C
		for due := int(time.Since(began).Seconds() * load); len(each[0].all) < due && time.Since(began) < 2*d; {
			for i, s := range stations {
				s.evaluate(ctx, &each[i])
			}
		}
	}
	for i := range each {
		each[i].over = time.Since(began)
		slices.Sort(each[i].all)
	}
	return each
}

func (l latencies) at(quantile float64) time.Duration {
	return l.all[int(quantile*float64(len(l.all)-1))]
}

func (l latencies) String() string {
	return fmt.Sprintf("%d evaluations in %v: median %v, p99.9 %v, worst %v, wrong %d",
		len(l.all), l.over.Round(time.Millisecond), l.at(0.5), l.at(0.999), l.at(1), l.wrong)
}

// check fails where an evaluation blocked or failed.
func (l latencies) check(t testing.TB) {
	t.Helper()
	if l.wrong > 0 || l.at(1) > stuck {
		t.Errorf("an evaluation blocked or failed: %v", l)
	}
}

// costs is what one evaluation of each flag takes when nothing else is done, in
// nanoseconds. They are asked in turns, and the median is taken, because the
// machine does other things as well.
func costs(flags ...*sdk.Flag[bool]) []float64 {
	const rounds, times = 301, 20_000
	ctx, took := context.Background(), make([][]float64, len(flags))
	for range rounds {
		for i, f := range flags {
			stage, began := sdk.Off, time.Now()
			for range times {
				stage |= f.Stage(ctx)
			}
			if stage != sdk.Off {
				took[i] = append(took[i], float64(time.Since(began))/times)
			}
		}
	}
	medians := make([]float64, len(flags))
	for i := range took {
		slices.Sort(took[i])
		medians[i] = took[i][len(took[i])/2]
	}
	return medians
}

// Evaluation goes on without ZooKeeper, by policy, as if it were there.
func TestCase27EvaluationGoesOn(t *testing.T) {
	t.Parallel()
	s := newStation(t)
	evaluations(time.Second, s)[0].check(t)
	s.lose()
	without := evaluations(3*time.Second, s)[0]
	without.check(t)
	if s.accept.Enabled(t.Context()) || !s.hold.Enabled(t.Context()) || s.client.Status().State != sdk.Holding {
		t.Errorf("after the outage: %+v", s.client.Status())
	}
	s.comeBack(t)
	t.Log(without)
}

// BenchmarkWithoutZooKeeper evaluates 100,000 flags a second in an instance that
// has lost ZooKeeper, for a minute (-outage), and as many in one that has not. A
// ratio is without to with; that of accept and hold is of evaluations that
// follow one another at once.
func BenchmarkWithoutZooKeeper(b *testing.B) {
	with, without := newStation(b), newStation(b)
	b.ResetTimer()
	for range b.N { // once: it takes longer than any benchmark's time
		without.lose()
		each := evaluations(*outage, with, without)
		for _, l := range each {
			l.check(b)
		}
		if with, without := with.client.Status().State, without.client.Status().State; with != sdk.Live || without != sdk.Holding {
			b.Fatalf("one is %s, the other %s", with, without)
		}
		ns := costs(with.accept, without.accept, with.hold, without.hold)
		without.comeBack(b)

		b.Logf("with ZooKeeper: %v", each[0])
		b.Logf("without:        %v", each[1])
		b.Logf("evaluations that follow one another, with and without: accept %.1f and %.1f ns, hold %.2f and %.2f ns", ns[0], ns[1], ns[2], ns[3])
		b.ReportMetric(0, "ns/op")
		b.ReportMetric(float64(each[0].at(0.999)), "p99.9-with-ns")
		b.ReportMetric(float64(each[1].at(0.999)), "p99.9-without-ns")
		b.ReportMetric(float64(each[0].at(1)), "worst-with-ns")
		b.ReportMetric(float64(each[1].at(1)), "worst-without-ns")
		b.ReportMetric(float64(each[1].at(0.5))/float64(each[0].at(0.5)), "median-ratio")
		b.ReportMetric(ns[1]/ns[0], "accept-ratio")
		b.ReportMetric(ns[3]/ns[2], "hold-ratio")
	}
}
