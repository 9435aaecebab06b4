package zkconformance

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/musterhq/muster/internal/zkserver/jute"
)

// patience bounds every wait for a packet.
const patience = 15 * time.Second

// script is one case under way.
type script struct {
	t       testing.TB
	servers []string
	root    string
	log     strings.Builder
	names   map[int64]string // of sessions
}

// newScript makes the root of the case.
func newScript(t testing.TB, servers []string, root string) *script {
	s := &script{t: t, servers: servers, root: root, names: map[int64]string{}}
	setup := s.peer("setup")
	setup.quiet = true
	setup.create("", "")
	setup.close()
	return s
}

// note writes a line into the transcript, with the case's own root left out.
func (s *script) note(format string, args ...any) {
	line := fmt.Sprintf(format, args...)
	line = strings.ReplaceAll(line, s.root+"/", "/")
	line = strings.ReplaceAll(line, s.root, "ROOT")
	s.log.WriteString(line + "\n")
}

// section writes a heading.
func (s *script) section(title string) { s.note("\n# %s", title) }

func (s *script) transcript() string { return strings.TrimLeft(s.log.String(), "\n") }

// stat is a node's stat as it comes.
type stat struct {
	czxid, mzxid, ctime, mtime  int64
	version, cversion, aversion int32
	owner                       int64
	length, children            int32
	pzxid                       int64
}

func readStat(r *jute.Reader) stat {
	return stat{
		r.Int64(), r.Int64(), r.Int64(), r.Int64(), r.Int32(), r.Int32(), r.Int32(),
		r.Int64(), r.Int32(), r.Int32(), r.Int64(),
	}
}

// show writes what can be compared: of ids and times only how they relate.
func (s *script) show(st stat) string {
	owner := fmt.Sprintf("0x%x", uint64(st.owner))
	if name, ok := s.names[st.owner]; ok {
		owner = name
	}
	return fmt.Sprintf("{v%d c%d a%d owner=%s len=%d children=%d mzxid%sczxid pzxid%sczxid mtime%sctime}",
		st.version, st.cversion, st.aversion, owner, st.length, st.children,
		relation(st.mzxid, st.czxid), relation(st.pzxid, st.czxid), map[bool]string{true: ">=", false: "<"}[st.mtime >= st.ctime])
}

func relation(a, b int64) string {
	switch {
	case a < b:
		return "<"
	case a > b:
		return ">"
	}
	return "="
}

func showData(b []byte) string {
	if b == nil {
		return "null"
	}
	if len(b) > 40 {
		return fmt.Sprintf("%d bytes", len(b))
	}
	return fmt.Sprintf("%q", b)
}

// showCode names a result code.
func showCode(code int32) string {
	if name, ok := map[int32]string{
		0: "ok", -2: "RuntimeInconsistency", -5: "MarshallingError", -6: "Unimplemented", -8: "BadArguments",
		-101: "NoNode", -102: "NoAuth", -103: "BadVersion", -108: "NoChildrenForEphemerals", -110: "NodeExists",
		-111: "NotEmpty", -112: "SessionExpired", -114: "InvalidACL", -115: "AuthFailed", -121: "NoWatcher",
		-123: "ReconfigDisabled",
	}[code]; ok {
		return name
	}
	return fmt.Sprintf("code %d", code)
}

func showEvent(typ int32) string {
	if name, ok := map[int32]string{1: "created", 2: "deleted", 3: "changed", 4: "children"}[typ]; ok {
		return name
	}
	return fmt.Sprintf("type %d", typ)
}
