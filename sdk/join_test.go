package sdk_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/internal/zkserver"
	"github.com/musterhq/muster/sdk"
)

func TestJoinsAndAnswers(t *testing.T) {
	inWorld(t, func(w *world) {
		w.put(entry(sdk.On, 2))
		p := w.open("2.0.0", func(c *sdk.Config) { c.Labels = map[string]string{"zone": "a"} })
		if got := p.flag.Stage(w.Context()); got != sdk.On {
			t.Errorf("the flag stands at %v, want on", got)
		}
		if !p.flag.Enabled(w.Context()) || !p.flag.Accepts(w.Context()) {
			t.Error("on is neither enabled nor accepted")
		}
		if p.Bool("other", true).Accepts(w.Context()) {
			t.Error("a feature that the sheet does not name is accepted")
		}
		if err := p.Ready(); err != nil {
			t.Error(err)
		}
		want := sdk.Details{Feature: feature, Stage: sdk.On, Reason: sdk.ReasonSheet, Epoch: 2, Revision: 1}
		if diff := cmp.Diff(p.flag.Explain(w.Context()), want); diff != "" {
			t.Error(diff)
		}
		if m := w.member(p); !m.Live || !m.Instance.Equal(p.Instance()) {
			t.Errorf("the roster has %+v, want %+v live", m, p.Instance())
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		if svc := w.service(); len(svc.Members) != 0 {
			t.Errorf("after Close the roster has %+v", svc.Members)
		}
		if p.flag.Enabled(w.Context()) || !p.flag.Accepts(w.Context()) {
			t.Error("a closed client does not stand at the fence")
		}
		if diff := cmp.Diff(p.kinds(), []string{"joined", "on", "left"}); diff != "" {
			t.Error(diff)
		}
	})
}

// Case 2.
func TestCase02RefusedWaitsUnreadyAndIsAdmitted(t *testing.T) {
	inWorld(t, func(w *world) {
		w.put(entry(sdk.On, 2))
		p, err := w.tryOpen("1.9.0")
		var refused *muster.RefusedError
		if !errors.As(err, &refused) {
			t.Fatalf("open: %v, want a RefusedError", err)
		}
		for _, want := range []string{feature, ">=2.0.0", "1.9.0", "muster deactivate"} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%q does not name %s", err, want)
			}
		}
		if err := p.Ready(); !errors.As(err, &refused) {
			t.Errorf("ready: %v, want a RefusedError", err)
		}
		if got := p.Status().State; got != sdk.Refused {
			t.Errorf("state %v, want refused", got)
		}
		if p.flag.Enabled(w.Context()) {
			t.Error("a refused instance sends the new form")
		}
		svc := w.service()
		if len(svc.Members) != 0 || len(svc.Knocks) != 1 || svc.Knocks[0].Instance.ID != "c1" {
			t.Fatalf("members %v, knocks %+v, want one knock alone", svc.Members, svc.Knocks)
		}

		w.put(entry(sdk.Accept, 3)) // still shut
		time.Sleep(time.Minute)
		open := entry(sdk.Off, 4)
		w.put(open)
		w.within(time.Second, "admitted", func() bool { return p.Ready() == nil })
		if svc := w.service(); len(svc.Members) != 1 || len(svc.Knocks) != 0 {
			t.Errorf("members %v, knocks %v, want one member", svc.Members, svc.Knocks)
		}
		if diff := cmp.Diff(p.kinds(), []string{"refused", "refused", "joined"}); diff != "" {
			t.Error(diff) // twice, for the stage in the refusal changed
		}
	})
}

// Case 3.
func TestCase03LostReplyToRegistration(t *testing.T) {
	for name, fate := range map[string]zkserver.Action{"applied": zkserver.DropAfter, "not applied": zkserver.DropBefore} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				w.put(entry(sdk.Accept, 1))
				lose := true
				w.server.Faults().OnRequest(func(r zkserver.Request) zkserver.Verdict {
					if lose && r.Op == "multi" && slices.Contains(r.Paths, "/muster/services/checkout/roster") {
						lose = false
						return zkserver.Verdict{Do: fate}
					}
					return zkserver.Verdict{}
				})
				w.open("2.0.0")
				svc := w.service()
				if len(svc.Members) != 1 || !svc.Members[0].Live {
					t.Fatalf("the roster has %+v, want one live member", svc.Members)
				}
				if svc.Roster != 1 {
					t.Errorf("%d registrations, want 1", svc.Roster)
				}
				if lose {
					t.Error("nothing was lost")
				}
				w.server.Faults().OnRequest(nil)
			})
		})
	}
}

// Cases 4 and 19: the name is the same, the incarnation is not.
func TestCase04RestartUnderTheSameNameCountsTwice(t *testing.T) {
	inWorld(t, func(w *world) {
		w.put(entry(sdk.Accept, 1))
		old := w.open("2.0.0")
		_, release := old.Pin(w.Context())
		defer release()
		rev := w.put(entry(sdk.On, 2))
		w.within(time.Second, "seen", old.at(sdk.On)) // and not acked
		old.cut()
		young := w.open("2.0.0")
		if got := len(w.service().Members); got != 2 {
			t.Fatalf("%d members, want both", got)
		}
		if got := w.member(young).Ack.Revision; got != rev {
			t.Errorf("the new incarnation was born with ack %d, want %d", got, rev)
		}
		if m := w.member(old); m.Ack.Revision >= rev {
			t.Errorf("the old incarnation has acked %+v", m.Ack)
		}
		time.Sleep(10 * time.Second)
		if m := w.member(old); m.Live || m.Instance.ID != "c1" {
			t.Errorf("the old incarnation is %+v, want a member that is not live", m)
		}
	})
}

// Case 6.
func TestCase06GateMovesDuringRegistration(t *testing.T) {
	inWorld(t, func(w *world) {
		w.put(entry(sdk.Off, 1))
		moved := false
		w.server.Faults().OnRequest(func(r zkserver.Request) zkserver.Verdict {
			if !moved && r.Op == "multi" && slices.Contains(r.Paths, "/muster/services/checkout/roster") {
				moved = true
				w.put(entry(sdk.Accept, 2))
			}
			return zkserver.Verdict{}
		})
		_, err := w.tryOpen("1.0.0")
		var refused *muster.RefusedError
		if !errors.As(err, &refused) || !moved {
			t.Fatalf("open: %v, want a RefusedError by the sheet that came meanwhile", err)
		}
		w.server.Faults().OnRequest(nil)
	})
}

// Case 20.
func TestCase20BornAtTheCurrentRevision(t *testing.T) {
	inWorld(t, func(w *world) {
		w.put(entry(sdk.Accept, 1))
		rev := w.put(entry(sdk.On, 2))
		p := w.open("2.1.0")
		want := muster.Ack{Revision: rev, Applied: rev}
		if got := w.member(p).Ack; got != want {
			t.Errorf("born with %+v, want %+v", got, want)
		}
	})
}

// Case 28, without a snapshot on disk.
func TestCase28ColdStartWithoutZooKeeper(t *testing.T) {
	for _, serve := range []bool{false, true} {
		inBubble := func(w *world) {
			w.put(entry(sdk.On, 2))
			p := &process{network: &network{away: true}}
			cfg := w.config(p, "2.0.0")
			cfg.ServeUnjoined = serve
			ctx, cancel := context.WithTimeout(w.Context(), 5*time.Second)
			defer cancel()
			client, err := sdk.Open(ctx, cfg)
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			flag, def := client.Bool(feature, false), client.Bool("default-on", true)
			if flag.Enabled(ctx) || !flag.Accepts(ctx) || !def.Enabled(ctx) {
				t.Errorf("stages %v and %v, want accept and the default on", flag.Stage(ctx), def.Stage(ctx))
			}
			if got := flag.Explain(ctx).Reason; got != sdk.ReasonNotJoined {
				t.Errorf("reason %v, want NOT_JOINED", got)
			}
			if s := client.Status(); s.State != sdk.Joining || s.Revision != -1 {
				t.Errorf("status %+v, want joining, without a revision", s)
			}
			if ready := client.Ready() == nil; ready != serve {
				t.Errorf("ready is %v, want %v", ready, serve)
			}
			time.Sleep(time.Minute)
			if err := client.Status().Err; err == nil || !strings.Contains(err.Error(), "no route to host") {
				t.Errorf("status says %v, want why it is not to be reached", err)
			}
			p.heal()
			w.within(time.Minute, "joined", func() bool { return client.Status().State == sdk.Live })
			if !flag.Enabled(w.Context()) || client.Ready() != nil {
				t.Errorf("stage %v, ready %v, want on and ready", flag.Stage(ctx), client.Ready())
			}
		}
		t.Run(map[bool]string{false: "unready", true: "serving"}[serve], func(t *testing.T) { inWorld(t, inBubble) })
	}
}

func TestOpenRefusesWhatCannotBe(t *testing.T) {
	t.Parallel()
	good := sdk.Config{Service: "checkout", Version: "1.0.0", Servers: []string{"zk:2181"}}
	for field, edit := range map[string]func(*sdk.Config){
		"service":         func(c *sdk.Config) { c.Service = "a/b" },
		"version":         func(c *sdk.Config) { c.Version = strings.Repeat("1", 200) },
		"instance":        func(c *sdk.Config) { c.ID = "a b" },
		"servers":         func(c *sdk.Config) { c.Servers = nil },
		"server":          func(c *sdk.Config) { c.Servers = []string{"zk"} },
		"root":            func(c *sdk.Config) { c.Root = "muster" },
		"lease":           func(c *sdk.Config) { c.Lease = time.Second },
		"session timeout": func(c *sdk.Config) { c.SessionTimeout = -1 },
		"drain":           func(c *sdk.Config) { c.Drain = -1 },
		"label":           func(c *sdk.Config) { c.Labels = map[string]string{"": "x"} },
		"auth":            func(c *sdk.Config) { c.Auth = "user" },
	} {
		cfg := good
		edit(&cfg)
		c, err := sdk.Open(t.Context(), cfg)
		var invalid *muster.InvalidError
		if c != nil || !errors.As(err, &invalid) || invalid.Field != field {
			t.Errorf("%s: %v, want an InvalidError of this field and no client", field, err)
		}
	}
}
