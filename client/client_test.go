package client_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/client"
)

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		cfg  client.Config
		want string // in the error; "" for none
	}{
		{client.Config{}, "no agent is named"},
		{client.Config{Addrs: []string{"agent-1:7420", "agent-2:7420"}}, ""},
		{client.Config{Addrs: []string{"agent-1"}}, `agent "agent-1" is not host:port`},
		{client.Config{Addrs: []string{"agent-1:"}}, "is not host:port"},
		{client.Config{Addrs: []string{"agent-1:7420"}, Timeout: -1}, "is negative"},
		{client.Config{Addrs: []string{"agent-1:7420"}, Token: "secret"}, "the token would travel in plain text"},
		{client.Config{Addrs: []string{"127.0.0.1:7420", "agent-1:7420"}, Token: "secret"}, "agent-1:7420: the token would travel in plain text"},
		{client.Config{Addrs: []string{"agent-1:7420"}, Token: "secret", Insecure: true}, ""},
		{client.Config{Addrs: []string{"agent-1:7420"}, Token: "secret", TLS: new(tls.Config)}, ""},
		{client.Config{Addrs: []string{"127.0.0.1:7420", "[::1]:7420", "localhost:7420"}, Token: "secret"}, ""},
	}
	for _, tt := range tests {
		c, err := client.New(tt.cfg)
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%+v: got %v, want %q", tt.cfg, err, tt.want)
		}
		if err == nil {
			_ = c.Close()
		} else if strings.Contains(err.Error(), "secret") {
			t.Errorf("the error shows the token: %v", err)
		}
	}
}

// lonely returns a client whose agents are reached by dial, in a bubble of
// virtual time.
func lonely(t *testing.T, cfg client.Config, dial func(context.Context, string) (net.Conn, error)) *client.Client {
	t.Helper()
	cfg.Addrs, cfg.Dial = []string{"a1:7420", "a2:7420"}, dial
	c, err := client.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func refuse(context.Context, string) (net.Conn, error) { return nil, errors.New("connection refused") }

func TestNobodyAnswers(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		patience time.Duration
		atMost   time.Duration
	}{
		{"by default", 0, 3 * time.Second},
		{"impatient", -1, time.Millisecond},
		{"patient", time.Minute, time.Minute},
	}
	calls := map[string]func(context.Context, *client.Client) error{
		"a call": func(ctx context.Context, c *client.Client) error { _, err := c.Features(ctx); return err },
		"a watch": func(ctx context.Context, c *client.Client) error {
			var last error
			for _, err := range c.Watch(ctx, "f") {
				last = err
			}
			return last
		},
		"a wait": func(ctx context.Context, c *client.Client) error { return c.Wait(ctx, "f", muster.On) },
		"history": func(ctx context.Context, c *client.Client) error {
			var last error
			for _, err := range c.History(ctx, client.HistoryQuery{}) {
				last = err
			}
			return last
		},
	}
	for _, tt := range tests {
		for name, call := range calls {
			t.Run(name+" "+tt.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					c := lonely(t, client.Config{Patience: tt.patience}, refuse)
					began := time.Now()
					err := call(t.Context(), c)
					took := time.Since(began)
					if !errors.Is(err, client.ErrUnavailable) || took > tt.atMost || took < tt.atMost/3 && tt.patience >= 0 {
						t.Errorf("after %s: %v", took, err)
					}
					const want = "no agent answers at a1:7420, a2:7420: "
					if err == nil || !strings.HasPrefix(err.Error(), want) || !strings.Contains(err.Error(), "connection refused") {
						t.Errorf("got %v, want %q…", err, want)
					}
				})
			})
		}
	}
}

func TestContextEndsBeforePatience(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := lonely(t, client.Config{Patience: time.Hour}, refuse)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := c.Features(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want the deadline", err)
		}
	})
}

// An agent that accepts and stays silent costs no more than its share.
func TestSilentAgentsArePassedOver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var wg sync.WaitGroup
		t.Cleanup(wg.Wait) // when the client is closed
		dialled := make(map[string]bool)
		var mu sync.Mutex
		c := lonely(t, client.Config{Patience: -1, Timeout: 2 * time.Second}, func(_ context.Context, addr string) (net.Conn, error) {
			mu.Lock()
			dialled[addr] = true
			mu.Unlock()
			near, far := net.Pipe()
			wg.Go(func() { _, _ = io.Copy(io.Discard, far) })
			return near, nil
		})
		began := time.Now()
		_, err := c.Features(t.Context())
		mu.Lock()
		defer mu.Unlock()
		if took := time.Since(began); !errors.Is(err, client.ErrUnavailable) || took > 4*time.Second || len(dialled) != 2 {
			t.Errorf("after %s, having dialled %v: %v", took, dialled, err)
		}
	})
}

func TestOptionsThatAreNotForACall(t *testing.T) {
	t.Parallel()
	c, err := client.New(client.Config{Addrs: []string{"127.0.0.1:1"}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var invalid *muster.InvalidError
	if _, err := c.Activate(t.Context(), "f", client.DryRun()); !errors.As(err, &invalid) {
		t.Errorf("got %v", err)
	}
	if err := c.Decommission(t.Context(), "s", "i", client.Wait()); !errors.As(err, &invalid) {
		t.Errorf("got %v", err)
	}
	if _, err := c.Apply(t.Context(), muster.Spec{Feature: "A"}); !errors.As(err, &invalid) {
		t.Errorf("an invalid spec is sent: %v", err)
	}
}

// Against a real agent: what is wrong with a request, and what a dry run says.
func TestAnswers(t *testing.T) {
	t.Parallel()
	w, err := newWorld("2.0.0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.stop)
	c, err := client.New(client.Config{Addrs: []string{"127.0.0.1:1", w.agent}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()

	dry, err := c.Apply(ctx, structuredAddress, client.DryRun())
	if err != nil || dry.Status.DesiredSpec != 1 || dry.Spec.Participants["checkout"].MinInstances != 1 {
		t.Errorf("dry run: got %+v, %v", dry, err)
	}
	if _, err := c.Feature(ctx, "structured-address"); !errors.Is(err, muster.ErrNotFound) {
		t.Errorf("after a dry run: got %v, want not found", err)
	}
	for i := range 3 {
		spec := structuredAddress
		spec.Feature = fmt.Sprint("f", i)
		if _, err := c.Apply(ctx, spec); err != nil {
			t.Fatal(err)
		}
	}
	if features, err := c.Features(ctx); err != nil || len(features) != 3 || features[2].Status.Feature != "f2" {
		t.Errorf("got %v, %v", features, err)
	}
	var invalid *muster.InvalidError
	contrary := muster.Spec{Feature: "contrary", Participants: map[string]muster.Participant{"checkout": {Version: muster.MustConstraint("<2.0.0")}}}
	if _, err := c.Apply(ctx, contrary); !errors.As(err, &invalid) || invalid.Field != "participants.checkout.version" {
		t.Errorf("a contradiction: got %v", err)
	}
	if _, err := c.Activate(ctx, "f0", client.RequestID(strings.Repeat("x", 101))); !errors.As(err, &invalid) || invalid.Field != "request_id" {
		t.Errorf("a long request id: got %v", err)
	}
	if _, err := c.Activate(ctx, "nothing"); !errors.Is(err, muster.ErrNotFound) {
		t.Errorf("got %v, want not found", err)
	}
	if _, err := c.Service(ctx, "nothing"); !errors.Is(err, muster.ErrNotFound) {
		t.Errorf("got %v, want not found", err)
	}
	if services, err := c.Services(ctx); err != nil || len(services) != 1 || len(services[0].Members) != 1 || services[0].Members[0].Instance.ID != "c-2.0.0" {
		t.Errorf("got %v, %v", services, err)
	}
	if a, err := c.Agent(ctx); err != nil || a.Name != "a1" || !a.Ready {
		t.Errorf("got %+v, %v", a, err)
	}
	if err := c.Wait(ctx, "f0", muster.Off); err != nil {
		t.Error(err)
	}
}
