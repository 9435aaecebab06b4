package client

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"

	"github.com/musterhq/muster/internal/wire"
)

// Sentinels for what an agent's API may answer beside the errors of package
// muster; ask with [errors.Is].
var (
	// ErrUnavailable: no agent, or no ZooKeeper behind it, answers now.
	ErrUnavailable = wire.ErrUnavailable
	// ErrUnauthenticated: the agent wants to know who calls: a token or a
	// client's certificate.
	ErrUnauthenticated = wire.ErrUnauthenticated
	// ErrPermissionDenied: the role of the caller does not suffice.
	ErrPermissionDenied = wire.ErrPermissionDenied
)

// Config says which agents there are and how to speak to them.
type Config struct {
	// Addrs are the agents' gRPC addresses, each host:port, in the order in
	// which they are tried. Required.
	Addrs []string
	// TLS is for agents that want it, with a client's certificate where they
	// tell callers by that; nil for plain connections.
	TLS *tls.Config
	// Token says who calls; "" for none. Over a plain connection it is only
	// sent to this host, unless Insecure.
	Token string
	// Insecure allows to send the token over plain connections to other hosts.
	Insecure bool
	// Timeout bounds one attempt at one agent, so that an agent that is stuck is
	// passed over; default 10 s.
	Timeout time.Duration
	// Patience is how long a call goes on asking while no agent answers; default
	// 3 s. Negative: each agent is asked once.
	Patience time.Duration
	// Dial opens the connections; nil for net.Dialer. For tests and proxies.
	Dial func(ctx context.Context, addr string) (net.Conn, error)
}

const (
	defaultTimeout  = 10 * time.Second
	defaultPatience = 3 * time.Second
	dialTimeout     = 3 * time.Second // for one connection
	maxAnswer       = 64 << 20        // bytes: a service with all its instances
)

// A Client speaks to the agents. Make one with [New]; [Client.Close] ends it.
type Client struct {
	cfg    Config
	agents []*grpc.ClientConn // as Config.Addrs
	first  atomic.Int64       // index of the agent to ask first
}

// New checks the configuration. It does not speak to anybody: connections are
// opened when they are needed.
func New(cfg Config) (*Client, error) {
	if len(cfg.Addrs) == 0 {
		return nil, errors.New("client: no agent is named: give at least one as host:port")
	}
	if cfg.Timeout < 0 {
		return nil, fmt.Errorf("client: timeout %s is negative", cfg.Timeout)
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = defaultTimeout
	}
	if cfg.Patience == 0 {
		cfg.Patience = defaultPatience
	}
	c := &Client{cfg: cfg}
	for _, addr := range cfg.Addrs {
		if err := checkAddr(addr, cfg); err != nil {
			return nil, errors.Join(err, c.Close())
		}
		conn, err := grpc.NewClient("passthrough:///"+addr, cfg.dialOptions()...)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("client: agent %s: %w", addr, err), c.Close())
		}
		c.agents = append(c.agents, conn)
	}
	return c, nil
}

// Close ends all calls and closes the connections.
func (c *Client) Close() error {
	var errs []error
	for _, conn := range c.agents {
		errs = append(errs, conn.Close())
	}
	return errors.Join(errs...)
}

func checkAddr(addr string, cfg Config) error {
	host, port, err := net.SplitHostPort(addr)
	if err != nil || port == "" {
		return fmt.Errorf("client: agent %q is not host:port, such as 127.0.0.1:7420", addr)
	}
	if cfg.Token != "" && cfg.TLS == nil && !cfg.Insecure && !local(host) {
		return fmt.Errorf("client: agent %s: the token would travel in plain text (use TLS, or allow it with Insecure)", addr)
	}
	return nil
}

// local reports whether host is this one, so that nothing leaves it.
func local(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

func (cfg Config) dialOptions() []grpc.DialOption {
	transport := insecure.NewCredentials()
	if cfg.TLS != nil {
		transport = credentials.NewTLS(cfg.TLS)
	}
	options := []grpc.DialOption{
		grpc.WithTransportCredentials(transport),
		grpc.WithUserAgent("muster-client"),
		grpc.WithDisableServiceConfig(),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxAnswer)),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: 100 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 2 * time.Second},
			MinConnectTimeout: dialTimeout,
		}),
		// A watch notices within this time that its agent is stuck or cut off.
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 10 * time.Second, Timeout: 5 * time.Second}),
	}
	if cfg.Token != "" {
		options = append(options, grpc.WithPerRPCCredentials(token(cfg.Token)))
	}
	if cfg.Dial != nil {
		options = append(options, grpc.WithContextDialer(cfg.Dial))
	}
	return options
}

// A token is sent with each call.
type token string

// GetRequestMetadata returns the header.
func (t token) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": "Bearer " + string(t)}, nil
}

// RequireTransportSecurity is false because [New] has decided on it already.
func (t token) RequireTransportSecurity() bool { return false }
