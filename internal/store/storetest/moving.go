package storetest

import (
	"errors"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/internal/plan"
	"github.com/musterhq/muster/internal/store"
	"github.com/musterhq/muster/internal/zoo"
)

var moving = []test{
	{"a feature goes on, and off again, as its members ack", func(s *scene) {
		inst := s.instance("shop", "2.0.0")
		st, _, _ := s.join(inst)
		s.command("tax", muster.ActionApply, "shop")
		s.advance("tax", 1)
		s.command("tax", muster.ActionActivate)
		s.advance("tax", 1)
		s.same("stage", s.stage("tax"), muster.Accept)
		step := plan.Next(s.state("tax"))
		s.same("waits for", step.Waiting[0].Reason, muster.ReasonNotAcked)
		s.ok(st.Ack(s.ctx, inst, current(s.state("tax").Services["shop"].Sheet)))
		s.advance("tax", 1)
		s.same("stage", s.stage("tax"), muster.On)

		s.command("tax", muster.ActionKill)
		s.advance("tax", 1)
		s.ok(st.Ack(s.ctx, inst, current(s.state("tax").Services["shop"].Sheet)))
		s.advance("tax", 1)
		s.ok(st.Ack(s.ctx, inst, current(s.state("tax").Services["shop"].Sheet)))
		s.advance("tax", 1)
		node, err := s.Feature(s.ctx, "tax")
		s.ok(err)
		s.same("settled", node.Status.Settled(), true)
		// G8: apply, adopt, activate, accept, on, kill, accept, off, gate.
		s.same("records", len(s.records(store.HistoryQuery{Feature: "tax"})), 9)
	}},
	{"a move makes the services that are missing", func(s *scene) {
		s.command("tax", muster.ActionApply, "shop", "cart")
		s.advance("tax", 1)
		services, err := s.Services(s.ctx)
		s.ok(err)
		s.same("services", services, []string{"cart", "shop"})
		svc := s.state("tax").Services["cart"]
		s.same("cart", []any{svc.Problem, svc.Roster, svc.Sheet.Revision, svc.Sheet.Features["tax"].Since}, []any{"", 0, 0, 0})
		s.join(s.instance("cart", "1.0.0"))
		s.only("cart")
	}},
	{"a registration meanwhile fails the move", func(s *scene) { // G1, case 1
		ready(s)
		m := s.next("tax")
		s.join(s.instance("shop", "1.0.0"))
		err := s.Commit(s.ctx, s.node, m)
		var stale *store.StaleError
		if !errors.As(err, &stale) || !stale.Roster {
			s.Fatalf("got error %v, want a stale roster", err)
		}
		s.is(err, muster.ErrConflict)
		step := plan.Next(s.state("tax"))
		s.same("waits for", step.Waiting[0].Reason, muster.ReasonOldVersion)
	}},
	{"what has changed meanwhile fails the move", func(s *scene) { // G5, case 13
		ready(s)
		m := s.next("tax")
		s.ok(s.Commit(s.ctx, s.node, m))
		err := s.Commit(s.ctx, s.node, m) // another who believes to lead
		var stale *store.StaleError
		if !errors.As(err, &stale) || stale.Roster {
			s.Fatalf("got error %v, want something stale that is no roster", err)
		}
		m = s.next2("tax", muster.ActionDeactivate)
		s.command("tax", muster.ActionActivate)
		if err := s.Commit(s.ctx, s.node, m); !errors.As(err, &stale) {
			s.Fatalf("got error %v, want a stale status", err)
		}
		s.same("path", stale.Path, s.path("features", "tax"))
	}},
	{"two features of one service both come in", func(s *scene) { // case 8
		s.command("tax", muster.ActionApply, "shop")
		s.command("dark", muster.ActionApply, "shop")
		tax, dark := s.next("tax"), s.next("dark")
		s.ok(s.Commit(s.ctx, s.node, tax))
		s.is(s.Commit(s.ctx, s.node, dark), muster.ErrConflict)
		s.ok(s.Commit(s.ctx, s.node, s.next("dark")))
		s.same("sheet", s.state("tax").Services["shop"].Sheet.Keys(), []string{"dark", "tax"})
	}},
	{"an agent that is deposed cannot move", func(s *scene) { // G5
		ready(s)
		m := s.next("tax")
		st, tree, _ := s.session()
		s.expire()
		s.is(st.Commit(s.ctx, s.node, m), store.ErrDeposed)
		s.ok(tree.Sync(s.ctx, s.Root))
		node, err := st.Feature(s.ctx, "tax")
		s.ok(err)
		s.same("stage", node.Status.Stage, muster.Off)
	}},
	{"a lost reply is told, and planning anew settles it", func(s *scene) { // case 12
		bothFates(s, func(fate string, lose func(store.Tree) *store.Store) {
			key := map[string]string{"applied": "tax", "not applied": "dark"}[fate]
			s.command(key, muster.ActionApply, key+"-shop")
			m := s.next(key)
			s.is(lose(s.tree).Commit(s.ctx, s.node, m), zoo.ErrUnknown)
			if step := plan.Next(s.state(key)); step.Move != nil {
				s.ok(s.Commit(s.ctx, s.node, *step.Move))
			}
			s.same(fate, len(s.records(store.HistoryQuery{Feature: key})), 2) // apply, adopt
		})
	}},
	{"a roster that was never read is not checked in vain", func(s *scene) {
		ready(s)
		m := s.next("tax")
		m.Rosters["shop"] = -1 // would match any
		s.is(s.Commit(s.ctx, s.node, m), muster.ErrConflict)
		s.same("stage", s.stage("tax"), muster.Off)
	}},
}

// ready brings feature tax of service shop to where its next move is to accept.
func ready(s *scene) {
	s.Helper()
	s.command("tax", muster.ActionApply, "shop")
	s.advance("tax", 1)
	s.join(s.instance("shop", "2.0.0"))
	s.command("tax", muster.ActionActivate)
}

// next2 decides the move that follows a command.
func (s *scene) next2(key string, action muster.Action) plan.Move {
	s.Helper()
	s.command(key, action)
	s.ackAll("shop")
	return s.next(key)
}

// ackAll has the one member of a service ack its sheet, as a hand would.
func (s *scene) ackAll(service string) {
	s.Helper()
	s.ok(s.Ack(s.ctx, s.only(service).Instance, current(s.state("tax").Services[service].Sheet)))
}
