package storetest

import (
	"github.com/musterhq/muster"
	"github.com/musterhq/muster/internal/store"
)

var leaving = []test{
	{"who leaves is gone at once, and counts in the roster", func(s *scene) {
		inst := s.instance("shop", "1.0.0")
		st, _, _ := s.join(inst)
		before := s.get(s.path("services", "shop", "roster")).Stat.Version
		s.ok(st.Leave(s.ctx, inst))
		s.same("members", len(s.members("shop")), 0)
		s.same("roster", s.get(s.path("services", "shop", "roster")).Stat.Version, before+1)
		s.ok(st.Leave(s.ctx, inst)) // again
		s.is(st.Ack(s.ctx, inst, muster.Ack{}), store.ErrNotMember)
	}},
	{"who never came may leave", func(s *scene) {
		s.ok(s.Leave(s.ctx, s.instance("shop", "1.0.0")))
	}},
	{"a lost reply leaves once", func(s *scene) {
		bothFates(s, func(fate string, lose func(store.Tree) *store.Store) {
			inst := s.instance("shop", "1.0.0")
			_, tree, _ := s.join(inst)
			s.ok(lose(tree).Leave(s.ctx, inst))
			s.same(fate, len(s.members("shop")), 0)
		})
	}},
	{"who left and is reaped at the same time is gone", func(s *scene) {
		inst := s.instance("shop", "1.0.0")
		_, _, expire := s.join(inst)
		expire()
		m := s.only("shop")
		tree, _ := s.Open(s)
		st := s.as(&raced{Tree: tree, happens: func() { s.ok(s.Reap(s.ctx, s.node, "shop", m, s.removal(m))) }})
		s.ok(st.Leave(s.ctx, inst))
		s.same("members", len(s.members("shop")), 0)
	}},
	{"a knock stands until its instance joins", func(s *scene) {
		st, _, _ := s.session()
		inst := s.instance("shop", "1.0.0")
		refusals := []muster.Refusal{{Feature: "tax", Stage: muster.On, Constraint: muster.MustConstraint(">=2.0.0"), Version: "1.0.0"}}
		s.ok(st.Knock(s.ctx, inst, refusals, now))
		s.ok(st.Knock(s.ctx, inst, refusals, now))
		s.same("knocks", s.knocks("shop"), []muster.Knock{{Instance: inst, Refusals: refusals, Since: now}})
		_, err := st.Join(s.ctx, inst, current)
		s.ok(err)
		s.same("knocks", len(s.knocks("shop")), 0)
	}},
	{"a knock goes with its session, and with a leave", func(s *scene) {
		one, _, expire := s.session()
		two, _, _ := s.session()
		inst, other := s.instance("shop", "1.0.0"), s.instance("shop", "1.0.0")
		s.ok(one.Knock(s.ctx, inst, nil, now))
		s.ok(two.Knock(s.ctx, other, nil, now))
		s.same("knocks", len(s.knocks("shop")), 2)
		expire()
		s.same("knocks", len(s.knocks("shop")), 1)
		s.ok(two.Leave(s.ctx, other))
		s.same("knocks", len(s.knocks("shop")), 0)
	}},
	{"a lost reply knocks once", func(s *scene) {
		bothFates(s, func(fate string, lose func(store.Tree) *store.Store) {
			service := map[string]string{"applied": "shop", "not applied": "cart"}[fate]
			st, tree, _ := s.session()
			_, _, err := st.WatchSheet(s.ctx, service)
			s.ok(err)
			s.ok(lose(tree).Knock(s.ctx, s.instance(service, "1.0.0"), nil, now))
			s.same(fate, len(s.knocks(service)), 1)
		})
	}},
}

// knocks returns who waits at a service's gate.
func (s *scene) knocks(service string) []muster.Knock {
	s.Helper()
	s.ok(s.tree.Sync(s.ctx, s.Root))
	svc, err := s.Service(s.ctx, service, nil)
	s.ok(err)
	return svc.Knocks
}
