package zkconformance

import (
	"fmt"
	"strings"
)

func creating(s *script) {
	a := s.peer("a")
	s.section("kinds of node")
	a.create("/plain", "x")
	a.createWith(opCreate, "/null", nil, world(), 0)
	a.createWith(opCreate, "/empty", []byte{}, world(), 0)
	a.createWith(opCreate, "/ephemeral", []byte("x"), world(), 1)
	a.createWith(opCreate, "/seq-", []byte("x"), world(), 2)
	a.createWith(opCreate, "/eseq-", []byte("x"), world(), 3)
	a.createWith(opCreate2, "/two", []byte("x"), world(), 0)
	a.createWith(opCreate2, "/two-seq-", nil, world(), 3)
	a.createWith(opCreateContainer, "/box", []byte("x"), world(), 4)
	a.createWith(opCreate, "/not-box", []byte("x"), world(), 4)
	for _, name := range []string{"/plain", "/null", "/empty", "/ephemeral", "/two", "/box", "/not-box"} {
		a.get(name, false)
	}
	s.section("refusals")
	a.create("/plain", "again")
	a.create("/no/parent", "")
	a.create("/ephemeral/child", "")
	a.create("/ephemeral/no/parent", "")
	a.createWith(opCreate, "/bad-flags", nil, world(), 7)
	a.createWith(opCreate, "/bad-flags", nil, world(), -1)
	a.createWith(opCreate, "/plain", nil, world(), 99)
	s.section("ttl nodes, where they are switched on")
	a.createWith(opCreateTTL, "/ttl", nil, world(), 5)
	a.createWith(opCreateTTL, "/ttl", nil, world(), 6)
	a.createWith(opCreate, "/ttl", nil, world(), 5)
	a.children(opGetChildren2, "", false)
}

func paths(s *script) {
	a := s.peer("a")
	a.create("/x", "")
	for _, path := range []string{
		"=", "=x", "=/", "=//", "/", "/x/", "/x//y", "//y", "/.", "/..", "/x/.", "/x/..", "/./y", "/x/../y", "/x/.../y",
		"/...", "/.a", "/a.", "/a..", "/..a", "/ ", "/a b", "/tab\tname", "/nul\x00name", "/del\x7f", "/\u0085", "/é", "/日本",
		"/\ue000", "/\ufff1", "/\ufffd", "/😀", "/~",
	} {
		a.create(path, "")
	}
	s.section("sequential")
	for _, path := range []string{"/", "/x/", "/x//", "/.", "=", "=x", "/x/."} {
		a.createWith(opCreate, path, nil, world(), 2)
	}
	s.section("other operations")
	for _, path := range []string{"=nothing", "/x/", "//x", "/x/.", "/no", "/nul\x00", "/😀"} {
		a.exists(path, false)
		a.get(path, false)
		a.children(opGetChildren, path, false)
		a.getACL(path)
		a.set(path, "y", -1)
		a.setACL(path, world(), -1)
		a.delete(path, -1)
	}
	s.section("the empty path")
	a.set("=", "y", -1)
	a.setACL("=", world(), -1)
	a.delete("=", -1)
	a.children(opGetChildren2, "", false)
	a.children(opGetChildren2, "/x", false)
}

func sequences(s *script) {
	a := s.peer("a")
	seq := func(name string, flags int32) { a.createWith(opCreate, name, nil, world(), flags) }
	s.section("one counter for all prefixes, and for plain children")
	a.create("/q", "")
	seq("/q/a-", 2)
	seq("/q/b-", 3)
	a.create("/q/plain", "")
	seq("/q/a-", 2)
	seq("/q/", 2)
	s.section("deletes do not move it")
	a.delete("/q/a-0000000000", -1)
	a.delete("/q/plain", -1)
	seq("/q/a-", 2)
	s.section("failures do not move it")
	a.create("/q/a-0000000003", "")
	seq("/q/no/parent-", 2)
	seq("/q/a-", 2)
	s.section("the next name is taken")
	a.create("/q/t-0000000008", "")
	a.create("/q/t-0000000009", "")
	seq("/q/t-", 2)
	seq("/q/u-", 2)
	a.children(opGetChildren2, "/q", false)
	s.section("a name taken stays taken, and the counter stays")
	a.create("/r", "")
	a.create("/r/t-0000000001", "")
	seq("/r/t-", 2)
	seq("/r/t-", 2)
	a.children(opGetChildren2, "/r", false)
}

func deleting(s *script) {
	a := s.peer("a")
	a.create("/d", "")
	a.create("/d/e", "")
	a.set("/d/e", "1", -1)
	a.delete("/d", -1)
	a.delete("/d", 7)
	a.delete("/d/e", 0)
	a.delete("/d/e", 2)
	a.delete("/d/e", -2)
	a.delete("/d/e", 1)
	a.delete("/d/e", 1)
	a.delete("/d/e/f", -1)
	a.delete("/d", 0)
	a.exists("/d", false)
	a.createWith(opCreate, "/e", nil, world(), 1)
	a.delete("/e", 0)
	a.createWith(opCreateContainer, "/box", nil, world(), 4)
	a.create("/box/child", "")
	a.delete("/box", -1)
	a.delete("/box/child", -1)
	a.exists("/box", false)
	a.delete("/box", -1)
}

func data(s *script) {
	a := s.peer("a")
	a.create("/n", "0")
	a.set("/n", "1", 0)
	a.set("/n", "2", 0)
	a.set("/n", "2", 2)
	a.set("/n", "2", 1)
	a.set("/n", "3", -1)
	a.set("/n", "", -1)
	a.get("/n", false)
	a.setBytes("/n", nil, -1)
	a.get("/n", false)
	a.set("/none", "", -1)
	a.set("/none", "", 5)
	a.get("/none", false)
	s.section("large")
	a.set("/n", strings.Repeat("x", 1_000_000), -1)
	a.get("/n", false)
	s.section("versions of a new node start over")
	a.delete("/n", -1)
	a.create("/n", "")
	a.get("/n", false)
}

func stats(s *script) {
	a := s.peer("a")
	a.create("/p", "")
	a.exists("/p", false)
	for i := range 3 {
		a.create(fmt.Sprintf("/p/%d", i), "")
		a.exists("/p", false)
	}
	a.delete("/p/1", -1)
	a.exists("/p", false)
	a.create("/p/1", "")
	a.exists("/p", false)
	s.section("neither data nor access lists of children count")
	a.set("/p/0", "data", -1)
	a.setACL("/p/0", world(), -1)
	a.exists("/p", false)
	a.create("/p/0/below", "")
	a.exists("/p", false)
	s.section("nor do the node's own move its children's versions")
	a.set("/p", "data", -1)
	a.setACL("/p", world(), -1)
	a.exists("/p", false)
	for i := range 3 {
		a.delete("/p/0/below", -1)
		a.delete(fmt.Sprintf("/p/%d", i), -1)
	}
	a.children(opGetChildren2, "/p", false)
	a.getACL("/p")
}

func ephemerals(s *script) {
	a, b := s.peer("a"), s.peer("b")
	a.create("/live", "")
	a.createWith(opCreate, "/live/a1", []byte("x"), world(), 1)
	a.createWith(opCreate, "/live/a2-", []byte("x"), world(), 3)
	b.createWith(opCreate, "/live/b1", []byte("x"), world(), 1)
	b.get("/live/a1", false)
	b.set("/live/a1", "by b", 0)
	a.get("/live/b1", false)
	s.section("who deletes does not matter")
	b.createWith(opCreate, "/live/a3", nil, world(), 1)
	a.delete("/live/a3", -1)
	s.section("they go with their session, at once")
	a.children(opGetChildren, "/live", true)
	a.exists("/live/b1", true)
	b.close()
	a.event()
	a.event()
	a.children(opGetChildren2, "/live", false)
	s.section("and in one step")
	c := s.peer("c")
	for _, name := range []string{"/live/c1", "/live/c2", "/live/c3"} {
		c.createWith(opCreate, name, nil, world(), 1)
	}
	a.children(opGetChildren, "/live", true)
	c.close()
	a.event()
	a.children(opGetChildren2, "/live", false)
	a.close()
}
