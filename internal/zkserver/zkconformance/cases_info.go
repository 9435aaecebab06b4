package zkconformance

import (
	"fmt"
	"slices"
	"strings"

	"github.com/musterhq/muster/internal/zkserver/jute"
)

func showStrings(r *jute.Reader) string { return fmt.Sprint(slices.Sorted(slices.Values(r.Strings()))) }

func showClients(r *jute.Reader) string {
	var list []string
	for range r.Count(8) {
		list = append(list, r.String()+":"+r.String())
	}
	slices.Sort(list)
	return "[" + strings.Join(list, " ") + "]"
}

func system(s *script) {
	a := s.peer("a")
	a.children(opGetChildren2, "=/zookeeper", false)
	a.get("=/zookeeper", false)
	a.getACL("=/zookeeper")
	a.children(opGetChildren, "=/zookeeper/quota", false)
	for _, path := range []string{"=/", "=/zookeeper", "=/zookeeper/quota", "=/zookeeper/config"} {
		a.delete(path, -1)
		a.create(path, "")
	}
	a.set("=/zookeeper/config", "x", -1)
	a.create("=/zookeeper/config/x", "")
	a.do("reconfig", opReconfig, func(w *jute.Writer) {
		w.String("")
		w.String("")
		w.String("")
		w.Int64(-1)
	}, nil)
}

func info(s *script) {
	a := s.peer("a")
	a.create("/i", "")
	a.create("/i/x", "")
	a.create("/i/x/y", "")
	a.createWith(opCreate, "/i/e", nil, world(), 1)
	a.createWith(opCreate, "/i/x/e", nil, world(), 1)
	for _, name := range []string{"", "/i", "/i/x", "/i/none", "/i/e"} {
		path := a.at(name)
		a.do(fmt.Sprintf("countAll %q", path), opCountAll, func(w *jute.Writer) { w.String(path) },
			func(r *jute.Reader) string { return fmt.Sprint(r.Int32()) })
	}
	for _, name := range []string{"=/", "=", "/i", "/i/x", "/i/e", "/none"} {
		path := a.at(name)
		a.do(fmt.Sprintf("getEphemerals %q", path), opGetEphemerals, func(w *jute.Writer) { w.String(path) }, showStrings)
	}
	a.do("whoAmI", opWhoAmI, nil, showClients)
	a.auth("digest", "ann:secret")
	a.do("whoAmI", opWhoAmI, nil, showClients)
	for _, name := range []string{"", "/i/none", "=nothing"} {
		path := a.at(name)
		a.do(fmt.Sprintf("sync %q", path), opSync, func(w *jute.Writer) { w.String(path) }, func(r *jute.Reader) string { return r.String() })
	}
	a.do("ping", opPing, nil, nil)
	a.do("check", opCheck, func(w *jute.Writer) { w.String(s.root); w.Int32(7) }, nil)
}
