package voyage_test

import (
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/musterhq/muster"
)

// Operations are what operators, instances and readers did, as porcupine wants
// them: each with the numbers of the events at which it was called and answered.
// What is wanted of a feature is one register, and a service's roster behind its
// gate is one set.
type operations struct{ wishes, rosters []porcupine.Operation }

// never is when an operation returned of which nobody knows whether it was done,
// or will be.
const never = math.MaxInt64

// A linear collects operations. World.mu guards it.
type linear struct {
	ops   operations
	gates map[string]string // as last noted, by service
}

func newLinear() linear { return linear{gates: make(map[string]string)} }

func (l *linear) all() operations { return l.ops }

// A wish is an operation on what is wanted of a feature.
type wish struct {
	feature string
	read    bool
	stage   muster.Stage // that was written, or read
}

// wrote notes a write that was made at one moment, by an agent itself.
func (l *linear) wrote(feature string, stage muster.Stage, at int64) {
	l.wished(feature, stage, at, at)
}

// wished notes an operator's command; it returned never where the outcome is
// not known.
func (l *linear) wished(feature string, stage muster.Stage, call, ret int64) {
	l.ops.wishes = append(l.ops.wishes, porcupine.Operation{Input: wish{feature, false, stage}, Call: call, Return: ret})
}

// read notes what somebody was told is wanted.
func (l *linear) read(feature string, stage muster.Stage, call, ret int64) {
	l.ops.wishes = append(l.ops.wishes, porcupine.Operation{Input: wish{feature, true, stage}, Call: call, Return: ret})
}

// wishes is the sequential model of what is wanted: a register for each
// feature. An unknown write is one that returns never: it has room to take
// effect after all that is ever read.
func wishes() porcupine.Model {
	return porcupine.Model{
		Partition: partition(func(input any) string { return input.(wish).feature }),
		Init:      func() any { return muster.Off },
		Step: func(state, input, _ any) (bool, any) {
			if op := input.(wish); op.read {
				return op.stage == state.(muster.Stage), state
			} else {
				return true, op.stage
			}
		},
	}
}

// A seating is an operation on a service's roster.
type seating struct {
	service string
	kind    string // join, refused, unknown, return, leave, perhaps, reap, gate, read
	entry   string
	version string
	gate    string // of gate: what is refused, see closed
	there   string // of read: the entries
}

func (l *linear) seat(op seating, call, ret int64) {
	l.ops.rosters = append(l.ops.rosters, porcupine.Operation{Input: op, Call: call, Return: ret})
}

func (l *linear) joined(service, entry, version string, call, ret int64) {
	l.seat(seating{service: service, kind: "join", entry: entry, version: version}, call, ret)
}

func (l *linear) refused(service, entry, version string, call, ret int64) {
	l.seat(seating{service: service, kind: "refused", entry: entry, version: version}, call, ret)
}

// unknown notes an instance that ended before it was told of its birth.
func (l *linear) unknown(service, entry, version string, call int64) {
	l.seat(seating{service: service, kind: "unknown", entry: entry, version: version}, call, never)
}

func (l *linear) returned(service, entry, version string, at int64) {
	l.seat(seating{service: service, kind: "return", entry: entry, version: version}, at, at)
}

func (l *linear) left(service, entry string, call, ret int64, sure bool) {
	if !sure {
		l.seat(seating{service: service, kind: "perhaps", entry: entry}, call, never)
		return
	}
	l.seat(seating{service: service, kind: "leave", entry: entry}, call, ret)
}

func (l *linear) reaped(service, entry string, at int64) {
	l.seat(seating{service: service, kind: "reap", entry: entry}, at, at)
}

// gate notes who is refused from now on, if that is new.
func (l *linear) gate(service string, sheet muster.Sheet, at int64) {
	if now := closed(sheet); now != l.gates[service] {
		l.gates[service] = now
		l.seat(seating{service: service, kind: "gate", gate: now}, at, at)
	}
}

func (l *linear) listed(service string, entries []string, call, ret int64) {
	slices.Sort(entries)
	l.seat(seating{service: service, kind: "read", there: strings.Join(entries, " ")}, call, ret)
}

// closed lists which of the voyage's versions a sheet refuses.
func closed(sheet muster.Sheet) string {
	var refused []string
	for _, version := range versions {
		if len(sheet.Admit(version)) > 0 {
			refused = append(refused, version)
		}
	}
	return strings.Join(refused, " ")
}

// A roster is the state of the model: the entries, and whom the gate refuses.
// Both are lists in one text, so that states compare.
type roster struct{ entries, refuses string }

// rosters is the sequential model of a service's roster. Of what is unknown both
// outcomes are possible.
func rosters() porcupine.Model {
	return (&porcupine.NondeterministicModel{
		Partition: partition(func(input any) string { return input.(seating).service }),
		Init:      func() []any { return []any{roster{}} },
		Step: func(state, input, _ any) []any {
			return state.(roster).next(input.(seating))
		},
	}).ToModel()
}

func (r roster) next(op seating) []any {
	admits := !slices.Contains(strings.Fields(r.refuses), op.version)
	switch op.kind {
	case "join", "return":
		return only(admits, r.with(op.entry))
	case "refused":
		return only(!admits, r)
	case "unknown":
		return append(only(admits, r.with(op.entry)), r)
	case "leave":
		return only(true, r.without(op.entry))
	case "perhaps":
		return []any{r, r.without(op.entry)}
	case "reap":
		return only(r.has(op.entry), r.without(op.entry))
	case "gate":
		r.refuses = op.gate
		return only(true, r)
	default:
		return only(r.entries == op.there, r)
	}
}

// only returns the state, if there may be one.
func only(possible bool, next roster) []any {
	if possible {
		return []any{next}
	}
	return nil
}

func (r roster) has(entry string) bool { return slices.Contains(strings.Fields(r.entries), entry) }

func (r roster) with(entry string) roster {
	if !r.has(entry) {
		all := append(strings.Fields(r.entries), entry)
		slices.Sort(all)
		r.entries = strings.Join(all, " ")
	}
	return r
}

func (r roster) without(entry string) roster {
	all := slices.DeleteFunc(strings.Fields(r.entries), func(e string) bool { return e == entry })
	r.entries = strings.Join(all, " ")
	return r
}

// partition splits operations by what they are on: what is linearizable in each
// part is so as a whole.
func partition(key func(input any) string) func([]porcupine.Operation) [][]porcupine.Operation {
	return func(all []porcupine.Operation) [][]porcupine.Operation {
		parts := make(map[string][]porcupine.Operation)
		for _, op := range all {
			parts[key(op.Input)] = append(parts[key(op.Input)], op)
		}
		var split [][]porcupine.Operation
		for _, name := range slices.Sorted(maps.Keys(parts)) {
			split = append(split, parts[name])
		}
		return split
	}
}

// check says what is not linearizable: "" where all is. It runs where time is
// real, for it gives up after patience, and says so.
func (o operations) check(patience time.Duration) string {
	for _, part := range []struct {
		name  string
		model porcupine.Model
		ops   []porcupine.Operation
	}{{"what is wanted of the features", wishes(), o.wishes}, {"the rosters", rosters(), o.rosters}} {
		switch porcupine.CheckOperationsTimeout(part.model, part.ops, patience) {
		case porcupine.Illegal:
			return part.name + ": the history is not linearizable"
		case porcupine.Unknown:
			return part.name + ": it was not found out within " + patience.String() + " whether the history is linearizable"
		}
	}
	return ""
}
