package sdk

import (
	"bytes"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster"
)

func goodSaved() saved {
	at := func(stage Stage, gate muster.Gate, policy muster.OnDisconnect) muster.Entry {
		return muster.Entry{Stage: stage, Epoch: 3, Since: 2, Spec: 1, Constraint: muster.MustConstraint(">=2.0.0"), Gate: gate, OnDisconnect: policy}
	}
	return saved{
		Service: "checkout", Root: "/muster", Instance: "c1", Version: "2.0.0",
		Written: time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC), Revision: 7,
		Features: map[string]muster.Entry{
			"a": at(On, muster.GateClosed, muster.Hold),
			"b": at(Off, muster.GateOpen, muster.Stop),
			"c": at(Accept, muster.GateClosed, muster.FallToAccept),
		},
	}
}

func TestSavedRoundTrip(t *testing.T) {
	t.Parallel()
	data, err := goodSaved().encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := decodeSaved(data)
	if diff := cmp.Diff(got, goodSaved()); diff != "" || err != nil {
		t.Error(err, diff)
	}
}

// What bears a right checksum can be wrong all the same.
func TestSavedIsValidated(t *testing.T) {
	t.Parallel()
	for name, edit := range map[string]func(*saved){
		"revision":   func(s *saved) { s.Revision = -1 },
		"written":    func(s *saved) { s.Written = time.Time{} },
		"service":    func(s *saved) { s.Service = "a/b" },
		"feature":    func(s *saved) { s.Features["a/b"] = s.Features["a"] },
		"constraint": func(s *saved) { e := s.Features["a"]; e.Constraint = muster.Constraint{}; s.Features["a"] = e },
		"policy":     func(s *saved) { e := s.Features["a"]; e.OnDisconnect = "hope"; s.Features["a"] = e },
	} {
		s := goodSaved()
		edit(&s)
		data, err := s.encode()
		if err != nil {
			t.Fatal(err)
		}
		if got, err := decodeSaved(data); err == nil {
			t.Errorf("%s: took %+v", name, got)
		}
	}
}

// FuzzSnapshot: whatever lies on disk, with a right checksum or without, is
// refused or makes a snapshot that can be answered from: at the fence, and the
// same after it was written again.
func FuzzSnapshot(f *testing.F) {
	good, err := goodSaved().encode()
	if err != nil {
		f.Fatal(err)
	}
	_, body, _ := bytes.Cut(good, []byte("\n"))
	for _, seed := range [][]byte{good, body, nil, []byte("{}"), []byte("muster-snapshot"), []byte("muster-snapshot 2 x\n"), []byte(`{"features":{"":{"stage":"on"}}}`)} {
		f.Add(seed, "1.0.0")
		f.Add(append(savedHead(seed), seed...), "2.0.0")
	}
	f.Fuzz(func(t *testing.T, data []byte, version string) {
		for _, data := range [][]byte{data, append(savedHead(data), data...)} {
			s, err := decodeSaved(data)
			if err != nil {
				continue
			}
			again, err := s.encode()
			if err != nil {
				t.Fatalf("%q is taken and cannot be written: %v", data, err)
			}
			same, err := decodeSaved(again)
			if diff := cmp.Diff(same.Features, s.Features); err != nil || same.Revision != s.Revision || diff != "" {
				t.Fatalf("written again it is another: %v %s", err, diff)
			}
			snap := s.snapshot(version)
			for key, entry := range s.Features {
				got := snap.slot(&handle{handleKey: handleKey{key, Accept}})
				if got.fenced != Accept && (got.fenced != entry.Stage || entry.OnDisconnect != muster.Hold) {
					t.Fatalf("%s stands at %v by %+v", key, got.fenced, entry)
				}
			}
		}
	})
}
