package sdk_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/internal/zkserver"
	"github.com/musterhq/muster/internal/zoo"
	"github.com/musterhq/muster/sdk"
)

// silence has the server take everything and say nothing, but to the test, as
// when packets are dropped.
func (w *world) silence() (heal func()) {
	w.Helper()
	own := w.zk.ID()
	return w.server.Faults().Silence(func(c zkserver.Client) bool { return c.Session != own })
}

// Case 25.
func TestCase25FencedWithinItsLease(t *testing.T) {
	inWorld(t, func(w *world) {
		held := entry(sdk.On, 1)
		held.OnDisconnect = muster.Hold
		w.putAll(map[string]muster.Entry{feature: entry(sdk.On, 1), "held": held, "dark": entry(sdk.Off, 1)})
		p := w.open("2.0.0")
		keep, dark, absent := p.Bool("held", false), p.Bool("dark", false), p.Bool("absent", false)
		pinned, release := p.Pin(w.Context())
		defer release()
		heal := w.silence()
		took := w.within(13*time.Second, "fenced", p.at(sdk.Accept))
		if took < 9*time.Second || took > 12100*time.Millisecond {
			t.Errorf("fenced after %v, want a lease of 12s less what contact was ago", took)
		}
		got := []muster.Stage{p.flag.Stage(pinned), keep.Stage(w.Context()), dark.Stage(w.Context()), absent.Stage(w.Context())}
		if diff := cmp.Diff(got, []muster.Stage{sdk.Accept, sdk.On, sdk.Accept, sdk.Accept}); diff != "" {
			t.Error("pinned, hold, off, absent:", diff)
		}
		if got := p.flag.Explain(w.Context()).Reason; got != sdk.ReasonFenced {
			t.Errorf("reason %v, want FENCED", got)
		}
		if s := p.Status(); s.State != sdk.Holding || s.Err == nil {
			t.Errorf("status %+v, want holding and why", s)
		}
		if err := p.Ready(); err != nil {
			t.Errorf("ready: %v: the policy accept goes on", err)
		}
		w.within(time.Minute, "vanished", func() bool { return !w.member(p).Live })
		release()
		heal()
		w.within(time.Minute, "returned", p.at(sdk.On))
		if m := w.member(p); !m.Live || m.Version == 0 {
			t.Errorf("it returned as %+v, want live, by the gate", m)
		}
		w.within(time.Second, "told", func() bool { return p.kinds()[len(p.kinds())-1] == "on" })
		want := []string{"joined", "on", "on", "fenced", "accept", "accept", "resumed", "off", "on"}
		if diff := cmp.Diff(p.kinds(), want); diff != "" {
			t.Error(diff)
		}
	})
}

// A request that was in flight before the fence stays behind it when the
// instance returns: the others may have gone two stages on (G3).
func TestOutlivedRequestStaysFenced(t *testing.T) {
	inWorld(t, func(w *world) {
		before := w.put(entry(sdk.Off, 1))
		p := w.open("2.0.0")
		ctx, release := p.Pin(w.Context())
		p.cut()
		time.Sleep(time.Minute)
		w.put(entry(sdk.Accept, 2))
		after := w.put(entry(sdk.On, 3))
		p.heal()
		w.within(time.Minute, "returned", p.at(sdk.On))
		if d := p.flag.Explain(ctx); d.Stage != sdk.Accept || d.Reason != sdk.ReasonFenced {
			t.Errorf("the request sees %+v, want accept by the fence", d)
		}
		if got := w.member(p).Ack.Revision; got != before {
			t.Errorf("acked %d while it is in flight", got)
		}
		release()
		w.within(time.Second, "acked", w.acked(p, after))
	})
}

// Returning, it meets the gate.
func TestReturnIsRefused(t *testing.T) {
	inWorld(t, func(w *world) {
		w.put(entry(sdk.Off, 1))
		p := w.open("1.0.0")
		if err := p.Ready(); err != nil {
			t.Fatal(err)
		}
		p.cut()
		time.Sleep(15 * time.Second)
		if err := p.Ready(); err == nil || !strings.Contains(err.Error(), ">=2.0.0") {
			t.Errorf("fenced and too old it is ready: %v", err)
		}
		w.put(entry(sdk.Accept, 2)) // it was reaped, and the feature went on without it
		p.heal()
		var refused *muster.RefusedError
		w.within(time.Minute, "refused", func() bool { return errors.As(p.Ready(), &refused) })
		time.Sleep(time.Minute)
		if w.member(p).Live {
			t.Error("an old version is live")
		}
		w.put(entry(sdk.Off, 3))
		w.within(10*time.Second, "admitted", func() bool { return p.Ready() == nil && w.member(p).Live })
	})
}

// A session that outlives the lease: no registration is needed to go on.
func TestContactIsBackInTheSameSession(t *testing.T) {
	inWorld(t, func(w *world) {
		w.put(entry(sdk.On, 1))
		p := w.open("2.0.0", func(c *sdk.Config) { c.SessionTimeout, c.Lease = 30*time.Second, 16*time.Second })
		heal := w.silence()
		w.within(17*time.Second, "fenced", p.at(sdk.Accept))
		heal()
		w.within(10*time.Second, "back", p.at(sdk.On))
		w.within(time.Second, "told", func() bool { return p.kinds()[len(p.kinds())-1] == "on" })
		if diff := cmp.Diff(p.kinds(), []string{"joined", "on", "fenced", "accept", "resumed", "on"}); diff != "" {
			t.Error(diff)
		}
		if m := w.member(p); m.Version != 0 {
			t.Errorf("it registered again: %+v", m)
		}
	})
}

// A session that the servers ended early: flags go on within the lease, and the
// instance is back before it ends.
func TestExpiredSession(t *testing.T) {
	inWorld(t, func(w *world) {
		w.put(entry(sdk.On, 1))
		p := w.open("2.0.0")
		for _, id := range w.server.Faults().Sessions() {
			if id != w.zk.ID() {
				w.server.Faults().ExpireSession(id)
			}
		}
		w.within(10*time.Second, "returned", func() bool {
			if !p.at(sdk.On)() {
				t.Fatal("fenced within its lease")
			}
			return w.member(p).Live
		})
		if diff := cmp.Diff(p.kinds(), []string{"joined", "on"}); diff != "" {
			t.Error(diff)
		}
	})
}

func TestStopMeansUnready(t *testing.T) {
	inWorld(t, func(w *world) {
		e := entry(sdk.On, 1)
		e.OnDisconnect = muster.Stop
		w.put(e)
		p := w.open("2.0.0")
		probe := func() (int, string) {
			rec := httptest.NewRecorder()
			p.ReadyHandler().ServeHTTP(rec, httptest.NewRequestWithContext(w.Context(), http.MethodGet, "/ready", http.NoBody))
			return rec.Code, rec.Body.String()
		}
		if code, body := probe(); code != http.StatusOK || !strings.Contains(body, `"state":"live"`) {
			t.Errorf("%d %s, want 200 and live", code, body)
		}
		p.cut()
		time.Sleep(13 * time.Second)
		if code, body := probe(); code != http.StatusServiceUnavailable || !strings.Contains(body, feature+" says stop") {
			t.Errorf("%d %s, want 503 by the feature", code, body)
		}
		if p.flag.Enabled(w.Context()) {
			t.Error("it sends the new form")
		}
	})
}

// Case 27.
func TestCase27Outage(t *testing.T) {
	inWorld(t, func(w *world) {
		w.put(entry(sdk.On, 1))
		p := w.open("2.0.0")
		p.cut()
		time.Sleep(5 * time.Minute)
		if s := p.Status(); s.State != sdk.Holding || s.Err == nil || !strings.Contains(s.Err.Error(), "no connection") {
			t.Errorf("status %+v, want holding, and why", s)
		}
		if !p.at(sdk.Accept)() || p.Ready() != nil {
			t.Errorf("stage %v, ready %v, want accept and ready", p.flag.Stage(w.Context()), p.Ready())
		}
		rev := w.put(entry(sdk.Accept, 2))
		p.heal()
		w.within(30*time.Second, "converged", w.acked(p, rev))
		if got := p.Status().State; got != sdk.Live {
			t.Errorf("state %v, want live", got)
		}
	})
}

// Case 30: a sheet that is older than the one in force, as a server that lags
// shows it, or garbage, changes nothing.
func TestCase30NeverAnOlderSheet(t *testing.T) {
	inWorld(t, func(w *world) {
		w.put(entry(sdk.Off, 1))
		w.put(entry(sdk.Accept, 2))
		rev := w.put(entry(sdk.On, 3))
		p := w.open("2.0.0")

		w.write("/muster/services/checkout", `{"format":1,"service":"checkout","features":`)
		w.within(time.Second, "reported", func() bool {
			err := p.Status().Err
			return err != nil && strings.Contains(err.Error(), "/muster/services/checkout")
		})
		if !p.at(sdk.On)() || p.Status().Revision != rev {
			t.Error("garbage changed the flag")
		}
		w.write("/muster/services/checkout", `{"format":1,"service":"checkout","features":{}}`)
		rev = w.put(entry(sdk.On, 3))
		w.within(2*time.Second, "repaired", func() bool { return p.Status().Err == nil && p.Status().Revision == rev })

		// The tree starts over, and with it the versions.
		p.cut()
		w.wipe()
		w.put(entry(sdk.Off, 1))
		p.heal()
		time.Sleep(time.Minute)
		if got := p.Status(); got.Revision != rev || got.Err == nil {
			t.Errorf("status %+v, want revision %d and why not another", got, rev)
		}
		if !p.at(sdk.Accept)() {
			t.Errorf("stage %v, want the fence", p.flag.Stage(w.Context()))
		}
	})
}

// wipe removes the service.
func (w *world) wipe() {
	w.Helper()
	const service = "/muster/services/checkout"
	var t zoo.Txn
	for _, folder := range []string{"members", "live", "knocks"} {
		names, _, err := w.zk.Children(w.Context(), service+"/"+folder)
		if err != nil {
			w.Fatal(err)
		}
		for _, n := range names {
			t.Delete(service+"/"+folder+"/"+n, -1)
		}
		t.Delete(service+"/"+folder, -1)
	}
	t.Delete(service+"/roster", -1)
	t.Delete(service, -1)
	if _, err := w.zk.Commit(w.Context(), t); err != nil {
		w.Fatal(err)
	}
}
