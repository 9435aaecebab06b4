package sdk_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/internal/clock"
	"github.com/musterhq/muster/internal/zoo"
	"github.com/musterhq/muster/sdk"
)

// A machine's clocks go as the bubble's does, but for the time for which it was
// suspended, and for a hand that sets the wall clock.
type machine struct {
	origin      time.Time
	asleep, set atomic.Int64 // durations
	stopped     atomic.Int64 // when all its clocks stopped, after origin; 0 while they go
}

func newMachine() *machine { return &machine{origin: time.Now()} }

func (m *machine) clock() *clock.Clock {
	return clock.From(clock.Source{
		Now: func() (mono, wall time.Duration) {
			mono = m.mono()
			return mono, mono + time.Duration(m.asleep.Load()+m.set.Load())
		},
		Boot: func() (time.Duration, bool) { return m.mono() + time.Duration(m.asleep.Load()), true },
	})
}

func (m *machine) mono() time.Duration {
	if stopped := m.stopped.Load(); stopped > 0 {
		return time.Duration(stopped)
	}
	return time.Since(m.origin)
}

// suspend has the machine fall asleep and wake up again, which takes a moment.
func (m *machine) suspend(d time.Duration) {
	m.asleep.Add(int64(d))
	time.Sleep(150 * time.Microsecond)
}

func (m *machine) setWall(d time.Duration) { m.set.Add(int64(d)) }

func (m *machine) reckons(c *sdk.Config) { sdk.Reckon(c, m.clock()) }

// A machine that was suspended for longer than the lease is fenced at the first
// use, though no timer of it has run and its monotonic clock has not moved.
func TestCase26FencedAtTheFirstUseAfterASuspension(t *testing.T) {
	inWorld(t, func(w *world) {
		w.policed(sdk.On, muster.FallToAccept, muster.Hold, muster.Stop)
		m := newMachine()
		p := w.open("2.0.0", m.reckons)
		accept, hold, stop := p.Bool("accept", false), p.Bool("hold", false), p.Bool("stop", false)
		ctx, release := p.Pin(w.Context())
		defer release()
		time.Sleep(time.Minute)
		if !accept.Enabled(ctx) || !stop.Enabled(ctx) || ctx.Err() != nil {
			t.Fatal("fenced with contact")
		}

		heal := w.silence()
		m.suspend(time.Hour)
		if accept.Enabled(w.Context()) || accept.Enabled(ctx) || stop.Enabled(w.Context()) || !hold.Enabled(w.Context()) {
			t.Error("the first use after an hour of suspension is not fenced by policy")
		}
		if !errors.Is(ctx.Err(), context.Canceled) || !errors.Is(context.Cause(ctx), sdk.ErrFenced) {
			t.Errorf("the request that read on says %v, %v", ctx.Err(), context.Cause(ctx))
		}
		if p.Ready() == nil || p.Status().Lease != 0 || p.Status().State != sdk.Holding {
			t.Errorf("ready %v, status %+v", p.Ready(), p.Status())
		}
		time.Sleep(2 * time.Second) // all that it does by itself, without a flag that is read
		w.within(0, "told", func() bool { k := p.kinds(); return k[len(k)-1] == "accept" })
		heal()
		w.within(30*time.Second, "returned", func() bool { return accept.Enabled(w.Context()) && p.Ready() == nil })
	})
}

// It tells of its fence and cancels, though nobody uses a flag.
func TestSuspensionIsNoticed(t *testing.T) {
	inWorld(t, func(w *world) {
		w.put(entry(sdk.On, 1))
		m := newMachine()
		p := w.open("2.0.0", m.reckons, func(c *sdk.Config) { c.Lease, c.SessionTimeout = time.Minute, 40*time.Second })
		ctx, release := p.Pin(w.Context())
		defer release()
		if !p.flag.Enabled(ctx) {
			t.Fatal("not on")
		}
		child, cancel := context.WithCancel(ctx)
		defer cancel()
		heal := w.silence()
		defer heal()
		m.suspend(10 * time.Minute)
		w.within(time.Second+10*time.Millisecond, "told and cancelled", func() bool {
			k := p.kinds()
			return cancelled(child) && k[len(k)-1] == "accept"
		})
	})
}

// A wall clock that somebody sets neither fences nor lifts the fence.
func TestWallClockSetByHand(t *testing.T) {
	inWorld(t, func(w *world) {
		w.put(entry(sdk.On, 1))
		m := newMachine()
		p := w.open("2.0.0", m.reckons)
		ctx, release := p.Pin(w.Context())
		defer release()
		for _, d := range []time.Duration{time.Hour, -3 * time.Hour, 2 * time.Hour} {
			m.setWall(d)
			for range 50 {
				if !p.flag.Enabled(ctx) || ctx.Err() != nil {
					t.Fatalf("fenced by a wall clock that was set by %v", d)
				}
				time.Sleep(100 * time.Millisecond)
			}
		}
		heal := w.silence()
		defer heal()
		took := w.within(13*time.Second, "fenced", func() bool {
			m.setWall(-time.Second)
			return p.at(sdk.Accept)()
		})
		if took < 9*time.Second {
			t.Errorf("fenced after %v", took)
		}
		m.setWall(-24 * time.Hour)
		if p.flag.Enabled(w.Context()) {
			t.Error("a wall clock that was set back has lifted the fence")
		}
	})
}

// A virtual machine whose pause no clock of its own has seen: the roster has. It
// was reaped, the others went on, and what it was about to send is cancelled.
func TestPauseThatNoClockHasSeen(t *testing.T) {
	for _, reaped := range []bool{true, false} {
		t.Run(map[bool]string{true: "reaped", false: "still a member"}[reaped], func(t *testing.T) {
			inWorld(t, func(w *world) {
				w.put(entry(sdk.Off, 1))
				m := newMachine()
				p := w.open("2.0.0", m.reckons)
				ctx, release := p.Pin(w.Context())
				defer release()
				if p.flag.Stage(ctx) != sdk.Off {
					t.Fatal("not off")
				}
				m.stopped.Store(int64(m.mono()))
				p.cut()
				time.Sleep(time.Minute)
				if reaped {
					w.reap(p)
					w.put(entry(sdk.Accept, 2))
					w.put(entry(sdk.On, 3))
				} else {
					w.put(entry(sdk.Accept, 2)) // and no further: it has not acked
				}
				p.heal()
				w.within(time.Minute, "returned", func() bool { return w.member(p).Live && p.at(w.service().Sheet.Features[feature].Stage)() })
				synctest.Wait()
				if got := cancelled(ctx); got != reaped {
					t.Errorf("the request from before was cancelled: %t, want %t", got, reaped)
				}
				want := map[bool]muster.Stage{true: sdk.Accept, false: sdk.Off}[reaped]
				if got := p.flag.Stage(ctx); got != want {
					t.Errorf("it stands at %v, want %v", got, want)
				}
			})
		})
	}
}

// reap removes a member that has vanished.
func (w *world) reap(p *process) {
	w.Helper()
	if w.member(p).Live {
		w.Fatal("it is live")
	}
	var t zoo.Txn
	t.Delete("/muster/services/checkout/members/"+p.Instance().Entry(), -1)
	if _, err := w.zk.Commit(w.Context(), t); err != nil {
		w.Fatal(err)
	}
}
