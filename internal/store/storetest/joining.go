package storetest

import (
	"context"
	"errors"
	"sync"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/internal/store"
	"github.com/musterhq/muster/internal/zoo"
)

var joining = []test{
	{"an instance is born at the current revision", func(s *scene) {
		s.command("tax", muster.ActionApply, "shop")
		s.advance("tax", 1)
		inst := s.instance("shop", "2.0.0")
		s.join(inst)
		m := s.only("shop")
		s.same("instance", m.Instance, inst)
		sheet := s.state("tax").Services["shop"].Sheet
		s.same("live and ack", []any{m.Live, m.Ack}, []any{true, current(sheet)})
	}},
	{"every registration counts in the roster", func(s *scene) {
		s.join(s.instance("shop", "1.0.0"))
		before := s.get(s.path("services", "shop", "roster")).Stat.Version
		s.join(s.instance("shop", "1.0.0"))
		s.same("roster", s.get(s.path("services", "shop", "roster")).Stat.Version, before+1)
	}},
	{"many register at once, without conflicts", func(s *scene) { // case 5
		const many = 50
		st, _, _ := s.session()
		_, err := st.Join(s.ctx, s.instance("shop", "1.0.0"), current) // the service is there
		s.ok(err)
		before := s.get(s.path("services", "shop", "roster")).Stat.Version
		var wg sync.WaitGroup
		for range many {
			inst := s.instance("shop", "1.0.0")
			wg.Go(func() {
				if _, err := st.Join(s.ctx, inst, current); err != nil {
					s.Error(err)
				}
			})
		}
		wg.Wait()
		s.same("members", len(s.members("shop")), many+1)
		s.same("registrations", s.get(s.path("services", "shop", "roster")).Stat.Version, before+many)
	}},
	{"the gate refuses, and says why", func(s *scene) { // G2
		closeGate(s)
		inst := s.instance("shop", "1.9.0")
		st, _, _ := s.session()
		_, err := st.Join(s.ctx, inst, func(muster.Sheet) muster.Ack { s.Error("refused, and applied"); return muster.Ack{} })
		var refused *muster.RefusedError
		if !errors.As(err, &refused) {
			s.Fatalf("got error %v, want a refusal", err)
		}
		s.same("refusals", refused.Refusals, []muster.Refusal{{
			Feature: "tax", Stage: muster.Accept, Constraint: muster.MustConstraint(">=2.0.0"), Version: "1.9.0",
		}})
		s.only("shop") // the one that is ready
	}},
	{"no version and one that is none satisfy nothing", func(s *scene) { // case 7
		closeGate(s)
		st, _, _ := s.session()
		for _, version := range []string{"", "nonsense", "2.1.0-rc.1"} {
			_, err := st.Join(s.ctx, s.instance("shop", version), current)
			var refused *muster.RefusedError
			if !errors.As(err, &refused) {
				s.Errorf("%q: got error %v, want a refusal", version, err)
			}
		}
	}},
	{"the gate that closes meanwhile is evaluated anew", func(s *scene) { // case 6
		s.command("tax", muster.ActionApply, "shop")
		s.join(s.instance("shop", "2.0.0"))
		s.command("tax", muster.ActionActivate)
		s.advance("tax", 1)
		tree, _ := s.Open(s)
		st := s.as(&raced{Tree: tree, happens: func() { s.advance("tax", 1) }})
		_, err := st.Join(s.ctx, s.instance("shop", "1.0.0"), current)
		var refused *muster.RefusedError
		if !errors.As(err, &refused) {
			s.Fatalf("got error %v, want a refusal", err)
		}
		s.only("shop")
	}},
	{"a sheet that moves meanwhile is applied anew", func(s *scene) { // case 20
		s.command("tax", muster.ActionApply, "shop")
		s.join(s.instance("shop", "2.0.0"))
		s.command("tax", muster.ActionActivate)
		s.advance("tax", 1)
		tree, _ := s.Open(s)
		st := s.as(&raced{Tree: tree, happens: func() { s.advance("tax", 1) }})
		var applied []int32
		sheet, err := st.Join(s.ctx, s.instance("shop", "2.0.0"), func(sheet muster.Sheet) muster.Ack {
			applied = append(applied, sheet.Revision)
			return current(sheet)
		})
		s.ok(err)
		s.same("applied", applied, []int32{sheet.Revision - 1, sheet.Revision})
		s.same("stage", sheet.Features["tax"].Stage, muster.Accept)
	}},
	{"a lost reply registers once", func(s *scene) { // case 3
		bothFates(s, func(fate string, lose func(store.Tree) *store.Store) {
			service := map[string]string{"applied": "shop", "not applied": "cart"}[fate]
			st, tree, _ := s.session()
			_, _, err := st.WatchSheet(s.ctx, service) // makes the service
			s.ok(err)
			inst := s.instance(service, "1.0.0")
			_, err = lose(tree).Join(s.ctx, inst, current)
			s.ok(err)
			s.same(fate, s.only(service).Instance, inst)
			s.same(fate, s.get(s.path("services", service, "roster")).Stat.Version, 1)
		})
	}},
	{"a restart under the same name is another instance", func(s *scene) { // case 4
		old, young := s.instance("shop", "1.0.0"), s.instance("shop", "2.0.0")
		_, _, expire := s.join(old)
		s.join(young)
		s.same("members", len(s.members("shop")), 2)
		expire()
		for _, m := range s.members("shop") {
			s.same(m.Instance.Entry(), m.Live, m.Instance.Equal(young))
		}
	}},
	{"who has vanished was born with an ack", func(s *scene) { // G1
		tree, expire := s.Open(s)
		_, err := s.as(tree).Join(s.ctx, s.instance("shop", "1.0.0"), func(sheet muster.Sheet) muster.Ack {
			return muster.Ack{Revision: sheet.Revision - 1, Applied: sheet.Revision, Draining: 1}
		})
		s.ok(err)
		s.same("while it is live", s.only("shop").Born, 0)
		expire()
		s.same("afterwards", s.only("shop").Born, -1)
		s.command("tax", muster.ActionApply, "shop")
		s.advance("tax", 1)
		inst := s.instance("cart", "1.0.0")
		_, _, expire = s.join(inst)
		expire()
		s.same("with the sheet", s.only("cart").Born, 0)
	}},
	{"an instance returns after its session has ended", func(s *scene) {
		inst := s.instance("shop", "1.0.0")
		_, _, expire := s.join(inst)
		expire()
		gone := s.only("shop")
		s.same("live", gone.Live, false)
		s.join(inst)
		back := s.only("shop")
		s.same("live", back.Live, true)
		version, err := s.MemberVersion(s.ctx, "shop", inst.Entry())
		s.ok(err)
		s.same("version", version, gone.Version+1)
	}},
	{"an instance returns before its former session has ended", func(s *scene) {
		inst := s.instance("shop", "1.0.0")
		_, _, expire := s.join(inst)
		_, tree, _ := s.join(inst)
		expire()
		s.same("live", s.only("shop").Live, true)
		owner := s.get(s.path("services", "shop", "live", inst.Entry())).Stat.EphemeralOwner
		s.same("owner", owner, tree.ID())
	}},
	{"who has left the past behind does not go back", func(s *scene) { // case 30
		st, _, _ := s.session()
		_, err := st.Join(s.ctx, s.instance("shop", "1.0.0"), func(muster.Sheet) muster.Ack {
			return muster.Ack{Revision: 7, Applied: 7}
		})
		s.is(err, muster.ErrConflict)
		s.same("members", len(s.members("shop")), 0)
	}},
	{"an ack needs a live entry", func(s *scene) {
		inst := s.instance("shop", "1.0.0")
		st, _, _ := s.session()
		s.is(st.Ack(s.ctx, inst, muster.Ack{}), store.ErrNotMember)
		_, err := st.Join(s.ctx, inst, current)
		s.ok(err)
		ack := muster.Ack{Revision: 3, Applied: 4, Draining: 2, Oldest: now}
		s.ok(st.Ack(s.ctx, inst, ack))
		s.same("ack", s.only("shop").Ack, ack)
	}},
	{"an instance with a bad name is not let near", func(s *scene) {
		inst := s.instance("shop", "1.0.0")
		inst.ID = "a/b"
		_, err := s.Join(s.ctx, inst, current)
		var invalid *muster.InvalidError
		if !errors.As(err, &invalid) {
			s.Fatalf("got error %v, want what is invalid", err)
		}
	}},
	{"a sheet's watch tells of its next change", func(s *scene) {
		st, _, _ := s.session()
		sheet, changed, err := st.WatchSheet(s.ctx, "shop")
		s.ok(err)
		s.same("revision", sheet.Revision, 0)
		s.command("tax", muster.ActionApply, "shop")
		s.advance("tax", 1)
		s.await("sheet", changed)
		sheet, _, err = st.WatchSheet(s.ctx, "shop")
		s.ok(err)
		s.same("features", sheet.Keys(), []string{"tax"})
	}},
	{"who gives up is heard", func(s *scene) {
		ctx, cancel := context.WithCancel(s.ctx)
		cancel()
		if _, err := s.Join(ctx, s.instance("shop", "1.0.0"), current); !errors.Is(err, context.Canceled) && !errors.Is(err, zoo.ErrNotSent) {
			s.Fatalf("got error %v", err)
		}
	}},
}

// closeGate brings feature tax of service shop to accept, with one member.
func closeGate(s *scene) {
	s.Helper()
	s.command("tax", muster.ActionApply, "shop")
	s.join(s.instance("shop", "2.0.0"))
	s.command("tax", muster.ActionActivate)
	s.advance("tax", 2)
	s.same("stage", s.stage("tax"), muster.Accept)
}
