package wire_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
	"pgregory.net/rapid"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/internal/wire"
	musterv1 "github.com/musterhq/muster/proto/muster/v1"
)

// sent marshals a message and reads it again, as the network does.
func sent[M proto.Message](t *rapid.T, m M) M {
	data, err := proto.Marshal(m)
	if err != nil {
		t.Fatalf("marshal: %v", err)
	}
	got := m.ProtoReflect().New().Interface().(M)
	if err := proto.Unmarshal(data, got); err != nil {
		t.Fatalf("unmarshal: %v", err)
	}
	return got
}

// returns checks that what is read is what was written.
func returns[W any](t *rapid.T, got W, err error, want W) {
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("not what was written (-got +want):\n%s", diff)
	}
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	t.Run("feature", rapid.MakeCheck(func(t *rapid.T) {
		want := features.Draw(t, "feature")
		got, err := wire.Feature(sent(t, wire.FeatureProto(want)))
		returns(t, got, err, want)
	}))
	t.Run("service", rapid.MakeCheck(func(t *rapid.T) {
		want := services.Draw(t, "service")
		got, err := wire.Service(sent(t, wire.ServiceProto(want, true)))
		returns(t, got, err, want)
	}))
	t.Run("member", rapid.MakeCheck(func(t *rapid.T) {
		want := members("checkout").Draw(t, "member")
		got, err := wire.Member(sent(t, wire.MemberProto(want)))
		returns(t, got, err, want)
	}))
	t.Run("record", rapid.MakeCheck(func(t *rapid.T) {
		want := records.Draw(t, "record")
		got, err := wire.Record(sent(t, wire.RecordProto(want)))
		returns(t, got, err, want)
	}))
	t.Run("refusals", rapid.MakeCheck(func(t *rapid.T) {
		want := listOf(refusals).Draw(t, "refusals")
		m := sent(t, &musterv1.Refused{Refusals: wire.RefusalsProto(want)})
		got, err := wire.Refusals(m.GetRefusals())
		returns(t, got, err, want)
	}))
}

// Garbage in the registry, which may be any bytes, can be written.
func TestGarbageBecomesText(t *testing.T) {
	t.Parallel()
	const garbage = "a\xff\xfe\x00b"
	svc := muster.Service{
		Sheet:   muster.Sheet{Service: "checkout", Features: map[string]muster.Entry{garbage: {}}},
		Members: []muster.Member{{Instance: muster.Instance{Service: "checkout", ID: garbage, Labels: map[string]string{garbage: garbage}}, Problem: garbage}},
		Problem: garbage,
	}
	svc.Members[0].Instance.Started = time.Date(-5000, 1, 1, 0, 0, 0, 0, time.UTC)
	m := wire.ServiceProto(svc, true)
	if _, err := proto.Marshal(m); err != nil {
		t.Error(err)
	}
	if got, err := wire.Service(m); err != nil || got.Members[0].Instance.ID != "a\uFFFD\uFFFDb" {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestBasicViewCounts(t *testing.T) {
	t.Parallel()
	m := wire.ServiceProto(muster.Service{
		Sheet:   muster.Sheet{Service: "checkout", Revision: 7},
		Members: []muster.Member{{Live: true}, {}, {Live: true}},
		Knocks:  []muster.Knock{{}},
	}, false)
	want := &musterv1.Service{Name: "services/checkout", Sheet: &musterv1.Sheet{Revision: 7}, InstanceCount: 3, LiveInstanceCount: 2}
	if !proto.Equal(m, want) {
		t.Errorf("got %v, want %v", m, want)
	}
}

func TestWhatNoWordExistsFor(t *testing.T) {
	t.Parallel()
	feature := func(change func(*musterv1.Feature)) *musterv1.Feature {
		m := wire.FeatureProto(muster.Feature{
			Status: muster.Status{Feature: "f"},
			Spec:   muster.Spec{Feature: "f", Participants: map[string]muster.Participant{"s": {Version: muster.MustConstraint(">=1")}}},
		})
		change(m)
		return m
	}
	tests := []struct {
		name   string
		m      *musterv1.Feature
		reason string
	}{
		{"no message", nil, `name is not of the form features/{name}`},
		{"no name", feature(func(m *musterv1.Feature) { m.Name = "" }), `name is not of the form features/{name}`},
		{"another resource", feature(func(m *musterv1.Feature) { m.Name = "services/f" }), `name "services/f" is not of the form features/{name}`},
		{"a bad key", feature(func(m *musterv1.Feature) { m.Name = "features/a/b" }), `feature "a/b" may hold lower-case letters, digits and . _ - between them`},
		{"a stage to come", feature(func(m *musterv1.Feature) { m.Status.Stage = 9 }), `status.stage "9" is not known to this version of muster`},
		{"no stage", feature(func(m *musterv1.Feature) { m.Status.Desired = 0 }), `status.desired is missing`},
		{"a policy to come", feature(func(m *musterv1.Feature) { m.Spec.Vanished = 9 }), `spec.vanished "9" is not known to this version of muster`},
		{"a bad constraint", feature(func(m *musterv1.Feature) { m.Spec.Participants["s"].Version = "new" }), `version "new" is not a version constraint such as ">=2.3.0"`},
		{"no moment", feature(func(m *musterv1.Feature) { m.Status.StageTime = &timestamppb.Timestamp{Nanos: -1} }), `status.stage_time is not a moment: proto: timestamp (nanos:-1) has out-of-range nanos`},
	}
	for _, tt := range tests {
		_, err := wire.Feature(tt.m)
		// The protobuf library varies its spaces on purpose.
		if err == nil || normal(err.Error()) != tt.reason {
			t.Errorf("%s: got %v, want %s", tt.name, err, tt.reason)
		}
	}
}

func normal(s string) string {
	out := make([]rune, 0, len(s))
	for _, r := range s {
		if r == '\u00a0' {
			r = ' '
		}
		out = append(out, r)
	}
	return string(out)
}

func TestNames(t *testing.T) {
	t.Parallel()
	if service, entry, err := wire.InstanceEntry(wire.InstanceName("checkout", "c1~abcdef")); service != "checkout" || entry != "c1~abcdef" || err != nil {
		t.Errorf("got %s, %s, %v", service, entry, err)
	}
	for _, bad := range []string{"", "services/checkout", "services/checkout/instances/", "services/checkout/instances/a/b", "services/A/instances/a", "instances/a"} {
		if _, _, err := wire.InstanceEntry(bad); err == nil {
			t.Errorf("instance name %q is accepted", bad)
		}
	}
}
