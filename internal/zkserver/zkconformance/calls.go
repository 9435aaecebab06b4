package zkconformance

import (
	"fmt"
	"slices"
	"strings"

	"github.com/musterhq/muster/internal/zkserver/jute"
)

const (
	opCreate          = 1
	opDelete          = 2
	opExists          = 3
	opGetData         = 4
	opSetData         = 5
	opGetACL          = 6
	opSetACL          = 7
	opGetChildren     = 8
	opSync            = 9
	opPing            = 11
	opGetChildren2    = 12
	opCheck           = 13
	opMulti           = 14
	opCreate2         = 15
	opReconfig        = 16
	opCheckWatches    = 17
	opRemoveWatches   = 18
	opCreateContainer = 19
	opCreateTTL       = 21
	opMultiRead       = 22
	opAuth            = 100
	opSetWatches      = 101
	opGetEphemerals   = 103
	opCountAll        = 104
	opSetWatches2     = 105
	opAddWatch        = 106
	opWhoAmI          = 107
	opClose           = -11
)

// acl is an entry such as {31, "world", "anyone"}.
type acl struct {
	perms      int32
	scheme, id string
}

func world() []acl { return []acl{{31, "world", "anyone"}} }

func writeACL(w *jute.Writer, list []acl) {
	w.Int32(int32(len(list)))
	for _, a := range list {
		w.Int32(a.perms)
		w.String(a.scheme)
		w.String(a.id)
	}
}

func showACL(list []acl) string {
	var out []string
	for _, a := range list {
		out = append(out, fmt.Sprintf("%s:%s:%d", a.scheme, a.id, a.perms))
	}
	return "[" + strings.Join(out, " ") + "]"
}

// at turns a name below the case's root into a path; what starts with "=" is
// taken as it is.
func (p *peer) at(name string) string {
	if path, ok := strings.CutPrefix(name, "="); ok {
		return path
	}
	return p.s.root + name
}

// do calls and notes the answer; show notes a good answer's body.
func (p *peer) do(what string, op int32, body func(*jute.Writer), show func(*jute.Reader) string) answer {
	p.s.t.Helper()
	a := p.call(op, body)
	switch {
	case a.body == nil:
		p.note("%s -> disconnected", what)
	case a.code != 0:
		p.note("%s -> %s%s", what, showCode(a.code), rest(a.body))
	case show == nil:
		p.note("%s -> ok%s", what, rest(a.body))
	default:
		p.note("%s -> %s%s", what, show(a.body), rest(a.body))
	}
	return a
}

// rest tells of bytes that should not be there, or are missing.
func rest(r *jute.Reader) string {
	switch {
	case r.Err() != nil:
		return " (" + r.Err().Error() + ")"
	case r.Len() > 0:
		return fmt.Sprintf(" (and %d bytes)", r.Len())
	}
	return ""
}

// create makes a persistent node for everyone.
func (p *peer) create(name, data string) { p.createWith(opCreate, name, []byte(data), world(), 0) }

func (p *peer) createWith(op int32, name string, data []byte, list []acl, flags int32) {
	p.s.t.Helper()
	path := p.at(name)
	verb := map[int32]string{opCreate: "create", opCreate2: "create2", opCreateContainer: "createContainer", opCreateTTL: "createTTL"}[op]
	what := fmt.Sprintf("%s %q %s flags=%d", verb, path, showData(data), flags)
	if !slices.Equal(list, world()) {
		what += " " + showACL(list)
	}
	p.do(what, op, createBody(op, path, data, list, flags), func(r *jute.Reader) string {
		got := r.String()
		if op == opCreate {
			return got
		}
		return got + " " + p.s.show(readStat(r))
	})
}

func createBody(op int32, path string, data []byte, list []acl, flags int32) func(*jute.Writer) {
	return func(w *jute.Writer) {
		w.String(path)
		w.Bytes(data)
		writeACL(w, list)
		w.Int32(flags)
		if op == opCreateTTL {
			w.Int64(60_000)
		}
	}
}

func (p *peer) delete(name string, version int32) {
	p.s.t.Helper()
	path := p.at(name)
	p.do(fmt.Sprintf("delete %q v%d", path, version), opDelete, func(w *jute.Writer) { w.String(path); w.Int32(version) }, nil)
}

func (p *peer) set(name, data string, version int32) { p.setBytes(name, []byte(data), version) }

func (p *peer) setBytes(name string, data []byte, version int32) {
	p.s.t.Helper()
	path := p.at(name)
	p.do(fmt.Sprintf("set %q %s v%d", path, showData(data), version), opSetData,
		func(w *jute.Writer) { w.String(path); w.Bytes(data); w.Int32(version) },
		func(r *jute.Reader) string { return p.s.show(readStat(r)) })
}

func watching(what string, watch bool) string {
	if watch {
		return what + "+watch"
	}
	return what
}

func (p *peer) exists(name string, watch bool) {
	p.s.t.Helper()
	path := p.at(name)
	p.do(fmt.Sprintf("%s %q", watching("exists", watch), path), opExists,
		func(w *jute.Writer) { w.String(path); w.Bool(watch) },
		func(r *jute.Reader) string { return p.s.show(readStat(r)) })
}

func (p *peer) get(name string, watch bool) {
	p.s.t.Helper()
	path := p.at(name)
	p.do(fmt.Sprintf("%s %q", watching("get", watch), path), opGetData,
		func(w *jute.Writer) { w.String(path); w.Bool(watch) },
		func(r *jute.Reader) string { return showData(r.Bytes()) + " " + p.s.show(readStat(r)) })
}

// children notes the names in order, because ZooKeeper promises none.
func (p *peer) children(op int32, name string, watch bool) {
	p.s.t.Helper()
	path := p.at(name)
	verb := map[int32]string{opGetChildren: "children", opGetChildren2: "children2"}[op]
	p.do(fmt.Sprintf("%s %q", watching(verb, watch), path), op,
		func(w *jute.Writer) { w.String(path); w.Bool(watch) },
		func(r *jute.Reader) string {
			names := fmt.Sprint(slices.Sorted(slices.Values(r.Strings())))
			if op == opGetChildren2 {
				names += " " + p.s.show(readStat(r))
			}
			return names
		})
}

func (p *peer) getACL(name string) {
	p.s.t.Helper()
	path := p.at(name)
	p.do(fmt.Sprintf("getACL %q", path), opGetACL, func(w *jute.Writer) { w.String(path) },
		func(r *jute.Reader) string {
			var list []acl
			for range r.Count(12) {
				list = append(list, acl{r.Int32(), r.String(), r.String()})
			}
			return showACL(list) + " " + p.s.show(readStat(r))
		})
}

func (p *peer) setACL(name string, list []acl, version int32) {
	p.s.t.Helper()
	path := p.at(name)
	p.do(fmt.Sprintf("setACL %q %s v%d", path, showACL(list), version), opSetACL,
		func(w *jute.Writer) { w.String(path); writeACL(w, list); w.Int32(version) },
		func(r *jute.Reader) string { return p.s.show(readStat(r)) })
}

func (p *peer) auth(scheme, secret string) answer {
	p.s.t.Helper()
	return p.do(fmt.Sprintf("auth %s %q", scheme, secret), opAuth,
		func(w *jute.Writer) { w.Int32(0); w.String(scheme); w.Bytes([]byte(secret)) }, nil)
}

// close ends the session.
func (p *peer) close() {
	p.s.t.Helper()
	p.do("closeSession", opClose, nil, nil)
	p.gone()
}

// watchOp is addWatch, removeWatches or checkWatches.
func (p *peer) watchOp(op int32, name string, mode int32) {
	p.s.t.Helper()
	path := p.at(name)
	verb := map[int32]string{opAddWatch: "addWatch", opRemoveWatches: "removeWatches", opCheckWatches: "checkWatches"}[op]
	var show func(r *jute.Reader) string
	if op == opAddWatch {
		show = func(r *jute.Reader) string { return fmt.Sprint("ok ", r.Int32()) }
	}
	p.do(fmt.Sprintf("%s %q mode=%d", verb, path, mode), op,
		func(w *jute.Writer) { w.String(path); w.Int32(mode) }, show)
}

// setWatches restores data, exist and child watches, and with op setWatches2
// persistent and recursive ones.
func (p *peer) setWatches(op int32, zxid int64, lists ...[]string) {
	p.s.t.Helper()
	for _, names := range lists {
		for i := range names {
			names[i] = p.at(names[i])
		}
	}
	p.do(fmt.Sprintf("setWatches %v", lists), op, func(w *jute.Writer) {
		w.Int64(zxid)
		for _, names := range lists {
			w.Strings(names)
		}
	}, nil)
}
