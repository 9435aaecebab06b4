package storetest

import (
	"errors"
	"strings"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/internal/plan"
	"github.com/musterhq/muster/internal/store"
	"github.com/musterhq/muster/internal/zoo"
)

// spoils are what may lie in a znode that somebody spoilt (case 35).
var spoils = []string{
	"", "x", "null", "[]", "{}", `{"format":1`, `{"format":"one"}`, `{"format":2,"feature":"tax","service":"shop"}`,
	`{"format":1,"feature":"other","service":"other"}`, `{"format":1,"stage":"sideways","features":3,"id":7,"revision":"x","instance":1,"time":1}`,
	"\xff\xfe", strings.Repeat("[", 100_000), `{"format":1,"x":"` + strings.Repeat("x", 900<<10),
	`{"format":1,"service":"shop","feature":"tax","revision":1,"id":"a\u001b[2J","action":"\u001b]0;x\u0007",` +
		`"by":"a\nb","features":{"\u009b":{}},"applied":"x","instance":{"service":"shop","id":"waits","incarnation":"abcdef","version":"\u202e"}}`,
}

// A spot is a kind of znode, and where what is wrong with it must be told.
type spot struct {
	name string
	path func(s *scene, inst muster.Instance) string
	told func(s *scene) string // what is said of it
}

var spots = []spot{
	{
		"sheet", func(s *scene, _ muster.Instance) string { return s.path("services", "shop") },
		func(s *scene) string { return s.service().Problem },
	},
	{
		"status", func(s *scene, _ muster.Instance) string { return s.path("features", "tax") },
		func(s *scene) string { return s.feature().Problem },
	},
	{
		"spec", func(s *scene, _ muster.Instance) string { return s.path("features", "tax", "specs", "1") },
		func(s *scene) string { return s.feature().Problem },
	},
	{
		"member", func(s *scene, inst muster.Instance) string {
			return s.path("services", "shop", "members", inst.Entry())
		},
		func(s *scene) string { return s.service().Members[0].Problem },
	},
	{
		"live", func(s *scene, inst muster.Instance) string { return s.path("services", "shop", "live", inst.Entry()) },
		func(s *scene) string { return s.service().Members[0].Problem },
	},
	{
		"knock", func(s *scene, _ muster.Instance) string { return s.path("services", "shop", "knocks", "waits~abcdef") },
		func(s *scene) string { return s.service().Knocks[0].Problem },
	},
	{
		"record", func(s *scene, _ muster.Instance) string { return s.path("history", "r-0000000000") },
		func(s *scene) string {
			records := s.records(store.HistoryQuery{})
			return records[len(records)-1].Why
		},
	},
}

var spoiling = append([]test{
	{"a sheet that cannot be read is not overwritten", func(s *scene) {
		ready(s)
		m := s.next("tax")
		path := s.path("services", "shop")
		s.set(path, "x")
		s.is(s.Commit(s.ctx, s.node, m), muster.ErrConflict)
		step := plan.Next(s.state("tax"))
		s.same("waits for", step.Waiting[0].Reason, muster.ReasonUnreadable)
		st, _, _ := s.session()
		_, err := st.Join(s.ctx, s.instance("shop", "2.0.0"), current)
		tells(s, err, path)
		_, changed, err := st.WatchSheet(s.ctx, "shop")
		tells(s, err, path)
		s.set(path, "y")
		s.await("sheet", changed)
		s.same("left alone", string(s.get(path).Data), "y")
	}},
	{"a status that cannot be read is not overwritten", func(s *scene) {
		s.command("tax", muster.ActionApply, "shop")
		path := s.path("features", "tax")
		s.set(path, `{"format":99}`)
		_, _, err := s.Command(s.ctx, s.node, "tax", s.cmd(muster.ActionActivate))
		tells(s, err, path)
		s.ok(s.Trim(s.ctx, s.node, 10))
		s.same("left alone", string(s.get(path).Data), `{"format":99}`)
	}},
	{"a field that a newer version added is passed over", func(s *scene) {
		ready(s)
		m := s.next("tax")
		for _, path := range []string{
			s.path("services", "shop"), s.path("features", "tax"), s.path("features", "tax", "specs", "1"), s.path("history", "r-0000000000"),
		} {
			s.amend(path, `{"future":{"deep":[1,null,"x"]},`)
		}
		s.same("the service's problem", s.service().Problem, "")
		s.same("the feature's problem", s.feature().Problem, "")
		records := s.records(store.HistoryQuery{})
		s.same("the record's action", records[len(records)-1].Action, muster.ActionApply)
		s.is(s.Commit(s.ctx, s.node, m), muster.ErrConflict) // it was decided on what was there before
		s.ok(s.Commit(s.ctx, s.node, s.next("tax")))
	}},
	{"a member that cannot be read can be decommissioned", func(s *scene) {
		inst, _ := vanished(s)
		s.set(s.path("services", "shop", "members", inst.Entry()), "x")
		m := s.only("shop")
		s.ok(s.Decommission(s.ctx, s.node, "shop", m, s.removal(m)))
		s.same("members", len(s.members("shop")), 0)
	}},
	{"a folder that somebody removed is told", func(s *scene) {
		_, _, err := s.WatchSheet(s.ctx, "shop")
		s.ok(err)
		var t zoo.Txn
		t.Delete(s.path("services", "shop", "members"), -1)
		_, err = s.tree.Commit(s.ctx, t)
		s.ok(err)
		if problem := s.service().Problem; !strings.Contains(problem, "members") {
			s.Fatalf("got problem %q", problem)
		}
		_, err = s.Join(s.ctx, s.instance("shop", "1.0.0"), current)
		s.is(err, muster.ErrConflict)
	}},
	{"an entry of a name that is none is told", func(s *scene) {
		_, _, err := s.WatchSheet(s.ctx, "shop")
		s.ok(err)
		var t zoo.Txn
		t.Create(s.path("services", "shop", "members", "by hand"), nil, zoo.Persistent)
		t.Create(s.path("features", "by hand"), nil, zoo.Persistent)
		_, err = s.tree.Commit(s.ctx, t)
		s.ok(err)
		if m := s.only("shop"); m.Problem == "" {
			s.Fatalf("got member %+v", m)
		}
		_, err = s.Feature(s.ctx, "by hand")
		s.is(err, muster.ErrNotFound)
	}},
}, spoiled()...)

// spoiled tests every kind of znode with everything that may lie in it.
func spoiled() []test {
	var tests []test
	for _, spot := range spots {
		tests = append(tests, test{"a " + spot.name, func(s *scene) { spoil(s, spot) }})
	}
	return tests
}

func spoil(s *scene, spot spot) {
	inst := s.instance("shop", "2.0.0")
	s.command("tax", muster.ActionApply, "shop")
	s.join(inst)
	s.ok(s.Knock(s.ctx, muster.Instance{Service: "shop", ID: "waits", Incarnation: "abcdef", Version: "1.0.0"}, nil, now))
	path := spot.path(s, inst)
	for _, data := range spoils {
		s.set(path, data)
		s.ok(s.tree.Sync(s.ctx, path))
		if problem := spot.told(s); !strings.Contains(problem, path) {
			s.Errorf("%.60q: got problem %.200q, want one that names %s", data, problem, path)
		}
		s.same("left alone", string(s.get(path).Data) == data, true)
	}
	s.command("dark", muster.ActionApply, "cart") // the rest keeps working
	s.advance("dark", 1)
	s.same("members", len(s.service().Members), 1)
}

// amend puts something at the front of the JSON in a znode.
func (s *scene) amend(path, front string) {
	s.Helper()
	s.set(path, front+string(s.get(path).Data[1:]))
	s.ok(s.tree.Sync(s.ctx, path))
}

// tells fails the test unless the error is of garbage in the path.
func tells(s *scene, err error, path string) {
	s.Helper()
	var garbage *store.GarbageError
	if !errors.As(err, &garbage) || garbage.Path != path {
		s.Fatalf("got error %v, want garbage in %s", err, path)
	}
}

// service reads service shop, and remembers nothing.
func (s *scene) service() muster.Service {
	s.Helper()
	svc, err := s.Store.Service(s.ctx, "shop", nil)
	s.ok(err)
	return svc
}

// feature reads feature tax as an agent that has just started.
func (s *scene) feature() store.FeatureNode {
	s.Helper()
	node, err := store.New(s.tree, s.Root).Feature(s.ctx, "tax")
	s.ok(err)
	return node
}
