package zkconformance

import "github.com/musterhq/muster/internal/zkserver/jute"

func multis(s *script) {
	a := s.peer("a")
	a.create("/m", "")
	s.section("each step sees those before it")
	a.multi(opMulti,
		a.stepCreate(opCreate, "/m/x", "0", 0),
		a.stepCheck("/m/x", 0),
		a.stepSet("/m/x", "1", 0),
		a.stepCheck("/m/x", 1),
		a.stepCreate(opCreate2, "/m/x/y", "", 0),
		a.stepDelete("/m/x/y", 0),
		a.stepDelete("/m/x", 1),
		a.stepCreate(opCreate, "/m/x", "again", 0),
	)
	a.get("/m/x", false)
	a.exists("/m", false)
	s.section("sequence numbers")
	a.multi(opMulti,
		a.stepCreate(opCreate, "/m/s-", "", 2),
		a.stepCreate(opCreate2, "/m/s-", "", 3),
		a.stepCreate(opCreateContainer, "/m/box", "", 4),
		a.stepCreate(opCreate, "/m/s-", "", 2),
		a.stepCreate(opCreate, "/m/box2", "", 4),
		a.stepCreate(opCreateContainer, "/m/no-box", "", 0),
	)
	s.section("nothing, and only checks")
	a.multi(opMulti)
	a.multi(opMulti, a.stepCheck("/m", 0))
	a.multi(opMulti, a.stepCheck("/m", -1), a.stepCheck("/m/x", 0))
	s.section("one transaction, one event of each kind")
	b := s.peer("b")
	b.children(opGetChildren, "/m", true)
	b.get("/m/x", true)
	b.exists("/m/new", true)
	a.multi(opMulti,
		a.stepCreate(opCreate, "/m/new", "", 0),
		a.stepSet("/m/x", "2", -1),
		a.stepSet("/m/x", "3", -1),
		a.stepDelete("/m/new", -1),
	)
	b.get("/m/x", false)
	b.children(opGetChildren2, "/m", false)
	s.section("reads")
	a.multi(opMultiRead,
		a.stepRead(opGetData, "/m/x"),
		a.stepRead(opGetChildren, "/m"),
		a.stepRead(opGetData, "/none"),
		a.stepRead(opGetChildren, "/none"),
		a.stepRead(opGetData, "/m"),
	)
	a.multi(opMultiRead)
}

func multiErrors(s *script) {
	a := s.peer("a")
	a.create("/m", "")
	a.create("/m/x", "")
	s.section("the culprit first, in the middle, last")
	a.multi(opMulti, a.stepCheck("/m/x", 7), a.stepSet("/m/x", "1", 0), a.stepCreate(opCreate, "/m/y", "", 0))
	a.multi(opMulti, a.stepSet("/m/x", "1", 0), a.stepCheck("/m/x", 7), a.stepCreate(opCreate, "/m/y", "", 0))
	a.multi(opMulti, a.stepSet("/m/x", "1", 0), a.stepCreate(opCreate2, "/m/y", "", 0), a.stepCheck("/m/x", 7))
	s.section("each reason")
	for _, bad := range []step{
		a.stepCreate(opCreate, "/m/x", "", 0),
		a.stepCreate(opCreate, "/no/parent", "", 0),
		a.stepCreate(opCreate, "/m/x/", "", 0),
		a.stepCreate(opCreate, "/m/f", "", 9),
		a.stepCreate(opCreateTTL, "/m/no/ttl", "", 5),
		a.stepDelete("/m", -1),
		a.stepDelete("/m/none", -1),
		a.stepDelete("/m/x", 3),
		a.stepSet("/m/none", "", -1),
		a.stepSet("/m/x", "", 3),
		a.stepCheck("/m/none", -1),
		a.stepCheck("=bad", -1),
		{"create without acl", opCreate, createBody(opCreate, s.root+"/m/a", nil, nil, 0)},
	} {
		a.multi(opMulti, a.stepSet("/m", "", -1), bad, a.stepSet("/m", "", -1))
	}
	s.section("two culprits: the first counts")
	a.multi(opMulti, a.stepCheck("/m/none", 0), a.stepCheck("/m/x", 9))
	s.section("nothing happened, no number was drawn, nobody was told")
	b := s.peer("b")
	b.children(opGetChildren, "/m", true)
	b.get("/m/x", true)
	a.multi(opMulti, a.stepCreate(opCreate, "/m/s-", "", 2), a.stepSet("/m/x", "", -1), a.stepDelete("/m/x", -1), a.stepCheck("/m/none", 0))
	b.get("/m/x", false)
	b.children(opGetChildren2, "/m", false)
	a.createWith(opCreate, "/m/s-", nil, world(), 2)
	b.event()
	s.section("an ephemeral made and undone is nobody's")
	a.multi(opMulti, a.stepCreate(opCreate, "/m/e", "", 1), a.stepCheck("/m/none", 0))
	a.do("getEphemerals", opGetEphemerals, func(w *jute.Writer) { w.String("/") }, showStrings)
}
