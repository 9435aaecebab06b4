package storetest

import (
	"strings"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/internal/store"
)

var leading = []test{
	{"who enrolled first leads, and the next when it ends", func(s *scene) {
		st, tree, _ := s.session()
		second, err := st.Enroll(s.ctx, "b-n1")
		s.ok(err)
		s.ok(tree.Sync(s.ctx, s.Root))
		leader, changed, err := st.Leader(s.ctx)
		s.ok(err)
		s.same("leader", leader, s.node)
		s.same("names", []string{store.AgentName(leader), store.AgentName(second)}, []string{"agent", "b-n1"})
		all, err := st.Agents(s.ctx)
		s.ok(err)
		s.same("agents", all, []string{s.node, second})
		s.expire()
		s.await("leader", changed)
		leader, _, err = st.Leader(s.ctx)
		s.ok(err)
		s.same("leader", leader, second)
	}},
	{"without a candidate one is waited for", func(s *scene) {
		st, tree, _ := s.session()
		s.expire()
		s.ok(tree.Sync(s.ctx, s.Root))
		leader, changed, err := st.Leader(s.ctx)
		s.ok(err)
		s.same("leader", leader, "")
		node, err := st.Enroll(s.ctx, "late")
		s.ok(err)
		s.await("leader", changed)
		leader, _, err = st.Leader(s.ctx)
		s.ok(err)
		s.same("leader", leader, node)
	}},
	{"a lost reply enrolls once", func(s *scene) {
		bothFates(s, func(fate string, lose func(store.Tree) *store.Store) {
			name := strings.ReplaceAll(fate, " ", "-")
			_, tree, _ := s.session()
			node, err := lose(tree).Enroll(s.ctx, name)
			s.ok(err)
			s.ok(s.tree.Sync(s.ctx, s.Root))
			all, err := s.Agents(s.ctx)
			s.ok(err)
			var mine []string
			for _, n := range all {
				if store.AgentName(n) == name {
					mine = append(mine, n)
				}
			}
			s.same(fate, mine, []string{node})
		})
	}},
	{"the root is made once, by whoever comes first", func(s *scene) {
		st, _, _ := s.session()
		s.ok(st.Init(s.ctx))
		s.ok(s.Init(s.ctx))
	}},
	{"an instance needs no agent to have been there", func(s *scene) {
		tree, _ := s.Open(s)
		st := store.New(tree, s.Root+"/deep/below")
		_, err := st.Join(s.ctx, s.instance("shop", "1.0.0"), current)
		s.ok(err)
		services, err := st.Services(s.ctx)
		s.ok(err)
		s.same("services", services, []string{"shop"})
	}},
	{"lists tell of what is new", func(s *scene) {
		keys, changed, err := s.WatchFeatures(s.ctx)
		s.ok(err)
		s.same("features", len(keys), 0)
		_, more, err := s.WatchServices(s.ctx)
		s.ok(err)
		s.command("tax", muster.ActionApply, "shop")
		s.await("features", changed)
		s.advance("tax", 1)
		s.await("services", more)
	}},
}
