package wire

import (
	"context"
	"errors"
	"strings"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"

	"github.com/musterhq/muster"
	musterv1 "github.com/musterhq/muster/proto/muster/v1"
)

// Domain is the domain of the ErrorInfo in every error of ours.
const Domain = "muster"

// Sentinels for what the API itself may answer, beside those of package muster.
var (
	// ErrUnavailable: no agent, or no ZooKeeper behind it, answers now.
	ErrUnavailable = errors.New("unavailable")
	// ErrUnauthenticated: the caller did not say who it is, or not credibly.
	ErrUnauthenticated = errors.New("unauthenticated")
	// ErrPermissionDenied: the caller's role does not suffice.
	ErrPermissionDenied = errors.New("permission denied")
	// ErrResourceExhausted: a limit was passed, as of the size of a message.
	ErrResourceExhausted = errors.New("resource exhausted")
)

// Limits keep an error within what servers and proxies accept as headers.
const (
	maxDetails = 20      // blockers or refusals in an error
	maxMessage = 2 << 10 // bytes of an error's text
	maxValue   = 64      // bytes of a refused value; an InvalidError shows 60
)

// A kind is one sort of error, by sentinel, code and the reason in ErrorInfo.
type kind struct {
	sentinel error
	code     codes.Code
	reason   string
}

var kinds = []kind{
	{muster.ErrNotFound, codes.NotFound, "NOT_FOUND"},
	{muster.ErrConflict, codes.Aborted, "CONFLICT"},
	{muster.ErrFailedPrecondition, codes.FailedPrecondition, "FAILED_PRECONDITION"},
	{ErrUnavailable, codes.Unavailable, "UNAVAILABLE"},
	{ErrUnauthenticated, codes.Unauthenticated, "UNAUTHENTICATED"},
	{ErrPermissionDenied, codes.PermissionDenied, "PERMISSION_DENIED"},
	{ErrResourceExhausted, codes.ResourceExhausted, "RESOURCE_EXHAUSTED"},
	{context.DeadlineExceeded, codes.DeadlineExceeded, "DEADLINE_EXCEEDED"},
	{context.Canceled, codes.Canceled, "CANCELED"},
}

// Status writes an error; what it names goes into the details. A gRPC status is
// handed on as it is, and an error of no kind is INTERNAL.
func Status(err error) *status.Status {
	if err == nil {
		return nil
	}
	var (
		invalid *muster.InvalidError
		refused *muster.RefusedError
		blocked *muster.BlockedError
	)
	switch {
	case errors.As(err, &invalid):
		return invalidStatus(err, invalid)
	case errors.As(err, &refused):
		return refusedStatus(err, refused)
	case errors.As(err, &blocked):
		return blockedStatus(err, blocked)
	}
	if s, ok := status.FromError(err); ok {
		return s
	}
	for _, k := range kinds {
		if errors.Is(err, k.sentinel) {
			return detailed(k.code, err, info(k.reason, nil))
		}
	}
	return detailed(codes.Internal, err, info("INTERNAL", nil))
}

func invalidStatus(err error, e *muster.InvalidError) *status.Status {
	value := text(e.Value)
	if len(value) > maxValue {
		value = text(value[:maxValue])
	}
	return detailed(codes.InvalidArgument, err, info("INVALID", map[string]string{"field": text(e.Field)}),
		&errdetails.BadRequest{FieldViolations: []*errdetails.BadRequest_FieldViolation{
			{Field: text(e.Field), Description: text(e.Problem)},
		}},
		&musterv1.Invalid{Field: text(e.Field), Value: value, Problem: text(e.Problem), Source: text(e.Source)})
}

func refusedStatus(err error, e *muster.RefusedError) *status.Status {
	refusals := e.Refusals[:min(len(e.Refusals), maxDetails)]
	failure := new(errdetails.PreconditionFailure)
	for _, r := range refusals {
		failure.Violations = append(failure.Violations, &errdetails.PreconditionFailure_Violation{
			Type: "GATE", Subject: FeatureName(text(r.Feature)), Description: text(r.String()),
		})
	}
	return detailed(codes.FailedPrecondition, err,
		info("REFUSED", map[string]string{"service": text(e.Service), "instance": text(e.Instance)}), failure,
		&musterv1.Refused{Service: text(e.Service), Instance: text(e.Instance), Refusals: RefusalsProto(refusals)})
}

func blockedStatus(err error, e *muster.BlockedError) *status.Status {
	blockers := e.Blockers[:min(len(e.Blockers), maxDetails)]
	failure := new(errdetails.PreconditionFailure)
	for _, b := range blockers {
		subject := FeatureName(text(e.Feature))
		switch {
		case b.Instance != "":
			subject = InstanceName(text(b.Service), text(b.Instance))
		case b.Service != "":
			subject = ServiceName(text(b.Service))
		}
		failure.Violations = append(failure.Violations, &errdetails.PreconditionFailure_Violation{
			Type: text(string(b.Reason)), Subject: subject, Description: text(b.Detail),
		})
	}
	return detailed(codes.FailedPrecondition, err, info("BLOCKED", map[string]string{"feature": text(e.Feature)}), failure,
		&musterv1.Blocked{
			Feature: text(e.Feature), Stage: stages.value(e.Stage), Desired: stages.value(e.Desired),
			Blockers: blockersProto(blockers),
		})
}

func info(reason string, metadata map[string]string) *errdetails.ErrorInfo {
	return &errdetails.ErrorInfo{Reason: reason, Domain: Domain, Metadata: metadata}
}

func detailed(code codes.Code, err error, details ...protoadapt.MessageV1) *status.Status {
	message := text(err.Error())
	if len(message) > maxMessage {
		message = strings.ToValidUTF8(message[:maxMessage], "") + "…"
	}
	s := status.New(code, message)
	if with, err := s.WithDetails(details...); err == nil {
		return with
	}
	return s
}

// A RemoteError is an error that an agent answered. It reads as it did there,
// and [errors.Is] and [errors.As] find in it what they would have found there.
type RemoteError struct {
	status *status.Status
	cause  error // nil where there is no word for it
}

func (e *RemoteError) Error() string { return e.status.Message() }

// Unwrap returns the word for it.
func (e *RemoteError) Unwrap() error { return e.cause }

// GRPCStatus returns it as gRPC has it.
func (e *RemoteError) GRPCStatus() *status.Status { return e.status }

// Error reads the error of a call; nil stays nil.
func Error(err error) error {
	if err == nil {
		return nil
	}
	s := status.Convert(err)
	if cause := detail(s); cause != nil {
		return &RemoteError{status: s, cause: cause}
	}
	for _, k := range kinds {
		if k.code == s.Code() {
			return &RemoteError{status: s, cause: k.sentinel}
		}
	}
	if s.Code() == codes.InvalidArgument {
		return &RemoteError{status: s, cause: &muster.InvalidError{Field: "request", Problem: s.Message()}}
	}
	return &RemoteError{status: s}
}

// detail returns what the details of ours say.
func detail(s *status.Status) error {
	r := new(reader) // what cannot be read is left out: the message says it all
	for _, d := range s.Details() {
		switch d := d.(type) {
		case *musterv1.Invalid:
			return &muster.InvalidError{Field: d.GetField(), Value: d.GetValue(), Problem: d.GetProblem(), Source: d.GetSource()}
		case *musterv1.Refused:
			if refusals := r.refusals(d.GetRefusals()); len(refusals) > 0 {
				return &muster.RefusedError{Service: d.GetService(), Instance: d.GetInstance(), Refusals: refusals}
			}
		case *musterv1.Blocked:
			return &muster.BlockedError{
				Feature: d.GetFeature(), Stage: r.stage("stage", d.GetStage()), Desired: r.stage("desired", d.GetDesired()),
				Blockers: r.blockers(d.GetBlockers()),
			}
		}
	}
	return nil
}
