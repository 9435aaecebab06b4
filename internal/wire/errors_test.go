package wire_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/internal/wire"
)

// overTheWire sends an error as a server does and reads it as a client does.
func overTheWire(err error) error {
	data, problem := proto.Marshal(wire.Status(err).Proto())
	if problem != nil {
		return problem
	}
	s := new(spb.Status)
	if problem := proto.Unmarshal(data, s); problem != nil {
		return problem
	}
	return wire.Error(status.FromProto(s).Err())
}

func TestSentinelsSurvive(t *testing.T) {
	t.Parallel()
	tests := []struct {
		sentinel error
		code     codes.Code
	}{
		{muster.ErrNotFound, codes.NotFound},
		{muster.ErrConflict, codes.Aborted},
		{muster.ErrFailedPrecondition, codes.FailedPrecondition},
		{wire.ErrUnavailable, codes.Unavailable},
		{wire.ErrUnauthenticated, codes.Unauthenticated},
		{wire.ErrPermissionDenied, codes.PermissionDenied},
		{wire.ErrResourceExhausted, codes.ResourceExhausted},
		{context.DeadlineExceeded, codes.DeadlineExceeded},
		{context.Canceled, codes.Canceled},
	}
	for _, tt := range tests {
		err := fmt.Errorf("activate f: %w (see: muster status f)", tt.sentinel)
		got := overTheWire(err)
		if code := status.Code(got); code != tt.code {
			t.Errorf("%v: got code %s, want %s", tt.sentinel, code, tt.code)
		}
		if !errors.Is(got, tt.sentinel) || got.Error() != err.Error() {
			t.Errorf("got %v, want %v", got, err)
		}
		for _, other := range tests {
			if other.sentinel != tt.sentinel && errors.Is(got, other.sentinel) {
				t.Errorf("%v is %v as well", got, other.sentinel)
			}
		}
	}
}

func TestFactsSurvive(t *testing.T) {
	t.Parallel()
	ge2 := muster.MustConstraint(">=2.0.0")
	tests := []struct {
		err  error
		code codes.Code
	}{
		{&muster.InvalidError{Field: "feature", Value: "a/b", Problem: "may hold letters", Source: "f.yaml:3:1"}, codes.InvalidArgument},
		{&muster.InvalidError{Field: "spec", Problem: "is missing"}, codes.InvalidArgument},
		{&muster.RefusedError{Service: "checkout", Instance: "c1", Refusals: []muster.Refusal{
			{Feature: "f", Stage: muster.On, Constraint: ge2, Version: "1.9.0"}, {Feature: "g", Stage: muster.Accept, Constraint: ge2},
		}}, codes.FailedPrecondition},
		{&muster.BlockedError{Feature: "f", Stage: muster.Off, Desired: muster.On, Blockers: []muster.Blocker{
			{Reason: muster.ReasonOldVersion, Service: "checkout", Instance: "c1", Version: "1.9.0", Constraint: ge2, Detail: "is 1.9.0"},
			{Reason: muster.ReasonNoLeader, Detail: "no agent leads"},
		}}, codes.FailedPrecondition},
	}
	for _, tt := range tests {
		wrapped := fmt.Errorf("apply: %w", tt.err)
		got := overTheWire(wrapped)
		if code := status.Code(got); code != tt.code {
			t.Errorf("%v: got code %s, want %s", tt.err, code, tt.code)
		}
		if got.Error() != wrapped.Error() {
			t.Errorf("got text %q, want %q", got, wrapped)
		}
		var remote *wire.RemoteError
		if !errors.As(got, &remote) {
			t.Fatalf("got %T", got)
		}
		if diff := cmp.Diff(remote.Unwrap(), tt.err); diff != "" {
			t.Errorf("not what was sent (-got +want):\n%s", diff)
		}
	}
}

// An error fits into the headers that carry it, whatever it names.
func TestErrorsStaySmall(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("é", 1<<20)
	many := &muster.BlockedError{Feature: "f", Blockers: make([]muster.Blocker, 10_000)}
	for i := range many.Blockers {
		many.Blockers[i] = muster.Blocker{Reason: muster.ReasonNotAcked, Service: "checkout", Instance: fmt.Sprint("c", i), Detail: "has not acked"}
	}
	for _, err := range []error{
		&muster.InvalidError{Field: "feature", Value: long, Problem: "is longer than 100 bytes"},
		errors.New(long), errors.New("\xff\xfe"), many,
	} {
		s := wire.Status(err).Proto()
		if size := proto.Size(s); size > 8<<10 {
			t.Errorf("%.60s…: takes %d bytes", err, size)
		}
		if _, err := proto.Marshal(s); err != nil {
			t.Error(err)
		}
	}
	var invalid *muster.InvalidError
	short := &muster.InvalidError{Field: "feature", Value: long, Problem: "is longer than 100 bytes"}
	if got := overTheWire(short); !errors.As(got, &invalid) || got.Error() != short.Error() || invalid.Error() != short.Error() {
		t.Errorf("got %v, want %v", got, short)
	}
}

func TestErrorsOfOthers(t *testing.T) {
	t.Parallel()
	if wire.Error(nil) != nil || wire.Status(nil) != nil {
		t.Error("nil does not stay nil")
	}
	if got := wire.Status(errors.New("broken")).Code(); got != codes.Internal {
		t.Errorf("got %s, want Internal", got)
	}
	own := status.Error(codes.Unimplemented, "unknown method")
	if got := overTheWire(own); status.Code(got) != codes.Unimplemented || got.Error() != "unknown method" {
		t.Errorf("got %v", got)
	}
	var invalid *muster.InvalidError
	if got := wire.Error(status.Error(codes.InvalidArgument, "bad bytes")); !errors.As(got, &invalid) {
		t.Errorf("got %v, want an InvalidError", got)
	}
}
