package storetest

import (
	"strings"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/internal/store"
)

var loading = []test{
	{"a service is read in the order on which safety rests", func(s *scene) { // G1, G3
		s.join(s.instance("shop", "1.0.0"))
		tree := &observed{Tree: s.tree}
		_, err := s.as(tree).Service(s.ctx, "shop", nil)
		s.ok(err)
		shop := s.path("services", "shop")
		var structure []string
		for _, path := range tree.reads() {
			if !strings.Contains(path, "~") {
				structure = append(structure, strings.TrimPrefix(path, shop))
			}
		}
		s.same("order", structure, []string{"", "/roster", "/members", "/live", "/knocks"})
	}},
	{"a service that is not there is none", func(s *scene) {
		svc, err := s.Service(s.ctx, "shop", nil)
		s.ok(err)
		s.same("service", []any{svc.Sheet.Revision, svc.Roster, len(svc.Members), svc.Problem}, []any{-1, -1, 0, ""})
	}},
	{"bodies are read once, and again where they have changed", func(s *scene) {
		one, two := s.instance("shop", "1.0.0"), s.instance("shop", "1.0.0")
		st, _, _ := s.join(one)
		s.join(two)
		tree := &observed{Tree: s.tree}
		woken := make(chan struct{}, 1)
		bodies := store.NewBodies(func() {
			select {
			case woken <- struct{}{}:
			default:
			}
		})
		agent := s.as(tree)
		load := func() muster.Service {
			s.ok(s.tree.Sync(s.ctx, s.Root))
			tree.reads()
			svc, err := agent.Service(s.ctx, "shop", bodies)
			s.ok(err)
			return svc
		}
		load()
		s.same("first", entries(tree.reads()), 4)
		load()
		s.same("second", entries(tree.reads()), 0)
		s.ok(st.Ack(s.ctx, one, muster.Ack{Revision: 5, Applied: 5}))
		s.await("ack", woken)
		svc := load()
		s.same("after an ack", entries(tree.reads()), 1)
		for _, m := range svc.Members {
			s.same(m.Instance.Entry(), m.Ack.Revision == 5, m.Instance.Equal(one))
		}
	}},
	{"whatever changes in a service wakes", func(s *scene) {
		inst := s.instance("shop", "2.0.0")
		s.command("tax", muster.ActionApply, "shop")
		woken := make(chan struct{}, 1)
		bodies := store.NewBodies(func() {
			select {
			case woken <- struct{}{}:
			default:
			}
		})
		st, _, expire := s.session()
		for _, change := range []struct {
			what string
			make func()
		}{
			{"sheet", func() { s.advance("tax", 1) }},
			{"join", func() { _, err := st.Join(s.ctx, inst, current); s.ok(err) }},
			{"ack", func() { s.ok(st.Ack(s.ctx, inst, muster.Ack{Revision: 9, Applied: 9})) }},
			{"knock", func() { s.ok(st.Knock(s.ctx, s.instance("shop", "1.0.0"), nil, now)) }},
			{"vanish", expire},
			{"reap", func() { m := s.only("shop"); s.ok(s.Reap(s.ctx, s.node, "shop", m, s.removal(m))) }},
		} {
			s.ok(s.tree.Sync(s.ctx, s.Root))
			_, err := s.Service(s.ctx, "shop", bodies)
			s.ok(err)
			select {
			case <-woken: // by what came before
			default:
			}
			change.make()
			s.await(change.what, woken)
		}
	}},
	{"an absence is never older than the version that tells it", func(s *scene) {
		inst := s.instance("shop", "1.0.0")
		_, _, expire := s.join(inst)
		bodies := store.NewBodies(nil)
		_, err := s.Service(s.ctx, "shop", bodies)
		s.ok(err)
		expire()
		_, _, expire = s.join(inst) // it returns, and vanishes again
		expire()
		s.ok(s.tree.Sync(s.ctx, s.Root))
		svc, err := s.Service(s.ctx, "shop", bodies)
		s.ok(err)
		s.same("member", []any{svc.Members[0].Live, svc.Members[0].Version}, []any{false, 1})
	}},
	{"members are sorted by their ids", func(s *scene) {
		for _, id := range []string{"host-2", "host-10", "host-1"} {
			inst := s.instance("shop", "1.0.0")
			inst.ID = id
			s.join(inst)
		}
		var ids []string
		for _, m := range s.members("shop") {
			ids = append(ids, m.Instance.ID)
		}
		s.same("ids", ids, []string{"host-1", "host-10", "host-2"})
	}},
	{"a feature's watch tells of its next change", func(s *scene) {
		s.command("tax", muster.ActionApply, "shop")
		node, changed, err := s.WatchFeature(s.ctx, "tax")
		s.ok(err)
		s.command("tax", muster.ActionActivate)
		s.await("feature", changed)
		again, err := s.Feature(s.ctx, "tax")
		s.ok(err)
		s.same("version", again.Version, node.Version+1)
		s.same("the spec is read once", again.Next == node.Next, true)
	}},
}

// entries counts the reads of members, acks and knocks.
func entries(paths []string) int {
	n := 0
	for _, path := range paths {
		if strings.Contains(path, "~") {
			n++
		}
	}
	return n
}
