package storetest

import (
	"context"
	"errors"
	"strings"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/internal/plan"
	"github.com/musterhq/muster/internal/store"
	"github.com/musterhq/muster/internal/zoo"
)

var needing = []test{
	{"a prerequisite goes off just before its dependent is to go on", func(s *scene) { // case 16
		pair(s)
		s.command("tax", muster.ActionActivate)
		st := s.meanwhile(func() { s.command("tax", muster.ActionDeactivate) })
		s.forbidden(st, "dark", s.cmd(muster.ActionActivate), "its prerequisite tax is not wanted on", "muster activate tax")
		s.same("wanted", s.wanted("tax", "dark"), []muster.Stage{muster.Off, muster.Off})
	}},
	{"a dependent is to go on just before its prerequisite goes off", func(s *scene) { // case 16
		pair(s)
		s.command("tax", muster.ActionActivate)
		st := s.meanwhile(func() { s.command("dark", muster.ActionActivate) })
		s.forbidden(st, "tax", s.cmd(muster.ActionDeactivate), "it is a prerequisite of dark", "muster deactivate dark")
		s.same("wanted", s.wanted("tax", "dark"), []muster.Stage{muster.On, muster.On})
	}},
	{"a feature is to need what goes off just then", func(s *scene) {
		s.command("tax", muster.ActionApply, "shop")
		s.command("dark", muster.ActionApply, "shop")
		s.command("tax", muster.ActionActivate)
		s.command("dark", muster.ActionActivate)
		st := s.meanwhile(func() { s.command("tax", muster.ActionDeactivate) })
		s.forbidden(st, "dark", s.applying("dark", "tax"), "its prerequisite tax is not wanted on", "muster activate tax")

		s.command("tax", muster.ActionActivate)
		st = s.meanwhile(func() { s.apply("dark", "tax") })
		s.forbidden(st, "tax", s.cmd(muster.ActionDeactivate), "it is a prerequisite of dark", "muster deactivate dark")
	}},
	{"a feature is to need what is deleted just then", func(s *scene) {
		s.command("tax", muster.ActionApply, "shop")
		s.advance("tax", 1)
		st := s.meanwhile(func() { s.apply("dark", "tax") })
		s.forbidden(st, "tax", s.cmd(muster.ActionDelete), "it is a prerequisite of dark", "muster feature delete dark")

		s.apply("dark")
		s.advance("dark", 1)
		st = s.meanwhile(func() { s.command("tax", muster.ActionDelete) })
		s.invalid(st, "dark", s.applying("dark", "tax"), `prerequisites "tax" is being deleted`)
	}},
	{"a prerequisite is killed just before its dependent leaves off", func(s *scene) {
		up(s)
		m := s.next("dark")
		s.command("tax", muster.ActionKill)
		err := s.Commit(s.ctx, s.node, m)
		var stale *store.StaleError
		if !errors.As(err, &stale) || stale.Roster || stale.Path != s.path("features", "tax") {
			s.Fatalf("got error %v, want a stale prerequisite", err)
		}
		s.same("stage", s.stage("dark"), muster.Off)
	}},
	{"a killed prerequisite takes down what needs it, and it is recorded", func(s *scene) { // G8
		up(s)
		s.advance("dark", 1)
		s.command("tax", muster.ActionKill)
		m := s.next("dark")
		s.ok(s.Commit(s.ctx, s.node, m))
		s.same("wanted", s.wanted("tax", "dark"), []muster.Stage{muster.Off, muster.Off})
		rec := s.records(store.HistoryQuery{Feature: "dark"})[0]
		s.same("record", []any{rec.Action, rec.By, rec.Why},
			[]any{muster.ActionRollBack, "agent/agent", "its prerequisite tax is not wanted on, by operator"})
		s.forbidden(s.Store, "dark", s.cmd(muster.ActionActivate), "its prerequisite tax is not wanted on", "muster activate tax")
	}},
	{"a prerequisite that was killed and is wanted again takes nothing down", func(s *scene) {
		up(s)
		s.advance("dark", 1)
		s.command("tax", muster.ActionKill)
		m := s.next("dark")
		s.command("tax", muster.ActionActivate)
		s.is(s.Commit(s.ctx, s.node, m), muster.ErrConflict)
		s.same("wanted", s.wanted("tax", "dark"), []muster.Stage{muster.On, muster.On})
	}},
	{"two applies that contradict each other: one is in, the other is told", func(s *scene) { // case 9
		st := s.meanwhile(func() { s.apply("tax") })
		cmd := s.applying("past")
		cmd.Spec.Participants["shop"] = muster.Participant{Version: muster.MustConstraint("<2.0.0"), MinInstances: 1}
		s.invalid(st, "past", cmd, "contradicts feature tax, which needs >=2.0.0: no version of shop satisfies both")
		_, err := s.Feature(s.ctx, "past")
		s.is(err, muster.ErrNotFound)
	}},
	{"two applies that close a cycle: one is in, the other is told", func(s *scene) { // case 34
		s.apply("a")
		s.apply("b")
		s.apply("c", "b")
		st := s.meanwhile(func() { s.apply("b", "a") })
		s.invalid(st, "a", s.applying("a", "c"), "prerequisites form a cycle: a -> c -> b -> a")
		node, err := s.Feature(s.ctx, "a")
		s.ok(err)
		s.same("spec", node.Status.DesiredSpec, 1)
	}},
	{"an activation does not contend with an apply", func(s *scene) {
		pair(s)
		s.command("tax", muster.ActionActivate)
		tree := &counted{Tree: &raced{Tree: s.tree, happens: func() { s.apply("else") }}}
		_, changed, err := s.as(tree).Command(s.ctx, s.node, "dark", s.cmd(muster.ActionActivate))
		s.ok(err)
		s.same("attempts", []any{changed, tree.commits}, []any{true, 1})
	}},
}

// pair makes feature tax, and dark that needs it on, both of service shop.
func pair(s *scene) {
	s.Helper()
	s.command("tax", muster.ActionApply, "shop")
	s.apply("dark", "tax")
}

// up brings tax to on, and dark that needs it to where its next move is to
// accept.
func up(s *scene) {
	s.Helper()
	pair(s)
	s.advance("tax", 1)
	s.advance("dark", 1)
	inst := s.instance("shop", "2.0.0")
	st, _, _ := s.join(inst)
	s.command("tax", muster.ActionActivate)
	s.command("dark", muster.ActionActivate)
	s.same("waits for", plan.Next(s.state("dark")).Waiting[0].Reason, muster.ReasonPrerequisite)
	s.advance("tax", 1)
	s.ok(st.Ack(s.ctx, inst, current(s.state("tax").Services["shop"].Sheet)))
	s.advance("tax", 1)
	s.same("tax", s.stage("tax"), muster.On)
}

// applying is an apply of a feature of service shop.
func (s *scene) applying(key string, prerequisites ...string) plan.Command {
	cmd := s.cmd(muster.ActionApply)
	cmd.Spec = spec(key, "shop")
	cmd.Spec.Prerequisites = prerequisites
	return cmd
}

func (s *scene) apply(key string, prerequisites ...string) {
	s.Helper()
	_, _, err := s.Command(s.ctx, s.node, key, s.applying(key, prerequisites...))
	s.ok(err)
}

// meanwhile returns a store through which something else happens just before
// the first transaction: what another agent does.
func (s *scene) meanwhile(happens func()) *store.Store {
	return s.as(&raced{Tree: s.tree, happens: happens})
}

// wanted returns what is wanted of features.
func (s *scene) wanted(keys ...string) []muster.Stage {
	s.Helper()
	var desired []muster.Stage
	for _, key := range keys {
		node, err := s.Feature(s.ctx, key)
		s.ok(err)
		desired = append(desired, node.Status.Desired)
	}
	return desired
}

// forbidden gives a command that must be refused, and say all of that.
func (s *scene) forbidden(st *store.Store, key string, cmd plan.Command, says ...string) {
	s.Helper()
	_, _, err := st.Command(s.ctx, s.node, key, cmd)
	s.is(err, muster.ErrFailedPrecondition)
	for _, part := range says {
		if !strings.Contains(err.Error(), part) {
			s.Errorf("%v does not say %q", err, part)
		}
	}
}

// invalid gives a command that must be refused for what it says.
func (s *scene) invalid(st *store.Store, key string, cmd plan.Command, says string) {
	s.Helper()
	_, _, err := st.Command(s.ctx, s.node, key, cmd)
	var invalid *muster.InvalidError
	if !errors.As(err, &invalid) || !strings.Contains(err.Error(), says) {
		s.Fatalf("got error %v, want one that says %q", err, says)
	}
}

// counted is a session that counts commits.
type counted struct {
	store.Tree
	commits int
}

func (c *counted) Commit(ctx context.Context, txn zoo.Txn) ([]zoo.Result, error) {
	c.commits++
	return c.Tree.Commit(ctx, txn)
}
