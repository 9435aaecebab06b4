package storetest

import (
	"github.com/musterhq/muster"
	"github.com/musterhq/muster/internal/store"
)

var reaping = []test{
	{"a vanished member is removed, with a record", func(s *scene) {
		inst, m := vanished(s)
		s.ok(s.Reap(s.ctx, s.node, "shop", m, s.removal(m)))
		s.same("members", len(s.members("shop")), 0)
		records := s.records(store.HistoryQuery{Service: "shop"})
		s.same("records", []any{len(records), records[0].Action, records[0].Instance}, []any{1, muster.ActionReap, inst.ID})
		_, err := s.MemberVersion(s.ctx, "shop", inst.Entry())
		s.is(err, muster.ErrNotFound)
	}},
	{"one that has returned is not", func(s *scene) {
		inst, m := vanished(s)
		_, _, expire := s.join(inst)
		s.is(s.Reap(s.ctx, s.node, "shop", m, s.removal(m)), muster.ErrConflict)
		expire() // it vanishes again: its quarantine begins anew
		s.is(s.Reap(s.ctx, s.node, "shop", m, s.removal(m)), muster.ErrConflict)
		s.ok(s.Reap(s.ctx, s.node, "shop", s.only("shop"), s.removal(m)))
	}},
	{"one that returns while it is reaped joins anew", func(s *scene) {
		inst, m := vanished(s)
		tree, _ := s.Open(s)
		st := s.as(&raced{Tree: tree, happens: func() { s.ok(s.Reap(s.ctx, s.node, "shop", m, s.removal(m))) }})
		_, err := st.Join(s.ctx, inst, current)
		s.ok(err)
		back := s.only("shop")
		s.same("live", []any{back.Live, back.Instance.Entry()}, []any{true, inst.Entry()})
	}},
	{"an agent that is deposed cannot reap", func(s *scene) { // G5
		_, m := vanished(s)
		st, tree, _ := s.session()
		s.expire()
		s.is(st.Reap(s.ctx, s.node, "shop", m, s.removal(m)), store.ErrDeposed)
		s.ok(tree.Sync(s.ctx, s.Root))
		svc, err := st.Service(s.ctx, "shop", nil)
		s.ok(err)
		s.same("members", len(svc.Members), 1)
	}},
	{"a live instance is not decommissioned", func(s *scene) {
		inst := s.instance("shop", "1.0.0")
		_, _, expire := s.join(inst)
		m := s.only("shop")
		s.is(s.Decommission(s.ctx, s.node, "shop", m, s.removal(m)), muster.ErrFailedPrecondition)
		expire()
		m = s.only("shop")
		s.ok(s.Decommission(s.ctx, s.node, "shop", m, s.removal(m)))
		s.same("members", len(s.members("shop")), 0)
	}},
}

// vanished returns a member that is not live any more.
func vanished(s *scene) (muster.Instance, muster.Member) {
	s.Helper()
	inst := s.instance("shop", "1.0.0")
	_, _, expire := s.join(inst)
	expire()
	m := s.only("shop")
	s.same("live", m.Live, false)
	return inst, m
}

// removal tells of a member that is removed.
func (s *scene) removal(m muster.Member) muster.Record {
	return muster.Record{
		Time: now, Action: muster.ActionReap, Service: m.Instance.Service, Instance: m.Instance.ID, By: "agent/agent", Operation: s.operation(),
	}
}
