package wire_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/internal/wire"
	musterv1 "github.com/musterhq/muster/proto/muster/v1"
)

// settles checks that a message either is refused, or is read as words that are
// written and read alike ever after. The first writing may take out what a
// terminal would obey.
func settles[W any, M proto.Message](t *testing.T, data []byte, m M, read func(M) (W, error), write func(W) M) {
	t.Helper()
	if proto.Unmarshal(data, m) != nil {
		return
	}
	first, err := read(m)
	if err != nil {
		return
	}
	second, err := read(write(first))
	if err != nil {
		t.Fatalf("what was read cannot be read again: %v", err)
	}
	written := write(second)
	if _, err := proto.Marshal(written); err != nil {
		t.Fatalf("what was read cannot be sent: %v", err)
	}
	third, err := read(written)
	if err != nil {
		t.Fatalf("what was read twice cannot be read again: %v", err)
	}
	if diff := cmp.Diff(third, second, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("changed on the way (-got +want):\n%s", diff)
	}
}

// FuzzFeature: any message either is refused or is read and written alike.
func FuzzFeature(f *testing.F) {
	add(f, wire.FeatureProto(muster.Feature{
		Status:   muster.Status{Feature: "structured-address", Stage: muster.Accept, Desired: muster.On, Epoch: 3, Gate: muster.GateClosed, Since: time.Unix(1, 2)},
		Spec:     muster.Spec{Feature: "structured-address", Participants: map[string]muster.Participant{"checkout": {Version: muster.MustConstraint(">=2"), MinInstances: 2}}},
		Blockers: []muster.Blocker{{Reason: muster.ReasonNotAcked, Service: "checkout", Detail: "has not acked"}},
	}))
	f.Fuzz(func(t *testing.T, data []byte) {
		settles(t, data, new(musterv1.Feature), wire.Feature, wire.FeatureProto)
	})
}

// FuzzService does so for a service, its instances and its knocks.
func FuzzService(f *testing.F) {
	inst := muster.Instance{Service: "checkout", ID: "c1", Incarnation: "abcdef", Version: "2.0.0", Labels: map[string]string{"zone": "a"}, Lease: time.Second}
	add(f, wire.ServiceProto(muster.Service{
		Sheet:   muster.Sheet{Service: "checkout", Revision: 3, Features: map[string]muster.Entry{"f": {Constraint: muster.MustConstraint(">=2"), OnDisconnect: muster.Hold}}},
		Members: []muster.Member{{Instance: inst, Live: true, Ack: muster.Ack{Revision: 3, Oldest: time.Unix(1, 2)}}},
		Knocks:  []muster.Knock{{Instance: inst, Refusals: []muster.Refusal{{Feature: "f", Constraint: muster.MustConstraint(">=3"), Version: "2.0.0"}}}},
	}, true))
	f.Fuzz(func(t *testing.T, data []byte) {
		settles(t, data, new(musterv1.Service), wire.Service, func(s muster.Service) *musterv1.Service { return wire.ServiceProto(s, true) })
	})
}

// FuzzRecord does so for an audit record.
func FuzzRecord(f *testing.F) {
	add(f, wire.RecordProto(muster.Record{
		ID: "r-0000000001", Time: time.Unix(1, 2), Action: muster.ActionMove, Feature: "f", To: muster.Accept, By: "agent/a1",
		Evidence: map[string]muster.Evidence{"checkout": {Roster: 1, Versions: map[string]int{"2.0.0": 2}}},
	}))
	f.Fuzz(func(t *testing.T, data []byte) {
		settles(t, data, new(musterv1.Record), wire.Record, wire.RecordProto)
	})
}

// FuzzError: whatever status an answer brings, it is an error that can be shown
// and sent on.
func FuzzError(f *testing.F) {
	for _, err := range []error{
		&muster.InvalidError{Field: "feature", Value: "a/b", Problem: "is bad", Source: "f.yaml:1:2"},
		&muster.RefusedError{Service: "checkout", Refusals: []muster.Refusal{{Feature: "f", Constraint: muster.MustConstraint(">=3"), Version: "2.0.0"}}},
		&muster.BlockedError{Feature: "f", Desired: muster.On, Blockers: []muster.Blocker{{Reason: muster.ReasonNotAcked}}},
		muster.ErrConflict, errors.New("other"),
	} {
		add(f, wire.Status(err).Proto())
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m := new(spb.Status)
		if proto.Unmarshal(data, m) != nil || m.GetCode() == 0 {
			return
		}
		err := wire.Error(status.FromProto(m).Err())
		if err == nil {
			t.Fatal("an error became none")
		}
		_ = err.Error()
		if _, err := proto.Marshal(wire.Status(err).Proto()); err != nil {
			t.Errorf("it cannot be sent on: %v", err)
		}
	})
}

func add(f *testing.F, m proto.Message) {
	f.Helper()
	data, err := proto.Marshal(m)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add(data[:len(data)/2])
}
