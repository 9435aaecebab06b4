package zkconformance

import (
	"crypto/sha1"
	"encoding/base64"
	"strings"
)

func digest(secret string) string {
	user, _, _ := strings.Cut(secret, ":")
	sum := sha1.Sum([]byte(secret))
	return user + ":" + base64.StdEncoding.EncodeToString(sum[:])
}

func acls(s *script) {
	owner, other := s.peer("owner"), s.peer("other")
	owner.auth("digest", "ann:secret")
	s.section("each permission, alone")
	for _, perms := range []int32{1, 2, 4, 8, 16} {
		name := "/p" + string(rune('a'+perms%26))
		owner.create(name, "x")
		owner.create(name+"/child", "x")
		owner.setACL(name, []acl{{31, "auth", ""}, {perms, "world", "anyone"}}, 0)
		other.exists(name, false)
		other.get(name, false)
		other.children(opGetChildren, name, false)
		other.set(name, "y", -1)
		other.multi(opMulti, other.stepCheck(name, -1))
		other.create(name+"/new", "")
		other.delete(name+"/child", -1)
		other.getACL(name)
		other.setACL(name, world(), 0)
		other.getACL(name)
		owner.getACL(name)
	}
	s.section("knowing the secret is enough, at any time")
	owner.createWith(opCreate, "/secret", []byte("x"), []acl{{31, "digest", digest("ann:secret")}}, 0)
	other.get("/secret", false)
	other.auth("digest", "ann:wrong")
	other.get("/secret", false)
	other.auth("digest", "ann:secret")
	other.get("/secret", false)
	other.getACL("/secret")
	s.section("deleting a node takes permission on its parent")
	owner.createWith(opCreate, "/parent", nil, []acl{{31, "world", "anyone"}}, 0)
	owner.createWith(opCreate, "/parent/locked", nil, []acl{{31, "digest", "bob:hash"}}, 0)
	owner.set("/parent/locked", "", -1)
	owner.delete("/parent/locked", -1)
	s.section("ip")
	owner.createWith(opCreate, "/local", nil, []acl{{31, "ip", "127.0.0.0/8"}}, 0)
	owner.get("/local", false)
	owner.createWith(opCreate, "/remote", nil, []acl{{31, "ip", "10.1.2.3"}}, 0)
	owner.get("/remote", false)
	s.section("versions")
	owner.create("/v", "")
	owner.setACL("/v", world(), 1)
	owner.setACL("/v", world(), 0)
	owner.setACL("/v", world(), 0)
	owner.setACL("/v", world(), -1)
	owner.getACL("/v")
	owner.setACL("/none", world(), -1)
	owner.getACL("/none")
	s.section("which refusal comes first")
	owner.createWith(opCreate, "/closed", nil, []acl{{16, "digest", "bob:hash"}}, 0)
	owner.create("/closed/x", "")
	owner.delete("/closed/x", -1)
	owner.set("/closed", "", 7)
	owner.createWith(opCreate, "/closed/x", nil, nil, 0)
	owner.setACL("/closed", nil, 7)
	owner.setACL("/none", nil, 7)
}

func aclLists(s *script) {
	a := s.peer("a")
	try := func(list ...acl) {
		a.createWith(opCreate, "/n", nil, list, 0)
		a.getACL("/n")
		a.delete("/n", -1)
	}
	s.section("before authentication")
	try()
	try(acl{31, "auth", ""})
	try(acl{31, "auth", "anything"})
	try(acl{31, "world", "anyone"}, acl{31, "world", "anyone"}, acl{1, "world", "anyone"})
	try(acl{0, "world", "anyone"})
	try(acl{31, "world", "someone"})
	try(acl{31, "world", ""})
	try(acl{31, "", ""})
	try(acl{31, "nonsense", "x"})
	for _, id := range []string{"", "x", "x:", ":x", "x:y", "x:y:z", "x:y:", ":", "::"} {
		try(acl{31, "world", "anyone"}, acl{31, "digest", id})
	}
	for _, id := range []string{
		"", "1.2.3", "1.2.3.4", "1.2.3.4/", "1.2.3.4/0", "1.2.3.4/32", "1.2.3.4/33", "1.2.3.4/-1", "1.2.3.4/x", "1.2.3.256", "x",
	} {
		try(acl{31, "world", "anyone"}, acl{31, "ip", id})
	}
	s.section("with two identities")
	a.auth("digest", "ann:1")
	a.auth("digest", "bob:2")
	a.auth("digest", "bob:2")
	try(acl{31, "auth", ""})
	try(acl{1, "auth", "ignored"}, acl{31, "world", "anyone"})
}

func auths(s *script) {
	a := s.peer("a")
	a.auth("digest", "ann:secret")
	a.auth("digest", "nocolon")
	a.auth("digest", "")
	a.auth("ip", "anything")
	s.section("who fails to prove an identity is told, and disconnected")
	for _, scheme := range []string{"nonsense", "", "world", "auth"} {
		b := s.peer("b")
		b.auth(scheme, "x")
		b.gone()
	}
}
