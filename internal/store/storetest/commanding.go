package storetest

import (
	"errors"
	"strings"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/internal/plan"
	"github.com/musterhq/muster/internal/store"
)

var commanding = []test{
	{"apply makes a feature and its first spec", func(s *scene) {
		s.command("tax", muster.ActionApply, "shop")
		node, err := s.Feature(s.ctx, "tax")
		s.ok(err)
		s.same("status", []any{node.Status.Stage, node.Status.Spec, node.Status.DesiredSpec, node.Problem}, []any{muster.Off, 0, 1, ""})
		want := *spec("tax", "shop")
		want.Revision = 1
		s.same("spec", *node.Next, want)
	}},
	{"what is so already writes nothing", func(s *scene) {
		s.command("tax", muster.ActionApply, "shop")
		cmd := s.cmd(muster.ActionApply)
		cmd.Spec = spec("tax", "shop")
		_, changed, err := s.Command(s.ctx, s.node, "tax", cmd)
		s.ok(err)
		s.same("changed", changed, false)
		s.same("records", len(s.records(store.HistoryQuery{})), 1)
	}},
	{"a request is carried out once", func(s *scene) { // G5
		s.command("tax", muster.ActionApply, "shop")
		on, off := s.cmd(muster.ActionActivate), s.cmd(muster.ActionDeactivate)
		on.Request, off.Request = "one", "two"
		for n, cmd := range []plan.Command{on, off, on} {
			_, changed, err := s.Command(s.ctx, s.node, "tax", cmd)
			s.ok(err)
			s.same("changed", changed, n < 2)
		}
		node, err := s.Feature(s.ctx, "tax")
		s.ok(err)
		s.same("desired", node.Status.Desired, muster.Off)
	}},
	{"a lost reply is settled", func(s *scene) { // case 12
		bothFates(s, func(fate string, lose func(store.Tree) *store.Store) {
			key := strings.ReplaceAll(fate, " ", "-")
			st := lose(s.tree)
			cmd := s.cmd(muster.ActionApply)
			cmd.Spec = spec(key, "shop")
			_, changed, err := st.Command(s.ctx, s.node, key, cmd)
			s.ok(err)
			s.same(fate, changed, true)
			status, changed, err := lose(s.tree).Command(s.ctx, s.node, key, s.cmd(muster.ActionActivate))
			s.ok(err)
			s.same(fate, []any{changed, status.Desired}, []any{true, muster.On})
			s.same(fate, len(s.records(store.HistoryQuery{Feature: key})), 2) // G8
		})
	}},
	{"another command meanwhile loses neither", func(s *scene) { // G5
		s.command("tax", muster.ActionApply, "shop")
		cmd := s.cmd(muster.ActionApply)
		cmd.Spec = spec("tax", "shop", "cart")
		st := s.as(&raced{Tree: s.tree, happens: func() { s.command("tax", muster.ActionActivate) }})
		status, changed, err := st.Command(s.ctx, s.node, "tax", cmd)
		s.ok(err)
		s.same("status", []any{changed, status.Desired, status.DesiredSpec}, []any{true, muster.On, 2})
	}},
	{"two who make the same feature make it once", func(s *scene) {
		cmd := s.cmd(muster.ActionApply)
		cmd.Spec = spec("tax", "cart")
		st := s.as(&raced{Tree: s.tree, happens: func() { s.command("tax", muster.ActionApply, "shop") }})
		status, _, err := st.Command(s.ctx, s.node, "tax", cmd)
		s.ok(err)
		s.same("spec", status.DesiredSpec, 2)
	}},
	{"an agent that is deposed may not", func(s *scene) { // G5
		st, _, _ := s.session()
		s.expire()
		cmd := s.cmd(muster.ActionApply)
		cmd.Spec = spec("tax", "shop")
		_, _, err := st.Command(s.ctx, s.node, "tax", cmd)
		s.is(err, store.ErrDeposed)
		_, err = st.Feature(s.ctx, "tax")
		s.is(err, muster.ErrNotFound)
	}},
	{"an unknown feature and a bad name are told apart", func(s *scene) {
		_, _, err := s.Command(s.ctx, s.node, "tax", s.cmd(muster.ActionActivate))
		s.is(err, muster.ErrNotFound)
		var invalid *muster.InvalidError
		if _, _, err := s.Command(s.ctx, s.node, "a/b", s.cmd(muster.ActionActivate)); !errors.As(err, &invalid) {
			s.Fatalf("got error %v, want what is invalid", err)
		}
		_, err = s.Feature(s.ctx, "a/b")
		s.is(err, muster.ErrNotFound)
	}},
	{"a spec that is too large changes nothing", func(s *scene) { // case 34
		cmd := s.cmd(muster.ActionApply)
		cmd.Spec = spec("tax", "shop")
		cmd.Spec.Description = strings.Repeat("x", muster.MaxSpecSize)
		var invalid *muster.InvalidError
		if _, _, err := s.Command(s.ctx, s.node, "tax", cmd); !errors.As(err, &invalid) {
			s.Fatalf("got error %v, want what is invalid", err)
		}
		_, err := s.Feature(s.ctx, "tax")
		s.is(err, muster.ErrNotFound)
	}},
	{"a removed feature leaves a tombstone, and its counts go on", func(s *scene) {
		s.command("tax", muster.ActionApply, "shop")
		s.advance("tax", 1)
		s.command("tax", muster.ActionDelete)
		s.advance("tax", 1)
		gone := s.get(s.path("features", "tax"))
		node, err := s.Feature(s.ctx, "tax")
		s.ok(err)
		s.same("deleted", node.Status.Deleted, true)
		s.same("sheet", len(s.state("tax").Services), 0)
		_, _, err = s.Command(s.ctx, s.node, "tax", s.cmd(muster.ActionActivate))
		s.is(err, muster.ErrNotFound)

		status := s.command("tax", muster.ActionApply, "shop")
		s.same("spec", status.DesiredSpec, 2)
		back := s.get(s.path("features", "tax"))
		s.same("the same node", back.Stat.Czxid, gone.Stat.Czxid)
		s.same("its version", back.Stat.Version, gone.Stat.Version+1)
		s.advance("tax", 1)
		s.same("revision", s.state("tax").Services["shop"].Sheet.Features["tax"].Spec, 2)
	}},
}
