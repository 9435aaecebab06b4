package sdk_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/sdk"
)

// cancelled reports whether a request was cancelled at the fence, by all that a
// context has to say.
func cancelled(ctx context.Context) bool {
	select {
	case <-ctx.Done():
		return errors.Is(context.Cause(ctx), sdk.ErrFenced) && errors.Is(ctx.Err(), context.Canceled)
	default:
		return false
	}
}

// What each policy makes of an instance whose packets are dropped: of its flag,
// of its readiness, and of a request that has read the flag before.
func TestCase25EachPolicyAtTheFence(t *testing.T) {
	for _, tc := range []struct {
		policy    muster.OnDisconnect
		before    muster.Stage
		after     muster.Stage
		cancelled bool
		unready   string
	}{
		{muster.FallToAccept, sdk.On, sdk.Accept, true, ""},
		{muster.FallToAccept, sdk.Accept, sdk.Accept, false, ""},
		{muster.FallToAccept, sdk.Off, sdk.Accept, true, ""},
		{muster.Stop, sdk.On, sdk.Accept, true, "stop says stop"},
		{muster.Stop, sdk.Accept, sdk.Accept, false, "stop says stop"},
		{muster.Stop, sdk.Off, sdk.Accept, true, "stop says stop"},
		{muster.Hold, sdk.On, sdk.On, false, ""},
		{muster.Hold, sdk.Accept, sdk.Accept, false, ""},
		{muster.Hold, sdk.Off, sdk.Off, false, ""},
	} {
		t.Run(string(tc.policy)+" at "+tc.before.String(), func(t *testing.T) {
			inWorld(t, func(w *world) {
				w.policed(tc.before, tc.policy)
				p := w.open("2.0.0")
				flag := p.Bool(string(tc.policy), false)
				asked, releaseAsked := p.Pin(w.Context())
				defer releaseAsked()
				unasked, releaseUnasked := p.Pin(w.Context())
				defer releaseUnasked()
				if got := flag.Stage(asked); got != tc.before || p.Ready() != nil {
					t.Fatalf("with contact: stage %v, ready %v", got, p.Ready())
				}
				heal := w.silence()
				defer heal()
				w.within(13*time.Second, "fenced", func() bool { return p.Status().State == sdk.Holding })
				time.Sleep(2 * time.Millisecond) // the guard's timer
				synctest.Wait()
				late, releaseLate := p.Pin(w.Context())
				defer releaseLate()
				for _, ctx := range []context.Context{w.Context(), asked, unasked, late} {
					if got := flag.Stage(ctx); got != tc.after {
						t.Errorf("stage %v, want %v", got, tc.after)
					}
				}
				if got := cancelled(asked); got != tc.cancelled {
					t.Errorf("the request that had read the flag was cancelled: %t, want %t; it says %v", got, tc.cancelled, context.Cause(asked))
				}
				time.Sleep(time.Minute)
				if unasked.Err() != nil || late.Err() != nil {
					t.Errorf("one that had not says %v, one that began at the fence %v", unasked.Err(), late.Err())
				}
				switch err := p.Ready(); {
				case tc.unready == "" && err != nil:
					t.Errorf("unready: %v", err)
				case tc.unready != "" && (err == nil || !strings.Contains(err.Error(), tc.unready)):
					t.Errorf("ready says %v, want %q", err, tc.unready)
				}
			})
		})
	}
}

// A request that the fence has cancelled counts until it is released: it may
// not heed its context.
func TestCancelledRequestIsWaitedFor(t *testing.T) {
	inWorld(t, func(w *world) {
		before := w.put(entry(sdk.Off, 1))
		p := w.open("2.0.0")
		outer, releaseOuter := p.Pin(w.Context())
		inner, releaseInner := p.Pin(context.WithValue(outer, benchKey{}, 1))
		if p.flag.Explain(inner).Stage != sdk.Off { // asking for the reason is reading, too
			t.Fatal("not off")
		}
		releaseInner()
		p.cut()
		time.Sleep(15 * time.Second)
		if !cancelled(outer) {
			t.Error("what was read within a request does not bind the request around it")
		}
		w.put(entry(sdk.Accept, 2))
		after := w.put(entry(sdk.On, 3)) // it was reaped, and the others went on
		p.heal()
		w.within(time.Minute, "returned", p.at(sdk.On))
		time.Sleep(30 * time.Second)
		if ack := w.member(p).Ack; ack.Revision != before || ack.Draining != 1 {
			t.Errorf("ack %+v while the request runs", ack)
		}
		releaseOuter()
		w.within(time.Second, "acked", w.acked(p, after))
	})
}

// Not the clock alone lets the fence down.
func TestRefusedOnReturnCancelsRequests(t *testing.T) {
	inWorld(t, func(w *world) {
		w.putAll(map[string]muster.Entry{feature: entry(sdk.Off, 1), "other": entry(sdk.Off, 1)})
		p := w.open("1.0.0", func(c *sdk.Config) { c.Lease = 10 * time.Minute })
		ctx, release := p.Pin(w.Context())
		defer release()
		if p.flag.Stage(ctx) != sdk.Off {
			t.Fatal("not off")
		}
		for _, id := range w.server.Faults().Sessions() { // out of the roster, with a lease that goes on
			if id != w.zk.ID() {
				w.server.Faults().ExpireSession(id)
			}
		}
		w.put(entry(sdk.Accept, 2))
		w.within(10*time.Second, "refused", func() bool { return p.Status().State == sdk.Refused })
		synctest.Wait()
		if !cancelled(ctx) {
			t.Errorf("a request of an instance that is no member goes on: %v", context.Cause(ctx))
		}
	})
}
