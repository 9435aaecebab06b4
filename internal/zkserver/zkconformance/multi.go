package zkconformance

import (
	"fmt"
	"slices"

	"github.com/musterhq/muster/internal/zkserver/jute"
)

// step is one op of a multi.
type step struct {
	what string
	op   int32
	body func(*jute.Writer)
}

func (p *peer) stepCreate(op int32, name, data string, flags int32) step {
	path := p.at(name)
	return step{fmt.Sprintf("create/%d %q flags=%d", op, path, flags), op, createBody(op, path, []byte(data), world(), flags)}
}

func (p *peer) stepDelete(name string, version int32) step {
	path := p.at(name)
	return step{fmt.Sprintf("delete %q v%d", path, version), opDelete, func(w *jute.Writer) { w.String(path); w.Int32(version) }}
}

func (p *peer) stepSet(name, data string, version int32) step {
	path := p.at(name)
	return step{fmt.Sprintf("set %q v%d", path, version), opSetData, func(w *jute.Writer) {
		w.String(path)
		w.Bytes([]byte(data))
		w.Int32(version)
	}}
}

func (p *peer) stepCheck(name string, version int32) step {
	path := p.at(name)
	return step{fmt.Sprintf("check %q v%d", path, version), opCheck, func(w *jute.Writer) { w.String(path); w.Int32(version) }}
}

func (p *peer) stepRead(op int32, name string) step {
	path := p.at(name)
	return step{fmt.Sprintf("read/%d %q", op, path), op, func(w *jute.Writer) { w.String(path); w.Bool(false) }}
}

// multi sends the steps as one and notes each result.
func (p *peer) multi(op int32, steps ...step) {
	p.s.t.Helper()
	a := p.call(op, func(w *jute.Writer) {
		for _, st := range steps {
			w.Int32(st.op)
			w.Bool(false)
			w.Int32(-1)
			st.body(w)
		}
		w.Int32(-1)
		w.Bool(true)
		w.Int32(-1)
	})
	verb := map[int32]string{opMulti: "multi", opMultiRead: "multiRead"}[op]
	if a.body == nil {
		p.note("%s -> disconnected", verb)
		return
	}
	p.note("%s of %d -> %s", verb, len(steps), showCode(a.code))
	if a.code != 0 {
		for _, st := range steps {
			p.note("  %s%s", st.what, rest(a.body))
		}
		return
	}
	for i := 0; ; i++ {
		typ, done, code := a.body.Int32(), a.body.Bool(), a.body.Int32()
		if done || a.body.Err() != nil {
			p.note("  end %d %d%s", typ, code, rest(a.body))
			return
		}
		p.note("  %s -> type %d, %s%s", steps[i].what, typ, showCode(code), p.result(typ, a.body))
	}
}

// result shows what stands behind one header.
func (p *peer) result(typ int32, r *jute.Reader) string {
	switch typ {
	case opCreate:
		return " " + r.String()
	case opCreate2, opCreateContainer, opCreateTTL:
		return " " + r.String() + " " + p.s.show(readStat(r))
	case opSetData:
		return " " + p.s.show(readStat(r))
	case opGetData:
		return " " + showData(r.Bytes()) + " " + p.s.show(readStat(r))
	case opGetChildren:
		return fmt.Sprint(" ", slices.Sorted(slices.Values(r.Strings())))
	case -1:
		return " " + showCode(r.Int32())
	}
	return ""
}
