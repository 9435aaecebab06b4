package agent

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/sirupsen/logrus"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/reflection"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/internal/wire"
	musterv1 "github.com/musterhq/muster/proto/muster/v1"
)

// APIConfig says who may call an agent, and how it is served.
//
// Without Access everybody may do everything; an agent then listens on its own
// host only. With it, callers say who they are by a token or by a client's
// certificate (G9).
type APIConfig struct {
	// Access is a JSON file that names the callers and their roles; see [Caller].
	// It is read again when it changes. "" for none: the API is open.
	Access string
	// CertFile and KeyFile are the server's certificate and key in PEM, for TLS;
	// they are read again when they change. "" for plain connections.
	CertFile, KeyFile string
	// ClientCAFile is a PEM file of the authorities whose certificates tell
	// callers; "" for tokens only. It needs CertFile and Access.
	ClientCAFile string
	// Insecure allows an open API, and tokens over plain connections, on
	// addresses that other hosts can reach.
	Insecure bool
	// Version of the program, for GetAgent.
	Version string
}

const (
	maxMessage  = 1 << 20                // bytes of a request
	maxStreams  = 1000                   // calls at once on one connection
	maxCall     = 30 * time.Second       // a call without a deadline of its own
	grace       = 2 * time.Second        // for answers in flight when it stops
	lag         = 2 * time.Second        // that a view may have, or lack, before a caller is told
	healthEvery = time.Second            // between two looks at the view's readiness
	watchRest   = 20 * time.Millisecond  // between two states in one watch
	watchPoll   = 500 * time.Millisecond // between two looks at the view's readiness while watching
)

// A server is the agent's API, on gRPC and HTTP.
type server struct {
	musterv1.UnimplementedFeatureServiceServer
	musterv1.UnimplementedRegistryServiceServer
	musterv1.UnimplementedAgentServiceServer

	cfg      APIConfig
	name     string // of the agent
	log      *logrus.Entry
	view     view
	commands commands
	facts    func(context.Context) muster.Diagnosis // what lies below the API
	guard    *guard
	record   *recorder
	limits   *limits
	health   *health.Server
	stopping chan struct{} // closed when no stream may go on

	grpc         *grpc.Server
	http         *http.Server
	onGRPC       net.Listener // nil where there is none
	onHTTP       net.Listener // nil where there is none
	certificates *certificates
}

var _ api = (*server)(nil)

// newServer makes the API on listeners that are open already.
func newServer(cfg Config, v view, c commands, onGRPC, onHTTP net.Listener) (*server, error) {
	s := &server{
		cfg: cfg.API, name: cfg.Name, log: cfg.Logger.WithField("agent", cfg.Name),
		view: v, commands: c, facts: func(context.Context) muster.Diagnosis { return muster.Diagnosis{Records: -1} },
		health: health.NewServer(), stopping: make(chan struct{}),
	}
	s.record, s.limits = newRecorder(s.log), newLimits()
	s.onGRPC, s.onHTTP = s.bound(onGRPC), s.bound(onHTTP)
	var err error
	if s.certificates, err = loadCertificates(cfg.API); err != nil {
		return nil, err
	}
	if s.guard, err = newGuard(cfg.API); err != nil {
		return nil, err
	}
	for _, l := range []net.Listener{onGRPC, onHTTP} {
		if err := exposed(cfg.API, l); err != nil {
			return nil, err
		}
	}
	s.grpc = grpc.NewServer(s.options()...)
	musterv1.RegisterFeatureServiceServer(s.grpc, s)
	musterv1.RegisterRegistryServiceServer(s.grpc, s)
	musterv1.RegisterAgentServiceServer(s.grpc, s)
	healthv1.RegisterHealthServer(s.grpc, s.health)
	reflection.RegisterV1(s.grpc)
	s.http = s.newHTTP()
	return s, nil
}

// exposed refuses to serve other hosts without knowing who calls (G9).
func exposed(cfg APIConfig, l net.Listener) error {
	if l == nil || cfg.Insecure {
		return nil
	}
	addr, ok := l.Addr().(*net.TCPAddr)
	if !ok || addr.IP.IsLoopback() {
		return nil
	}
	switch {
	case cfg.Access == "":
		return fmt.Errorf("listening on %s would let every host command the fleet: name the callers in an access file, listen on 127.0.0.1, or allow it as insecure", addr)
	case cfg.CertFile == "":
		return fmt.Errorf("listening on %s without TLS would show tokens to the network: give a certificate and key, listen on 127.0.0.1, or allow it as insecure", addr)
	}
	return nil
}

func (s *server) options() []grpc.ServerOption {
	options := []grpc.ServerOption{
		grpc.MaxRecvMsgSize(maxMessage),
		grpc.MaxConcurrentStreams(maxStreams),
		grpc.MaxHeaderListSize(maxHeaders),
		grpc.ConnectionTimeout(10 * time.Second),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: time.Minute, Timeout: 10 * time.Second}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 5 * time.Second, PermitWithoutStream: true}),
		grpc.StatsHandler(s.record),
		grpc.ChainUnaryInterceptor(s.unary),
		grpc.ChainStreamInterceptor(s.stream),
	}
	if s.certificates != nil {
		options = append(options, grpc.Creds(&handshakes{credentials.NewTLS(s.certificates.config("h2")), s.record}))
	}
	return options
}

// run serves until ctx ends.
func (s *server) run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	if s.onGRPC != nil {
		g.Go(func() error {
			if err := s.grpc.Serve(s.onGRPC); err != nil && ctx.Err() == nil {
				return fmt.Errorf("agent: gRPC on %s: %w", s.onGRPC.Addr(), err)
			}
			return nil
		})
	}
	if s.onHTTP != nil {
		g.Go(func() error {
			l := s.onHTTP
			if s.certificates != nil {
				l = tls.NewListener(l, s.certificates.config("http/1.1"))
			}
			if err := s.http.Serve(l); !errors.Is(err, http.ErrServerClosed) {
				return fmt.Errorf("agent: HTTP on %s: %w", l.Addr(), err)
			}
			return nil
		})
	}
	g.Go(func() error { s.reportHealth(ctx); return nil })
	g.Go(func() error {
		<-ctx.Done()
		s.stop()
		return nil
	})
	return g.Wait()
}

// stop ends watches at once, so that they go on at another agent, and lets
// other answers finish for a moment.
func (s *server) stop() {
	close(s.stopping)
	s.health.Shutdown()
	late := time.AfterFunc(grace, s.grpc.Stop)
	defer late.Stop()
	s.grpc.GracefulStop()
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	if s.http.Shutdown(ctx) != nil {
		_ = s.http.Close() // who has not finished by now is cut off
	}
}

// reportHealth keeps the health service's word: SERVING only while the view is
// complete and ZooKeeper answers. It also looks whether files have changed.
func (s *server) reportHealth(ctx context.Context) {
	for {
		changed := s.view.Changed()
		status := healthv1.HealthCheckResponse_SERVING
		if s.view.Ready() != nil {
			status = healthv1.HealthCheckResponse_NOT_SERVING
		}
		s.health.SetServingStatus("", status)
		for name := range s.grpc.GetServiceInfo() {
			s.health.SetServingStatus(name, status)
		}
		s.guard.refresh(s.log)
		s.certificates.refresh(s.log)
		if wait(ctx, changed, healthEvery) != nil || sleep(ctx, watchRest) != nil {
			return
		}
	}
}

// readable waits a moment for a view that is not complete, as just after the
// start; what is stale is not shown as if it were true.
func (s *server) readable(ctx context.Context) error {
	until := time.Now().Add(lag)
	for {
		changed := s.view.Changed()
		err := s.view.Ready()
		switch {
		case err == nil:
			return nil
		case s.stopped():
			return errStopping
		case time.Now().After(until):
			return fmt.Errorf("%w: %w", wire.ErrUnavailable, err)
		}
		if err := wait(ctx, changed, lag/20); err != nil {
			return err
		}
	}
}

var errStopping = fmt.Errorf("%w: the agent is stopping", wire.ErrUnavailable)

func (s *server) stopped() bool {
	select {
	case <-s.stopping:
		return true
	default:
		return false
	}
}
