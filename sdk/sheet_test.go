package sdk_test

import (
	"encoding/json"
	"testing"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/internal/store"
	"github.com/musterhq/muster/internal/zoo"
)

// A sheetWriter is the agent of a test: it writes a service's sheet.
type sheetWriter struct {
	t       testing.TB
	zk      *zoo.Session
	store   *store.Store
	service string
}

func newSheet(t testing.TB, zk *zoo.Session, service string) *sheetWriter {
	t.Helper()
	s := &sheetWriter{t: t, zk: zk, store: store.New(zk, "/muster"), service: service}
	if err := s.store.Init(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

// put has the sheet say this of the feature alone, and returns its revision.
func (s *sheetWriter) put(e muster.Entry) int32 {
	s.t.Helper()
	return s.putAll(map[string]muster.Entry{feature: e})
}

// putAll writes the whole sheet.
func (s *sheetWriter) putAll(features map[string]muster.Entry) int32 {
	s.t.Helper()
	sheet, _, err := s.store.WatchSheet(s.t.Context(), s.service) // makes the service
	if err != nil {
		s.t.Fatal(err)
	}
	for key, e := range features {
		if old := sheet.Features[key]; old.Epoch == e.Epoch {
			e.Since = old.Since
		} else {
			e.Since = sheet.Revision + 1
		}
		features[key] = e
	}
	body, err := json.Marshal(struct {
		Format   int                     `json:"format"`
		Service  string                  `json:"service"`
		Features map[string]muster.Entry `json:"features"`
	}{1, s.service, features})
	if err != nil {
		s.t.Fatal(err)
	}
	return s.write("/muster/services/"+s.service, string(body))
}

// write puts a body at a path, and returns its version.
func (s *sheetWriter) write(path, body string) int32 {
	s.t.Helper()
	var t zoo.Txn
	t.Set(path, []byte(body), -1)
	results, err := s.zk.Commit(s.t.Context(), t)
	if err != nil {
		s.t.Fatal(err)
	}
	return results[0].Version
}

// policed puts a feature for each policy on the sheet, at this stage, and each
// bears its policy's name.
func (s *sheetWriter) policed(stage muster.Stage, policies ...muster.OnDisconnect) int32 {
	s.t.Helper()
	features := make(map[string]muster.Entry)
	for _, policy := range policies {
		e := entry(stage, 1)
		e.OnDisconnect = policy
		features[string(policy)] = e
	}
	return s.putAll(features)
}

// entry is what the sheets of most tests say of the feature.
func entry(stage muster.Stage, epoch int64) muster.Entry {
	gate := muster.GateOpen
	if stage != muster.Off {
		gate = muster.GateClosed
	}
	return muster.Entry{
		Stage: stage, Epoch: epoch, Spec: 1, Gate: gate, OnDisconnect: muster.FallToAccept,
		Constraint: muster.MustConstraint(">=2.0.0"),
	}
}
