package integration_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/internal/store"
)

// anonymous is an instance without an SDK of its own: thousands of them share
// sessions.
func anonymous(service, id, version string) muster.Instance {
	return muster.Instance{Service: service, ID: id, Incarnation: "000000", Version: version, Started: time.Now()}
}

// ackAll is what such an instance makes of a sheet.
func ackAll(sheet muster.Sheet) muster.Ack {
	return muster.Ack{Revision: sheet.Revision, Applied: sheet.Revision}
}

// Case 5: 1,000 registrations at once, over a few sessions: no conflicts, all
// admitted.
func TestCase05ThousandRegistrationsAtOnce(t *testing.T) {
	onEach(t, func(f *fleet) {
		const sessions, each = 10, 100
		var wg sync.WaitGroup
		for s := range sessions {
			st := f.store()
			for i := range each {
				wg.Go(func() {
					id := fmt.Sprintf("c-%d-%d", s, i)
					if _, err := st.Join(f.ctx, anonymous("checkout", id, "2.0.0"), ackAll); err != nil {
						f.Errorf("join %s: %v", id, err)
					}
				})
			}
		}
		wg.Wait()
		f.until("all are known", func() bool { return len(f.members("checkout")) == sessions*each })
		if got := f.service("checkout").Roster; got != sessions*each {
			f.Errorf("the roster counts %d registrations, want each once: %d", got, sessions*each)
		}
	})
}

// Case 7: a version that is missing, no version, or a pre-release is not ready,
// and is named.
func TestCase07VersionsThatSatisfyNothing(t *testing.T) {
	onEach(t, func(f *fleet) {
		f.apply(spec(feature, "checkout", ">=2.0.0"))
		st := f.store()
		f.join("checkout", "good", "2.0.0")
		bad := map[string]string{"missing": "", "unparsable": "banana", "prerelease": "2.0.0-rc.1"}
		for id, version := range bad {
			if _, err := st.Join(f.ctx, anonymous("checkout", id, version), ackAll); err != nil {
				f.Fatalf("join %s: %v", id, err)
			}
		}
		f.activate(feature)
		for id, version := range bad {
			b := f.awaitBlocker(feature, muster.ReasonOldVersion, id)
			if b.Version != version || b.Detail == "" {
				f.Errorf("blocker for %q: %+v", version, b)
			}
		}
		for id, version := range bad {
			if err := st.Leave(f.ctx, anonymous("checkout", id, version)); err != nil {
				f.Fatal(err)
			}
		}
		f.awaitStage(feature, muster.On)

		f.apply(spec("rc", "checkout", ">=2.1.0-rc.1")) // where the constraint says so
		if _, err := st.Join(f.ctx, anonymous("checkout", "rc", "2.1.0-rc.2"), ackAll); !errors.As(err, new(*muster.RefusedError)) {
			f.Errorf("a pre-release came in while %s is on: %v", feature, err)
		}
	})
}

// Case 9: no member, fewer than the minimum, an unknown service, and constraints
// that contradict each other.
func TestCase09NotEnoughInstances(t *testing.T) {
	onEach(t, func(f *fleet) {
		shop := spec(feature, "checkout", ">=2.0.0", "unheard-of", ">=1.0.0")
		shop.Participants["checkout"] = muster.Participant{Version: muster.MustConstraint(">=2.0.0"), MinInstances: 2}
		f.apply(shop)
		f.activate(feature)
		for _, service := range []string{"checkout", "unheard-of"} {
			f.awaitFeature(feature, "no instance of "+service, func(now muster.Feature) bool { return waitsFor(now, muster.ReasonNoInstances, service) })
		}
		f.join("unheard-of", "u1", "1.0.0")
		f.join("checkout", "c1", "2.0.0")
		f.awaitFeature(feature, "too few of checkout", func(now muster.Feature) bool { return waitsFor(now, muster.ReasonTooFewInstances, "checkout") })
		if stage := f.feature(feature).Status.Stage; stage != muster.Off {
			f.Errorf("at %s", stage)
		}
		_, err := f.client.Apply(f.ctx, spec("contrary", "checkout", "<2.0.0"))
		if invalid := (*muster.InvalidError)(nil); !errors.As(err, &invalid) || !strings.Contains(invalid.Problem, feature) {
			f.Errorf("a contradiction: got %v, want an InvalidError that names %s", err, feature)
		}
		f.join("checkout", "c2", "2.0.0")
		f.awaitStage(feature, muster.On)
		f.judge(shop)
	})
}

func waitsFor(now muster.Feature, reason muster.Reason, service string) bool {
	for _, b := range now.Blockers {
		if b.Reason == reason && b.Service == service {
			return true
		}
	}
	return false
}

// Case 14: registrations at 100 a second without end do not starve an
// activation.
func TestCase14RegistrationsWithoutEnd(t *testing.T) {
	onEach(t, func(f *fleet) {
		shop := spec(feature, "checkout", ">=2.0.0")
		f.apply(shop)
		f.join("checkout", "c1", "2.0.0")
		stream := f.register("checkout", "2.0.0", 100)
		stream.awaitRegistered(50)
		began := time.Now()
		f.activate(feature)
		f.awaitStage(feature, muster.On)
		f.Logf("on after %v, with %d registrations", time.Since(began), stream.registered.Load())
		stream.awaitRegistered(stream.registered.Load() + 50) // and they go on
		stream.stop()
		f.judge(shop)
	})
}

// A stream registers instances at a rate, each of which leaves again at once, as
// short-lived jobs do.
type stream struct {
	f          *fleet
	registered atomic.Int64
	stop       func()
}

func (f *fleet) register(service, version string, perSecond int) *stream {
	s := &stream{f: f}
	ctx, cancel := context.WithCancel(f.ctx)
	st := f.store()
	var wg sync.WaitGroup
	wg.Go(func() {
		next := time.NewTicker(time.Second / time.Duration(perSecond))
		defer next.Stop()
		for n := 0; ; n++ {
			select {
			case <-ctx.Done():
				return
			case <-next.C:
				inst := anonymous(service, fmt.Sprintf("job-%d", n), version)
				wg.Go(func() { s.visit(ctx, st, inst) })
			}
		}
	})
	s.stop = func() { cancel(); wg.Wait() }
	f.Cleanup(s.stop)
	return s
}

// visit is one instance's short life.
func (s *stream) visit(ctx context.Context, st *store.Store, inst muster.Instance) {
	if _, err := st.Join(ctx, inst, ackAll); err != nil {
		if ctx.Err() == nil {
			s.f.Errorf("register %s: %v", inst.ID, err)
		}
		return
	}
	s.registered.Add(1)
	if err := st.Leave(ctx, inst); err != nil && ctx.Err() == nil {
		s.f.Errorf("leave %s: %v", inst.ID, err)
	}
}

func (s *stream) awaitRegistered(n int64) {
	s.f.Helper()
	s.f.until(fmt.Sprintf("%d registrations", n), func() bool { return s.registered.Load() >= n })
}

// Case 15: half a roster vanishes at once: paused and reported, no flip, until
// they are back.
func TestCase15HalfOfTheRosterVanishes(t *testing.T) {
	onEach(t, func(f *fleet) {
		shop := spec(feature, "checkout", ">=2.0.0")
		f.apply(shop)
		var fleet []*instance
		for i := range 4 {
			fleet = append(fleet, f.join("checkout", fmt.Sprintf("c%d", i), "2.0.0"))
		}
		for _, i := range fleet[:2] {
			i.cutOff()
		}
		f.until("two have vanished", func() bool {
			gone := 0
			for _, m := range f.members("checkout") {
				if !m.Live {
					gone++
				}
			}
			return gone == 2
		})
		f.activate(feature)
		f.awaitBlocker(feature, muster.ReasonShrunk, "")
		if stage := f.feature(feature).Status.Stage; stage != muster.Off {
			f.Errorf("at %s", stage)
		}
		for _, i := range fleet[:2] {
			i.line.Heal()
		}
		f.awaitStage(feature, muster.On)
		for _, i := range fleet {
			i.awaitStage(feature, muster.On)
		}
		f.judge(shop)
	})
}
