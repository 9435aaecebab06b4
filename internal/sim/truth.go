package sim

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/musterhq/muster"
)

// The truth is what the checks know: the newest tree, decoded, and what once
// was in it.
type truth struct {
	began     time.Time
	processes map[string]*instance // by service/entry; all there ever were
	status    map[string]muster.Status
	specs     map[specKey]muster.Spec
	sheet     map[string]muster.Sheet   // newest, by service
	sheets    map[sheetKey]muster.Sheet // all
	acked     map[string]int32          // by service/entry: the highest revision that it ever acked
	wanted    map[string]muster.Stage   // by feature, as the records tell
	carried   map[string]int            // by request: how often it was carried out
	takesPart map[partKey]int32         // by service and feature: the sheet revision from which on it does
	changed   time.Time                 // of any feature or roster
}

// A partKey names a feature in a service's sheet.
type partKey struct{ service, feature string }

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
		processes: make(map[string]*instance),
		status:    make(map[string]muster.Status),
		specs:     make(map[specKey]muster.Spec),
		sheet:     make(map[string]muster.Sheet),
		sheets:    make(map[sheetKey]muster.Sheet),
		acked:     make(map[string]int32),
		wanted:    make(map[string]muster.Stage),
		carried:   make(map[string]int),
		takesPart: make(map[partKey]int32),
	}
}

// lives reports whether the process behind an entry is there.
func (t *truth) lives(service, entry string) bool {
	i := t.processes[service+"/"+entry]
	for _, there := range i.w.instances {
		if there == i {
			return true
		}
	}
	return false
}

// inForce returns the spec in force of a feature that is not removed.
func (t *truth) inForce(key string) (muster.Spec, bool) {
	status := t.status[key]
	spec, ok := t.specs[specKey{key, status.Spec}]
	return spec, ok && !status.Deleted
}

// members returns the entries of a service's roster.
func (w *world) members(service string) []string {
	return w.cluster.newest(memberPath(service, "")).children
}

// place tells what a path stands for.
type place struct {
	kind        string // feature, spec, sheet, roster, member, live, knock, record, or ""
	name, under string // of the feature or service, and of what lies below it
}

func placeOf(path string) place {
	parts := strings.Split(strings.TrimPrefix(path, root+"/"), "/")
	switch {
	case parts[0] == "features" && len(parts) == 2:
		return place{kind: "feature", name: parts[1]}
	case parts[0] == "features" && len(parts) == 4:
		return place{kind: "spec", name: parts[1], under: parts[3]}
	case parts[0] == "history" && len(parts) == 2:
		return place{kind: "record", name: parts[1]}
	case parts[0] != "services" || len(parts) == 1:
		return place{}
	case len(parts) == 2:
		return place{kind: "sheet", name: parts[1]}
	case len(parts) == 4:
		kind := map[string]string{"members": "member", "live": "live", "knocks": "knock"}[parts[2]]
		return place{kind: kind, name: parts[1], under: parts[3]}
	}
	return place{}
}

func memberPath(service, entry string) string {
	return strings.TrimSuffix(root+"/services/"+service+"/members/"+entry, "/")
}

// read decodes what was written by the code under test.
func read[T any](w *world, path string, data []byte) T {
	var v T
	if err := json.Unmarshal(data, &v); err != nil {
		w.fail("G8", "%s: %v: %.80q", path, err, data)
	}
	return v
}
