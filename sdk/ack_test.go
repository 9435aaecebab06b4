package sdk_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/internal/zkserver"
	"github.com/musterhq/muster/internal/zoo"
	"github.com/musterhq/muster/sdk"
)

func TestFollowsTheSheet(t *testing.T) {
	inWorld(t, func(w *world) {
		w.put(entry(sdk.Off, 1))
		p := w.open("2.0.0")
		for epoch, stage := range []muster.Stage{sdk.Accept, sdk.On, sdk.Accept, sdk.Off} {
			rev := w.put(entry(stage, int64(epoch)+2))
			if took := w.within(time.Second, "acked", w.acked(p, rev)); took > 100*time.Millisecond {
				t.Errorf("acked after %v", took)
			}
			if !p.at(stage)() {
				t.Errorf("the flag stands at %v, want %v", p.flag.Stage(w.Context()), stage)
			}
		}
		if diff := cmp.Diff(p.kinds(), []string{"joined", "accept", "on", "accept", "off"}); diff != "" {
			t.Error(diff)
		}
	})
}

// A request that is pinned to an older sheet withholds the ack.
func TestCase18PinnedRequestWithholdsTheAck(t *testing.T) {
	inWorld(t, func(w *world) {
		before := w.put(entry(sdk.Off, 1))
		p := w.open("2.0.0")
		ctx, release := p.Pin(w.Context())
		began := time.Now()
		time.Sleep(3 * time.Second)
		after := w.put(entry(sdk.Accept, 2))
		w.within(time.Second, "applied", p.at(sdk.Accept))
		if got := p.flag.Stage(ctx); got != sdk.Off {
			t.Errorf("the pinned request sees %v, want off", got)
		}
		nested, releaseNested := p.Pin(ctx)
		if got := p.flag.Stage(nested); got != sdk.Off {
			t.Errorf("pinned again it sees %v, want off", got)
		}
		time.Sleep(2 * time.Second)
		want := muster.Ack{Revision: before, Applied: after, Draining: 2, Oldest: began.Round(0)}
		if diff := cmp.Diff(w.member(p).Ack, want); diff != "" {
			t.Error(diff)
		}
		release()
		release() // once is enough
		if got := p.flag.Stage(ctx); got != sdk.Accept {
			t.Errorf("once released it sees %v, want accept", got)
		}
		synctest.Wait()
		if got := w.member(p).Ack.Revision; got != before {
			t.Errorf("acked %d while one is in flight", got)
		}
		releaseNested()
		w.within(100*time.Millisecond, "acked", w.acked(p, after))
	})
}

// Past its bound its context is cancelled, and the ack follows.
func TestCase18PinnedRequestIsCancelledAtItsBound(t *testing.T) {
	inWorld(t, func(w *world) {
		before := w.put(entry(sdk.Off, 1))
		p := w.open("2.0.0")
		ctx, release := p.Pin(w.Context())
		after := w.put(entry(sdk.Accept, 2))
		start := time.Now()
		<-ctx.Done()
		if took := time.Since(start).Round(time.Second); took != 20*time.Second {
			t.Errorf("cancelled after %v, want 20s", took)
		}
		if got := context.Cause(ctx); !errors.Is(got, sdk.ErrDrainTimeout) {
			t.Errorf("the cause is %v", got)
		}
		time.Sleep(10 * time.Second)
		if got := w.member(p).Ack.Revision; got != before {
			t.Errorf("acked %d before the request has ended", got)
		}
		release()
		w.within(100*time.Millisecond, "acked", w.acked(p, after))
	})
}

// A request that began before the instance joined counts as well.
func TestPinnedBeforeJoining(t *testing.T) {
	inWorld(t, func(w *world) {
		rev := w.put(entry(sdk.Off, 1))
		p := &process{network: &network{away: true}}
		ctx, cancel := context.WithTimeout(w.Context(), time.Second)
		defer cancel()
		c, err := sdk.Open(ctx, w.config(p, "2.0.0"))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		p.Client, p.flag = c, c.Bool(feature, false)
		pinned, release := c.Pin(w.Context())
		p.heal()
		w.within(time.Minute, "joined", p.at(sdk.Off))
		if got := p.flag.Stage(pinned); got != sdk.Accept {
			t.Errorf("the pinned request sees %v, want accept", got)
		}
		if ack := w.member(p).Ack; ack.Revision != -1 || ack.Applied != rev {
			t.Errorf("acked %+v while it is in flight", ack)
		}
		release()
		w.within(time.Second, "acked", w.acked(p, rev))
	})
}

// An ack that was lost, or spoilt, is asserted again.
func TestCase21AckIsAssertedAgain(t *testing.T) {
	inWorld(t, func(w *world) {
		w.put(entry(sdk.Off, 1))
		p := w.open("2.0.0")
		live := "/muster/services/checkout/live/" + p.Instance().Entry()
		failed := false
		w.server.Faults().OnRequest(func(r zkserver.Request) zkserver.Verdict {
			if !failed && r.Op == "multi" && slices.Contains(r.Paths, live) {
				failed = true
				return zkserver.Verdict{Do: zkserver.DropBefore}
			}
			return zkserver.Verdict{}
		})
		rev := w.put(entry(sdk.Accept, 2))
		w.within(10*time.Second, "acked again", w.acked(p, rev))
		if !failed {
			t.Error("nothing failed")
		}
		w.server.Faults().OnRequest(nil)

		// Acks are a level: whatever stands there is put right.
		w.write(live, `{"format":1,"revision":0,"applied":0}`)
		w.within(6*time.Second, "put right", w.acked(p, rev))
		w.write(live, `garbage`)
		w.within(6*time.Second, "put right", w.acked(p, rev))
	})
}

// Somebody took the live entry away: the instance notices and joins again.
func TestJoinsAgainWhenItIsNoMember(t *testing.T) {
	inWorld(t, func(w *world) {
		rev := w.put(entry(sdk.Accept, 1))
		p := w.open("2.0.0")
		var txn zoo.Txn
		txn.Delete("/muster/services/checkout/live/"+p.Instance().Entry(), -1)
		if _, err := w.zk.Commit(w.Context(), txn); err != nil {
			t.Fatal(err)
		}
		w.within(6*time.Second, "live again", func() bool { m := w.member(p); return m.Live && m.Ack.Revision == rev })
	})
}

// The ack waits until everyone who listens has been told.
func TestOnChangeHoldsTheAck(t *testing.T) {
	inWorld(t, func(w *world) {
		before := w.put(entry(sdk.Off, 1))
		p := w.open("2.0.0")
		var changes []sdk.Change
		goOn := make(chan struct{})
		stop := p.OnChange(func(c sdk.Change) {
			changes = append(changes, c)
			<-goOn
		})
		after := w.put(entry(sdk.Accept, 2))
		time.Sleep(5 * time.Second)
		if ack := w.member(p).Ack; ack.Revision != before || ack.Applied != after || ack.Draining != 1 {
			t.Errorf("acked %+v while a callback runs", ack)
		}
		if !p.at(sdk.Accept)() {
			t.Error("the flag waits for the callback")
		}
		close(goOn)
		w.within(100*time.Millisecond, "acked", w.acked(p, after))
		stop()
		w.within(time.Second, "acked", w.acked(p, w.put(entry(sdk.On, 3))))
		want := []sdk.Change{{Feature: feature, From: sdk.Off, To: sdk.Accept, Epoch: 2, Revision: after}}
		if diff := cmp.Diff(changes, want); diff != "" {
			t.Error(diff)
		}
	})
}

func TestCloseDrains(t *testing.T) {
	inWorld(t, func(w *world) {
		w.put(entry(sdk.On, 1))
		p := w.open("2.0.0")
		ctx, release := p.Pin(w.Context())
		closed := make(chan error, 1)
		go func() { closed <- p.Close() }()
		time.Sleep(5 * time.Second)
		if err := p.Ready(); !errors.Is(err, sdk.ErrClosed) {
			t.Errorf("ready: %v, want closed", err)
		}
		if !p.flag.Enabled(ctx) || !w.member(p).Live {
			t.Error("it left while a request is in flight")
		}
		rev := w.put(entry(sdk.Accept, 2)) // a kill reaches it still
		w.within(time.Second, "applied", p.at(sdk.Accept))
		if w.acked(p, rev)() {
			t.Error("acked while a request is in flight")
		}
		release()
		if err := <-closed; err != nil {
			t.Error(err)
		}
		if svc := w.service(); len(svc.Members) != 0 {
			t.Errorf("the roster has %+v", svc.Members)
		}
	})
}

// What does not end is not forgotten: quarantine covers it.
func TestCloseDoesNotLeaveRequestsBehind(t *testing.T) {
	inWorld(t, func(w *world) {
		w.put(entry(sdk.On, 1))
		p := w.open("2.0.0")
		ctx, release := p.Pin(w.Context())
		defer release()
		start := time.Now()
		if err := p.Close(); err == nil {
			t.Error("it says that it has left")
		}
		if took := time.Since(start); took > 25*time.Second {
			t.Errorf("it took %v", took)
		}
		if !errors.Is(context.Cause(ctx), sdk.ErrDrainTimeout) {
			t.Errorf("the request ended by %v", context.Cause(ctx))
		}
		if p.flag.Enabled(ctx) {
			t.Error("the request sends the new form beyond the end")
		}
		if svc := w.service(); len(svc.Members) != 1 || svc.Members[0].Live {
			t.Errorf("the roster has %+v, want one that has vanished", svc.Members)
		}
	})
}

func TestHandlerPins(t *testing.T) {
	inWorld(t, func(w *world) {
		w.put(entry(sdk.On, 1))
		p := w.open("2.0.0")
		h := p.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if !p.flag.Explain(r.Context()).Pinned {
				t.Error("not pinned")
			}
		}))
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(w.Context(), http.MethodGet, "/", http.NoBody))
	})
}

// G6: all flags of a request are of one sheet, while sheets come.
func TestOneView(t *testing.T) {
	inWorld(t, func(w *world) {
		both := func(stage muster.Stage, epoch int64) {
			w.putAll(map[string]muster.Entry{"a": entry(stage, epoch), "b": entry(stage, epoch)})
		}
		both(sdk.Off, 1)
		p := w.open("2.0.0")
		a, b := p.Bool("a", false), p.Bool("b", false)
		stop := make(chan struct{})
		done := make(chan int)
		for range 4 {
			go func() {
				n := 0
				defer func() { done <- n }()
				for {
					select {
					case <-stop:
						return
					default:
					}
					ctx, release := p.Pin(context.Background())
					x := a.Stage(ctx)
					time.Sleep(time.Microsecond)
					if y := b.Stage(ctx); x != y {
						t.Errorf("one request sees %v and %v", x, y)
					}
					release()
					n++
				}
			}()
		}
		for epoch := range int64(30) {
			both([]muster.Stage{sdk.Accept, sdk.On, sdk.Accept, sdk.Off}[epoch%4], epoch+2)
			time.Sleep(time.Millisecond)
		}
		close(stop)
		for range 4 {
			if <-done == 0 {
				t.Error("a goroutine made no request")
			}
		}
		w.within(time.Second, "acked", w.acked(p, p.Status().Revision))
	})
}
