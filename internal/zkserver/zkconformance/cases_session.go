package zkconformance

import (
	"bytes"
	"math"
	"time"

	"github.com/musterhq/muster/internal/zkserver/jute"
)

func sessions(s *script) {
	outcome := func(p *peer, answered bool, timeout int32, extra int) {
		switch {
		case !answered:
			p.note("connects -> disconnected")
		case p.session == 0:
			p.note("connects -> expired: timeout %d, password %x, %d more bytes", timeout, p.password, extra)
		default:
			p.note("connects -> a session, timeout %d, password of %d, %d more bytes", timeout, len(p.password), extra)
		}
	}
	none := make([]byte, 16)
	s.section("new")
	for _, modern := range []bool{false, true} {
		p := s.dial("new")
		ok, timeout, extra := p.connect(attach{timeout: 10_000, password: none, modern: modern})
		outcome(p, ok, timeout, extra)
	}
	p := s.dial("no-password")
	ok, timeout, extra := p.connect(attach{timeout: 10_000})
	outcome(p, ok, timeout, extra)
	s.section("unknown, or not the password")
	p = s.dial("unknown")
	ok, timeout, extra = p.connect(attach{timeout: 10_000, session: 4711, password: none, modern: true})
	outcome(p, ok, timeout, extra)
	p.gone()
	a := s.peer("a")
	for _, password := range [][]byte{none, nil, a.password[:8], append(bytes.Clone(a.password), 0)} {
		p = s.dial("wrong")
		ok, timeout, extra = p.connect(attach{timeout: 10_000, session: a.session, password: password})
		outcome(p, ok, timeout, extra)
		p.gone()
	}
	s.section("whoever asks, the session's connection is closed")
	a.gone()
	a = a.again("a", 0)
	a.createWith(opCreate, "/mine", nil, world(), 1)
	s.section("back again: the connection before is closed, the session goes on")
	a.exists("/mine", true)
	b := s.dial("b")
	ok, timeout, extra = b.connect(attach{timeout: 12_000, session: a.session, password: a.password})
	outcome(b, ok, timeout, extra)
	b.note("has the same session: %v, password: %v", a.session == b.session, bytes.Equal(a.password, b.password))
	a.gone()
	b.exists("/mine", false)
	s.section("watches and identities do not come along")
	b.set("/mine", "", -1)
	b.do("whoAmI", opWhoAmI, nil, showClients)
	s.section("who has seen more than the server is not served")
	p = s.dial("ahead")
	ok, timeout, extra = p.connect(attach{timeout: 10_000, session: a.session, password: a.password, zxid: math.MaxInt64})
	outcome(p, ok, timeout, extra)
	b.exists("/mine", false)
	s.section("closed is closed")
	b.close()
	p = s.dial("late")
	ok, timeout, extra = p.connect(attach{timeout: 10_000, session: a.session, password: a.password})
	outcome(p, ok, timeout, extra)
}

func sessionExpiry(s *script) {
	observer := s.peer("observer")
	p := s.dial("silent")
	_, timeout, _ := p.connect(attach{timeout: 1, password: make([]byte, 16)})
	s.names[p.session] = "silent"
	p.createWith(opCreate, "/live", nil, world(), 1)
	observer.exists("/live", true)
	observer.children(opGetChildren, "", true)
	start := time.Now()
	p.gone()
	waited := time.Since(start) > time.Duration(timeout)*time.Millisecond*9/10
	p.note("was waited for: %v", waited)
	observer.event()
	observer.event()
	observer.children(opGetChildren2, "", false)
	late := s.dial("late")
	late.connect(attach{timeout: 10_000, session: p.session, password: p.password})
	late.note("comes too late: %v", late.session == 0)
	late.gone()
}

func pipeline(s *script) {
	a := s.peer("a")
	a.create("/p", "")
	s.section("answers come in the order of the requests, reads between writes")
	var xids []int32
	for i := range 40 {
		switch i % 4 {
		case 0:
			xids = append(xids, a.send(opSetData, func(w *jute.Writer) {
				w.String(s.root + "/p")
				w.Bytes([]byte{byte('0' + i/4)})
				w.Int32(-1)
			}))
		case 1:
			xids = append(xids, a.send(opGetData, func(w *jute.Writer) { w.String(s.root + "/p"); w.Bool(true) }))
		case 2:
			xids = append(xids, a.send(opPing, nil))
		case 3:
			xids = append(xids, a.send(opDelete, func(w *jute.Writer) { w.String(s.root + "/none"); w.Int32(-1) }))
		}
	}
	pings := 0
	for i := 0; i < len(xids); {
		if xids[i] == -2 { // these may overtake
			i++
			continue
		}
		got := a.next()
		switch {
		case got.body == nil:
			s.t.Fatal("disconnected")
		case got.xid == -2:
			pings++
		case got.xid == -1:
		case got.xid != xids[i]:
			s.t.Fatalf("answer to %d, want %d", got.xid, xids[i])
		default:
			note := showCode(got.code)
			if i%4 == 1 {
				note = showData(got.body.Bytes())
			}
			a.note("<- %d: %s", i, note)
			i++
		}
	}
	for ; pings < 10; pings++ {
		if got := a.next(); got.xid != -2 {
			a.note("<- %d instead of a ping", got.xid)
		}
	}
}

func protocol(s *script) {
	s.section("garbage for a body")
	a := s.peer("a")
	for _, op := range []int32{opCreate, opDelete, opExists, opGetData, opSetData, opGetACL, opSetACL, opGetChildren, opMulti, opSetWatches} {
		a.do("an empty "+name(op), op, nil, nil)
		a.do("a short "+name(op), op, func(w *jute.Writer) { w.Int32(100); w.Bool(true) }, nil)
	}
	a.do("a multi in a multi", opMulti, func(w *jute.Writer) { w.Int32(opMulti); w.Bool(false); w.Int32(-1) }, nil)
	a.do("a setACL in a multi", opMulti, func(w *jute.Writer) { w.Int32(opSetACL); w.Bool(false); w.Int32(-1) }, nil)
	a.exists("", false)
	s.section("operations that do not exist")
	for _, op := range []int32{0, 10, 23, 99, 4711} {
		p := s.peer("p")
		p.do("an unknown operation", op, nil, nil)
		p.gone()
	}
	s.section("lengths that cannot be")
	for _, head := range [][]byte{{0x7f, 0xff, 0xff, 0xff}, {0xff, 0xff, 0xff, 0xff}, {0x00, 0x10, 0x00, 0x01}} {
		p := s.peer("p")
		p.raw(head)
		p.gone()
	}
	s.section("the server goes on")
	a.exists("", false)
}

func name(op int32) string {
	return map[int32]string{
		opCreate: "create", opDelete: "delete", opExists: "exists", opGetData: "get", opSetData: "set", opGetACL: "getACL",
		opSetACL: "setACL", opGetChildren: "children", opMulti: "multi", opSetWatches: "setWatches",
	}[op]
}
