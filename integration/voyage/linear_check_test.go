package voyage_test

import (
	"strings"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/musterhq/muster"
)

func op(input any, call, ret int64) porcupine.Operation {
	return porcupine.Operation{Input: input, Call: call, Return: ret}
}

func wrote(stage muster.Stage) wish  { return wish{feature: "f", stage: stage} }
func isRead(stage muster.Stage) wish { return wish{feature: "f", read: true, stage: stage} }

func TestWhatIsWantedIsARegister(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		ops   []porcupine.Operation
		right bool
	}{
		"read after an answer":           {[]porcupine.Operation{op(wrote(muster.On), 1, 2), op(isRead(muster.On), 3, 4)}, true},
		"read beside a command":          {[]porcupine.Operation{op(wrote(muster.On), 1, 4), op(isRead(muster.Off), 2, 3)}, true},
		"unknown, and done":              {[]porcupine.Operation{op(wrote(muster.On), 1, never), op(isRead(muster.On), 3, 4)}, true},
		"unknown, and not done":          {[]porcupine.Operation{op(wrote(muster.On), 1, never), op(isRead(muster.Off), 3, 4)}, true},
		"unknown, and done late":         {[]porcupine.Operation{op(wrote(muster.On), 1, never), op(isRead(muster.Off), 3, 4), op(isRead(muster.On), 5, 6)}, true},
		"a command is lost":              {[]porcupine.Operation{op(wrote(muster.On), 1, 2), op(isRead(muster.Off), 3, 4)}, false},
		"a command comes back":           {[]porcupine.Operation{op(wrote(muster.On), 1, 2), op(wrote(muster.Off), 3, 4), op(isRead(muster.On), 5, 6)}, false},
		"unknown, done and undone":       {[]porcupine.Operation{op(wrote(muster.On), 1, never), op(isRead(muster.On), 3, 4), op(isRead(muster.Off), 5, 6)}, false},
		"done before it was asked for":   {[]porcupine.Operation{op(isRead(muster.On), 1, 2), op(wrote(muster.On), 3, 4)}, false},
		"one by one, seen in two orders": {[]porcupine.Operation{op(wrote(muster.On), 1, 9), op(wrote(muster.Off), 1, 2), op(isRead(muster.On), 3, 4), op(isRead(muster.Off), 5, 6)}, false},
	} {
		if what := (operations{wishes: tc.ops}).check(patience); (what == "") != tc.right {
			t.Errorf("%s: %q, want right: %t", name, what, tc.right)
		}
	}
}

func at(kind, entry, version string) seating {
	return seating{service: "s", kind: kind, entry: entry, version: version}
}

func shut() seating { return seating{service: "s", kind: "gate", gate: versions[0]} }

func there(entries ...string) seating {
	return seating{service: "s", kind: "read", there: strings.Join(entries, " ")}
}

func TestARosterIsASetBehindAGate(t *testing.T) {
	t.Parallel()
	old := versions[0]
	for name, tc := range map[string]struct {
		ops   []porcupine.Operation
		right bool
	}{
		"joined and seen":             {[]porcupine.Operation{op(at("join", "a", newest), 1, 2), op(there("a"), 3, 4)}, true},
		"joined as the gate shuts":    {[]porcupine.Operation{op(at("join", "a", old), 1, 4), op(shut(), 2, 2), op(there("a"), 5, 6)}, true},
		"refused as the gate shuts":   {[]porcupine.Operation{op(at("refused", "a", old), 1, 4), op(shut(), 2, 2), op(there(), 5, 6)}, true},
		"ended before it was told":    {[]porcupine.Operation{op(at("unknown", "a", old), 1, never), op(there("a"), 3, 4)}, true},
		"ended before it was done":    {[]porcupine.Operation{op(shut(), 1, 1), op(at("unknown", "a", old), 2, never), op(there(), 3, 4)}, true},
		"left, or not":                {[]porcupine.Operation{op(at("join", "a", newest), 1, 2), op(at("perhaps", "a", ""), 3, never), op(there("a"), 4, 5), op(there(), 6, 7)}, true},
		"given up and back":           {[]porcupine.Operation{op(at("join", "a", newest), 1, 2), op(at("reap", "a", ""), 3, 3), op(there(), 4, 5), op(at("return", "a", newest), 6, 6), op(there("a"), 7, 8)}, true},
		"joined past the gate":        {[]porcupine.Operation{op(shut(), 1, 1), op(at("join", "a", old), 2, 3)}, false},
		"refused with the gate open":  {[]porcupine.Operation{op(at("refused", "a", old), 1, 2), op(shut(), 3, 3)}, false},
		"joined and forgotten":        {[]porcupine.Operation{op(at("join", "a", newest), 1, 2), op(there(), 3, 4)}, false},
		"left and still there":        {[]porcupine.Operation{op(at("join", "a", newest), 1, 2), op(at("leave", "a", ""), 3, 4), op(there("a"), 5, 6)}, false},
		"given up without being in":   {[]porcupine.Operation{op(at("reap", "a", ""), 1, 1)}, false},
		"there before it has started": {[]porcupine.Operation{op(there("a"), 1, 2), op(at("join", "a", newest), 3, 4)}, false},
	} {
		if what := (operations{rosters: tc.ops}).check(patience); (what == "") != tc.right {
			t.Errorf("%s: %q, want right: %t", name, what, tc.right)
		}
	}
}

// Two wrong systems whose histories nothing but porcupine looks at.
func TestWrongSystemsAreNotLinearizable(t *testing.T) {
	for _, tc := range []struct {
		variant
		want string
	}{
		{variant{
			name: "gate ignored", unjudged: true,
			instance: documents(false, replaced(`"gate":"closed"`, `"gate":"open"`)),
		}, "rosters"},
		{variant{
			name: "commands answered and not carried out", unjudged: true,
			agent: forgetful,
		}, "wanted"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			const most = 10
			for seed := range uint64(most) {
				out := sail(t, seed+1, tc.variant, time.Minute)
				if what := out.ops.check(patience); strings.Contains(what, tc.want) {
					t.Logf("seed %d, %d and %d operations: %s", seed+1, len(out.ops.wishes), len(out.ops.rosters), what)
					return
				}
			}
			t.Errorf("%d histories are linearizable", most)
		})
	}
}
