package voyage_test

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/internal/zkserver/tree"
)

const root = "/muster"

// The truth is the server's tree as the observer rebuilds it from transactions,
// decoded where a promise is about it. World.mu guards it.
type truth struct {
	tree       *tree.Tree
	status     map[string]muster.Status
	specs      map[specKey]muster.Spec
	sheets     map[string]muster.Sheet // newest, by service
	everySheet map[sheetKey]muster.Sheet
	members    map[string]map[string]muster.Instance // by service and entry
	born       map[string]bool                       // service/entry: was ever a member
	acked      map[string]int32                      // by service/entry: the highest revision that it ever acked
	wanted     map[string]muster.Stage               // by feature, as the records tell
	carried    map[string]bool                       // requests that were carried out
	operations map[string]bool                       // that the records name
	changed    time.Time
}

type specKey struct {
	feature  string
	revision int64
}

type sheetKey struct {
	service  string
	revision int32
}

func newTruth() truth {
	return truth{
		tree: tree.New(), status: make(map[string]muster.Status), specs: make(map[specKey]muster.Spec),
		sheets: make(map[string]muster.Sheet), everySheet: make(map[sheetKey]muster.Sheet), members: make(map[string]map[string]muster.Instance),
		born: make(map[string]bool), acked: make(map[string]int32), wanted: make(map[string]muster.Stage),
		carried: make(map[string]bool), operations: make(map[string]bool),
	}
}

// inForce returns the spec in force of a feature.
func (t *truth) inForce(key string) (muster.Spec, bool) {
	spec, ok := t.specs[specKey{key, t.status[key].Spec}]
	return spec, ok
}

// sessionOf returns the session that holds an instance's live entry, 0 where
// there is none.
func (t *truth) sessionOf(service, entry string) int64 {
	stat, code := t.tree.Stat(root + "/services/" + service + "/live/" + entry)
	if code != tree.OK {
		return 0
	}
	return stat.EphemeralOwner
}

// enrolled reports whether a session holds a node in the election.
func (t *truth) enrolled(session int64) bool {
	for _, path := range t.tree.Ephemerals(session) {
		if strings.HasPrefix(path, root+"/agents/") {
			return true
		}
	}
	return false
}

// A place tells what a path stands for.
type place struct {
	kind        string // feature, spec, sheet, member, live, record or ""
	name, under string // of the feature or service, and of what lies below it
}

func placeOf(path string) place {
	below, ours := strings.CutPrefix(path, root+"/")
	parts := strings.Split(below, "/")
	switch {
	case !ours || len(parts) == 1:
		return place{}
	case parts[0] == "features" && len(parts) == 2:
		return place{"feature", parts[1], ""}
	case parts[0] == "features" && len(parts) == 4:
		return place{"spec", parts[1], parts[3]}
	case parts[0] == "history" && len(parts) == 2:
		return place{"record", parts[1], ""}
	case parts[0] == "services" && len(parts) == 2:
		return place{"sheet", parts[1], ""}
	case parts[0] == "services" && len(parts) == 4:
		kind := map[string]string{"members": "member", "live": "live"}[parts[2]]
		return place{kind, parts[1], parts[3]}
	}
	return place{}
}

// read decodes what the code under test has written.
func read[T any](w *world, path string, data []byte) T {
	var v T
	if err := json.Unmarshal(data, &v); err != nil {
		w.failLocked("G8", "%s: %v: %.80q", path, err, data)
	}
	return v
}
