package agent

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/internal/store"
	"github.com/musterhq/muster/internal/wire"
	"github.com/musterhq/muster/internal/zoo"
	musterv1 "github.com/musterhq/muster/proto/muster/v1"
)

// needs says which role a method takes. What is not here takes an admin.
var needs = map[string]role{
	healthv1.Health_Check_FullMethodName: anyone,
	healthv1.Health_List_FullMethodName:  anyone,
	healthv1.Health_Watch_FullMethodName: anyone,
	reflectionMethod:                     viewer,

	musterv1.FeatureService_GetFeature_FullMethodName:        viewer,
	musterv1.FeatureService_ListFeatures_FullMethodName:      viewer,
	musterv1.FeatureService_WatchFeature_FullMethodName:      viewer,
	musterv1.FeatureService_ListRecords_FullMethodName:       viewer,
	musterv1.FeatureService_ApplyFeature_FullMethodName:      operator,
	musterv1.FeatureService_DeleteFeature_FullMethodName:     operator,
	musterv1.FeatureService_ActivateFeature_FullMethodName:   operator,
	musterv1.FeatureService_DeactivateFeature_FullMethodName: operator,
	musterv1.FeatureService_KillFeature_FullMethodName:       operator,

	musterv1.RegistryService_ListServices_FullMethodName:         viewer,
	musterv1.RegistryService_GetService_FullMethodName:           viewer,
	musterv1.RegistryService_ListInstances_FullMethodName:        viewer,
	musterv1.RegistryService_CanDeploy_FullMethodName:            viewer,
	musterv1.RegistryService_DecommissionInstance_FullMethodName: admin,

	musterv1.AgentService_GetAgent_FullMethodName:     viewer,
	musterv1.AgentService_GetDiagnosis_FullMethodName: viewer,
}

const reflectionMethod = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"

// needed returns the role that a method takes.
func needed(method string) role {
	if r, known := needs[method]; known {
		return r
	}
	return admin
}

// unary is around every call that is not a stream.
func (s *server) unary(ctx context.Context, req any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (answer any, err error) {
	defer s.caught(info.FullMethod, &err)
	leave, err := s.limits.enter(peerOf(ctx), time.Now())
	if err != nil {
		return nil, wire.Status(err).Err()
	}
	defer leave()
	if err := s.admit(ctx, info.FullMethod); err != nil {
		return nil, wire.Status(err).Err()
	}
	if _, bounded := ctx.Deadline(); !bounded {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, maxCall)
		defer cancel()
	}
	answer, err = handle(ctx, req)
	return answer, apiError(err)
}

// stream is around every stream.
func (s *server) stream(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handle grpc.StreamHandler) (err error) {
	defer s.caught(info.FullMethod, &err)
	leave, err := s.limits.watch(peerOf(stream.Context()), time.Now())
	if err != nil {
		return wire.Status(err).Err()
	}
	defer leave()
	if err := s.admit(stream.Context(), info.FullMethod); err != nil {
		return wire.Status(err).Err()
	}
	return apiError(handle(srv, stream))
}

// admit finds out who calls and whether they may. What it finds stands in the
// call's [call].
func (s *server) admit(ctx context.Context, method string) error {
	role := needed(method)
	if role == anyone {
		return nil
	}
	p, err := s.guard.identify(bearer(ctx), certificateOf(ctx))
	if err != nil {
		return err
	}
	callOf(ctx).principal = p
	return admit(p, role)
}

// caught turns a panic into an error: one bad request must not end the agent.
func (s *server) caught(method string, err *error) {
	if p := recover(); p != nil {
		s.log.WithField("method", method).WithField("stack", string(debug.Stack())).Errorf("panic: %v", p)
		*err = wire.Status(errors.New("internal error: see the agent's log")).Err()
	}
}

// bearer returns the token of a call, "" for none.
func bearer(ctx context.Context) string {
	for _, value := range metadata.ValueFromIncomingContext(ctx, "authorization") {
		if token, found := bearerToken(value); found {
			return token
		}
	}
	return ""
}

// bearerToken returns the token in an Authorization header.
func bearerToken(header string) (string, bool) {
	scheme, token, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "bearer") {
		return "", false
	}
	return token, token != ""
}

// peerOf returns the address that a call comes from.
func peerOf(ctx context.Context) string {
	if p, ok := peer.FromContext(ctx); ok {
		return p.Addr.String()
	}
	return ""
}

func certificateOf(ctx context.Context) *x509.Certificate {
	if p, ok := peer.FromContext(ctx); ok {
		if info, ok := p.AuthInfo.(credentials.TLSInfo); ok {
			return callerCertificate(&info.State)
		}
	}
	return nil
}

// apiError gives an error from below the word that a caller understands.
func apiError(err error) error {
	var garbage *store.GarbageError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &garbage), errors.Is(err, zoo.ErrDenied):
		err = fmt.Errorf("%w: %w", muster.ErrFailedPrecondition, err)
	case errors.Is(err, zoo.ErrTooLarge):
		err = fmt.Errorf("%w: %w", wire.ErrResourceExhausted, err)
	case errors.Is(err, zoo.ErrUnknown), errors.Is(err, zoo.ErrNotSent), errors.Is(err, zoo.ErrSessionEnded), errors.Is(err, store.ErrDeposed):
		// The same request id makes it safe to ask again, here or elsewhere.
		err = fmt.Errorf("%w: %w", wire.ErrUnavailable, err)
	}
	return wire.Status(err).Err()
}
