package agent

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"

	"github.com/sirupsen/logrus"
	"golang.org/x/sync/errgroup"

	"github.com/musterhq/muster/internal/store"
)

// An Agent is one of several that keep a fleet's features where they are
// wanted. Make it with [New]; it works while [Agent.Run] runs. Its methods are
// safe for concurrent use.
type Agent struct {
	cfg    Config
	log    *logrus.Entry
	mirror *mirror
	zk     *ensemble
	api    api

	grpc, http net.Listener // nil where there is none

	mu      sync.Mutex // guards the fields below
	current *session   // nil while there is none
}

// New checks the configuration and opens the listeners, so that [Agent.Addr]
// is known; it does not speak to ZooKeeper. Run the agent to release them.
func New(cfg Config) (*Agent, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	a := &Agent{
		cfg: cfg,
		log: cfg.Logger.WithField("agent", cfg.Name),
		zk:  newEnsemble(cfg),
	}
	a.mirror = newMirror()
	a.mirror.setQuarantine(a.zk.quarantine())
	a.grpc, err = cfg.listen(cfg.GRPC)
	if err != nil {
		return nil, fmt.Errorf("agent: gRPC: %w", err)
	}
	a.http, err = cfg.listen(cfg.HTTP)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("agent: HTTP: %w", err), shut(a.grpc))
	}
	srv, err := newServer(cfg, a.mirror, a.store, a.grpc, a.http)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("agent: %w", err), shut(a.grpc), shut(a.http))
	}
	srv.facts = a.facts
	a.api = srv
	return a, nil
}

// Run works until ctx ends, and returns nil then. ZooKeeper may be away for as
// long as it likes (G7); an error means that the API cannot be served.
func (a *Agent) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return a.api.run(ctx) })
	g.Go(func() error { a.sessions(ctx); return nil })
	g.Go(func() error { a.zk.follow(ctx, a.caution()); return nil })
	return g.Wait()
}

// Addr returns the address of the gRPC listener, "" where there is none.
func (a *Agent) Addr() string { return address(a.grpc) }

// HTTPAddr returns the address of the HTTP listener, "" where there is none.
func (a *Agent) HTTPAddr() string { return address(a.http) }

// store returns the store of the current session and the agent's own node in
// the election.
func (a *Agent) store() (*store.Store, string, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.current == nil {
		return nil, "", errAway
	}
	return a.current.store, a.current.node, nil
}

func (a *Agent) setCurrent(s *session) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.current = s
}

func (c Config) listen(addr string) (net.Listener, error) {
	if addr == "" {
		return nil, nil
	}
	return c.Listen("tcp", addr)
}

func shut(l net.Listener) error {
	if l == nil {
		return nil
	}
	return l.Close()
}

func address(l net.Listener) string {
	if l == nil {
		return ""
	}
	return l.Addr().String()
}
