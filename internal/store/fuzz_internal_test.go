package store

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/musterhq/muster"
)

// Where the znodes that are read stand in these tests.
const (
	fuzzPath  = "/muster/here"
	fuzzName  = "checkout" // of the service and of the feature
	fuzzEntry = "c1~abcdef"
)

// A reading is how one kind of znode is read, and read again from what was
// written of it. The values are what the reader is told.
type reading func(t *testing.T, data []byte) (told any, err error)

// again reads, writes and reads: what is accepted must come out alike.
func again[T any](read func([]byte) (T, error)) reading {
	return func(t *testing.T, data []byte) (any, error) {
		v, err := read(data)
		if err != nil {
			return v, err
		}
		body, err := encode(v)
		if err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		second, err := read(body)
		if err != nil {
			t.Fatalf("what was written cannot be read: %v\n%s", err, body)
		}
		if diff := cmp.Diff(second, v, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("changed on the way (-read again +read):\n%s", diff)
		}
		return v, nil
	}
}

// readings are all kinds of znodes with a body.
func readings() []reading {
	return []reading{
		again(func(b []byte) (muster.Sheet, error) { return decodeSheet(fuzzPath, fuzzName, b, 7) }),
		again(func(b []byte) (muster.Status, error) { return decodeStatus(fuzzPath, fuzzName, b) }),
		again(func(b []byte) (muster.Spec, error) { return decodeSpec(fuzzPath, fuzzName, 1, b) }),
		again(func(b []byte) (muster.Instance, error) { return decodeInstance(fuzzPath, fuzzName, fuzzEntry, b) }),
		again(func(b []byte) (muster.Ack, error) { return decodeAck(fuzzPath, b) }),
		again(func(b []byte) (muster.Knock, error) { return decodeKnock(fuzzPath, fuzzName, fuzzEntry, b) }),
		again(func(b []byte) (muster.Record, error) { return decodeRecord(fuzzPath, b) }),
	}
}

// FuzzDecode: whatever lies in a znode is either refused with its path, or says
// the same when it is written and read again, belongs where it stands, and holds
// nothing that a terminal would obey (case 35).
func FuzzDecode(f *testing.F) {
	for kind, v := range fuzzSeeds() {
		body, err := encode(v)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(byte(kind), body)
		f.Add(byte(kind), body[:len(body)/2])
		f.Add(byte(kind), append(body[:len(body)-1:len(body)-1], `,"future":{"deep":[1,null,"x"]}}`...))
	}
	for kind := range readings() {
		f.Add(byte(kind), []byte(`{"format":2}`))
		f.Add(byte(kind), []byte(`{"format":1,"service":"checkout","feature":"checkout","why":"\u001b]0;owned\u0007","by":"a\u202eb","action":"\u009b2J","version":"1\n2"}`))
		f.Add(byte(kind), []byte(`{"format":1,"time":"9999-12-31T23:59:59.999999999-23:59","since":"0000-01-01T00:00:00Z"}`))
	}
	f.Fuzz(func(t *testing.T, kind byte, data []byte) {
		all := readings()
		told, err := all[int(kind)%len(all)](t, data)
		if err != nil {
			var garbage *GarbageError
			if !errors.As(err, &garbage) || garbage.Path != fuzzPath || !strings.Contains(err.Error(), fuzzPath) {
				t.Fatalf("an error that does not name the path: %v", err)
			}
			if strings.ContainsFunc(err.Error(), muster.Misleading) || len(err.Error()) > 1000 {
				t.Errorf("an error nobody wants to read: %q", err)
			}
			return
		}
		belongs(t, told)
	})
}

// belongs checks what no reader may let pass.
func belongs(t *testing.T, told any) {
	t.Helper()
	line := func(texts ...string) {
		for _, text := range texts {
			if strings.ContainsFunc(text, muster.Misleading) {
				t.Errorf("%q would be shown to people", text)
			}
		}
	}
	switch v := told.(type) {
	case muster.Sheet:
		line(v.Service)
		for key := range v.Features {
			if err := muster.ValidateFeature(key); err != nil {
				t.Error(err)
			}
		}
	case muster.Status:
		line(v.Feature, v.By)
	case muster.Spec:
		if err := v.Validate(); err != nil {
			t.Error(err)
		}
	case muster.Instance:
		if err := v.Validate(); err != nil {
			t.Error(err)
		}
	case muster.Knock:
		for _, r := range v.Refusals {
			line(r.Feature, r.Version, r.Constraint.String())
		}
	case muster.Record:
		line(string(v.Action), v.Feature, v.Service, v.Instance, v.By)
		for service, e := range v.Evidence {
			line(service)
			for version := range e.Versions {
				line(version)
			}
		}
	}
}

// fuzzSeeds are one good value of each kind, in the order of readings.
func fuzzSeeds() []any {
	at := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	atLeast2 := muster.MustConstraint(">=2.0.0")
	inst := muster.Instance{
		Service: fuzzName, ID: "c1", Incarnation: "abcdef", Version: "2.0.0", Labels: map[string]string{"zone": "a"},
		Started: at, Address: "10.0.0.1:80", SDK: "go/1", Lease: 12 * time.Second, SessionTimeout: 8 * time.Second,
	}
	return []any{
		muster.Sheet{Service: fuzzName, Features: map[string]muster.Entry{"tax": {
			Stage: muster.Accept, Epoch: 1, Since: 3, Spec: 1, Constraint: atLeast2, Gate: muster.GateClosed, OnDisconnect: muster.FallToAccept,
		}}},
		muster.Status{
			Feature: fuzzName, Desired: muster.On, Stage: muster.Accept, Epoch: 1, Gate: muster.GateClosed, Spec: 1, DesiredSpec: 2,
			Since: at, Changed: at, By: "alice", Why: "release 42", Operation: "x", Requests: []string{"a", "b"},
		},
		muster.Spec{Feature: fuzzName, Revision: 1, Participants: map[string]muster.Participant{"shop": {Version: atLeast2}}}.WithDefaults(),
		inst,
		muster.Ack{Revision: 3, Applied: 4, Draining: 2, Oldest: at},
		muster.Knock{Instance: inst, Since: at, Refusals: []muster.Refusal{{Feature: "tax", Stage: muster.On, Constraint: atLeast2, Version: "1.0.0"}}},
		muster.Record{
			Time: at, Action: muster.ActionMove, Feature: fuzzName, To: muster.Accept, Epoch: 1, By: "agent/a1", Operation: "x",
			Evidence: map[string]muster.Evidence{"shop": {Roster: 1, Members: 2, Versions: map[string]int{"2.0.0": 2}, Checked: true}},
		},
	}
}
