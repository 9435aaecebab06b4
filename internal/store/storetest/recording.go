package storetest

import (
	"slices"
	"time"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/internal/store"
)

var recording = []test{
	{"records come newest first, in pages", func(s *scene) {
		toggle(s, 5)
		all := s.records(store.HistoryQuery{})
		s.same("records", len(all), 6)
		s.same("newest", all[0].Action, muster.ActionActivate)
		s.same("sorted", slices.IsSortedFunc(all, func(a, b muster.Record) int { return -compare(a.ID, b.ID) }), true)
		first := s.records(store.HistoryQuery{Limit: 4})
		rest := s.records(store.HistoryQuery{Limit: 4, Before: first[3].ID})
		s.same("pages", append(first, rest...), all)
	}},
	{"records are found by feature, service and time", func(s *scene) {
		s.command("tax", muster.ActionApply, "shop")
		s.command("dark", muster.ActionApply, "cart")
		s.advance("dark", 1)
		s.same("of tax", len(s.records(store.HistoryQuery{Feature: "tax"})), 1)
		s.same("of dark", len(s.records(store.HistoryQuery{Feature: "dark"})), 2)
		s.same("judged on cart", len(s.records(store.HistoryQuery{Service: "cart"})), 1)
		s.same("before", len(s.records(store.HistoryQuery{Until: now})), 0)
		s.same("since", len(s.records(store.HistoryQuery{Since: now})), 3)
		s.same("later", len(s.records(store.HistoryQuery{Since: now.Add(3 * time.Hour)})), 0)
	}},
	{"the history is bounded, and old specs are collected", func(s *scene) {
		s.command("tax", muster.ActionApply, "shop")
		s.command("tax", muster.ActionApply, "shop", "cart")
		s.command("tax", muster.ActionApply, "shop", "mail")
		s.advance("tax", 1)
		all := s.records(store.HistoryQuery{})
		s.ok(s.Trim(s.ctx, s.node, 2))
		s.same("records", s.records(store.HistoryQuery{}), all[:2])
		specs, _, err := s.tree.Children(s.ctx, s.path("features", "tax", "specs"))
		s.ok(err)
		s.same("specs", specs, []string{"3"})
		s.ok(s.Trim(s.ctx, s.node, 2))
		node, err := s.Feature(s.ctx, "tax")
		s.ok(err)
		s.same("problem", node.Problem, "")
	}},
	{"an agent that is deposed cannot trim", func(s *scene) { // G5
		toggle(s, 3)
		st, _, _ := s.session()
		s.expire()
		s.is(st.Trim(s.ctx, s.node, 1), store.ErrDeposed)
	}},
}

// toggle makes a feature and changes so often what is wanted of it.
func toggle(s *scene, times int) {
	s.Helper()
	s.command("tax", muster.ActionApply, "shop")
	for n := range times {
		s.command("tax", []muster.Action{muster.ActionActivate, muster.ActionDeactivate}[n%2])
	}
}

func compare(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}
