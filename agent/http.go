package agent

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/internal/wire"
	musterv1 "github.com/musterhq/muster/proto/muster/v1"
)

// newHTTP makes the HTTP side, which only reads: probes and metrics for
// machines, /v1 as JSON with the messages of the gRPC API, / for people. Its
// timeouts keep slow callers from holding connections.
func (s *server) newHTTP() *http.Server {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { plain(w, http.StatusOK, "ok") })
	mux.HandleFunc("GET /readyz", s.readyz)
	mux.HandleFunc("GET /metrics", s.reader(s.metrics))
	mux.HandleFunc("GET /{$}", s.reader(s.statusPage))
	mux.HandleFunc("GET /v1/features", s.json(func(ctx context.Context, r *http.Request) (proto.Message, error) {
		size, token, err := pageQuery(r)
		if err != nil {
			return nil, err
		}
		return s.ListFeatures(ctx, &musterv1.ListFeaturesRequest{PageSize: size, PageToken: token})
	}))
	mux.HandleFunc("GET /v1/features/{key}", s.json(func(ctx context.Context, r *http.Request) (proto.Message, error) {
		return s.GetFeature(ctx, &musterv1.GetFeatureRequest{Name: wire.FeatureName(r.PathValue("key"))})
	}))
	mux.HandleFunc("GET /v1/services", s.json(func(ctx context.Context, r *http.Request) (proto.Message, error) {
		size, token, err := pageQuery(r)
		if err != nil {
			return nil, err
		}
		return s.ListServices(ctx, &musterv1.ListServicesRequest{PageSize: size, PageToken: token})
	}))
	mux.HandleFunc("GET /v1/services/{name}", s.json(func(ctx context.Context, r *http.Request) (proto.Message, error) {
		return s.GetService(ctx, &musterv1.GetServiceRequest{Name: wire.ServiceName(r.PathValue("name"))})
	}))
	mux.HandleFunc("GET /v1/diagnosis", s.json(func(ctx context.Context, _ *http.Request) (proto.Message, error) {
		return s.GetDiagnosis(ctx, new(musterv1.GetDiagnosisRequest))
	}))
	return &http.Server{
		Handler:           http.MaxBytesHandler(mux, 0),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      maxCall,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    maxHeaders,
		ErrorLog:          log.New(handshakeLog{s.record}, "", 0),
	}
}

// readyz is 200 while the agent can be relied on.
func (s *server) readyz(w http.ResponseWriter, _ *http.Request) {
	if err := s.view.Ready(); err != nil {
		plain(w, http.StatusServiceUnavailable, err.Error())
		return
	}
	plain(w, http.StatusOK, "ready")
}

// reader is a handler for those who may read.
func (s *server) reader(handle http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var p principal
		leave, err := s.limits.enter(r.RemoteAddr, time.Now())
		if err == nil {
			defer leave()
			p, err = s.admitHTTP(r)
		}
		s.recordHTTP(r, p, err)
		if err != nil {
			if errors.Is(err, wire.ErrUnauthenticated) {
				w.Header().Set("WWW-Authenticate", `Basic realm="muster: any name, and the token as password", charset="UTF-8"`)
			}
			plain(w, httpCode(wire.Status(err).Code()), err.Error())
			return
		}
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-store")
		handle(w, r)
	}
}

// json is a handler that answers with a message.
func (s *server) json(handle func(context.Context, *http.Request) (proto.Message, error)) http.HandlerFunc {
	return s.reader(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), maxCall)
		defer cancel()
		code := http.StatusOK
		answer, err := handle(ctx, r)
		if err != nil {
			problem := status.Convert(apiError(err))
			answer, code = problem.Proto(), httpCode(problem.Code())
		}
		body, err := protojson.MarshalOptions{EmitDefaultValues: true}.Marshal(answer)
		if err != nil {
			plain(w, http.StatusInternalServerError, err.Error())
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(code)
		_, _ = w.Write(append(body, '\n')) // nobody is left to tell
	})
}

// admitHTTP finds out who calls, by the same rules as gRPC; a browser may send
// the token as a password.
func (s *server) admitHTTP(r *http.Request) (principal, error) {
	token, _ := bearerToken(r.Header.Get("Authorization"))
	if _, password, ok := r.BasicAuth(); ok {
		token = password
	}
	if s.guard.open() && !s.cfg.Insecure && !localHost(r.Host) {
		// A page from elsewhere may have given its own name this address.
		return principal{}, fmt.Errorf("%w: %q is not a name of this host", wire.ErrPermissionDenied, r.Host)
	}
	p, err := s.guard.identify(token, callerCertificate(r.TLS))
	if err != nil {
		return p, err
	}
	return p, admit(p, viewer)
}

// localHost reports whether a Host header names the own host.
func localHost(host string) bool {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = strings.Trim(host, "[]")
	}
	ip := net.ParseIP(name)
	return name == "localhost" || ip != nil && ip.IsLoopback()
}

func (s *server) recordHTTP(r *http.Request, p principal, err error) {
	c := refusal{method: "http", caller: p.name, peer: r.RemoteAddr}
	if err != nil {
		st := wire.Status(err)
		c.code, c.reason = st.Code(), r.URL.Path+": "+st.Message()
	}
	s.record.ended(c)
}

// pageQuery reads ?pageSize=&pageToken=.
func pageQuery(r *http.Request) (size int32, token string, err error) {
	query := r.URL.Query()
	if text := query.Get("pageSize"); text != "" {
		n, err := strconv.ParseInt(text, 10, 32)
		if err != nil {
			return 0, "", &muster.InvalidError{Field: "pageSize", Value: text, Problem: "is not a number"}
		}
		size = int32(n)
	}
	return size, query.Get("pageToken"), nil
}

// httpCode is the HTTP code for a gRPC code, as gRPC's own documents have it.
func httpCode(code codes.Code) int {
	switch code {
	case codes.OK:
		return http.StatusOK
	case codes.InvalidArgument, codes.FailedPrecondition, codes.OutOfRange:
		return http.StatusBadRequest
	case codes.Unauthenticated:
		return http.StatusUnauthorized
	case codes.PermissionDenied:
		return http.StatusForbidden
	case codes.NotFound:
		return http.StatusNotFound
	case codes.Aborted, codes.AlreadyExists:
		return http.StatusConflict
	case codes.ResourceExhausted:
		return http.StatusTooManyRequests
	case codes.Unavailable:
		return http.StatusServiceUnavailable
	case codes.DeadlineExceeded:
		return http.StatusGatewayTimeout
	default:
		return http.StatusInternalServerError
	}
}

func plain(w http.ResponseWriter, code int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(code)
	fmt.Fprintln(w, text)
}
