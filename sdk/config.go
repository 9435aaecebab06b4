package sdk

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/tls"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/internal/clock"
	"github.com/musterhq/muster/internal/zoo"
)

// name of this SDK in an instance's entry.
const name = "muster-go"

// Config says who this process is and where the registry is. Service, Version
// and Servers are required; the zero value of everything else is its default.
type Config struct {
	// Service and Version: what this process is an instance of. A version is a
	// semantic one, such as 2.3.0; one that is missing or of another form
	// satisfies no feature.
	Service, Version string
	// Servers are ZooKeeper's addresses, host:port.
	Servers []string
	// ID is the name by which people know the instance. Two processes may bear
	// the same one. Default: the host's name and a few drawn letters.
	ID string
	// Root is the path below which muster keeps everything. Default "/muster".
	Root string
	// Labels tell instances apart: zone, canary, colour, ….
	Labels map[string]string
	// Address is where the instance can be reached, for people to read.
	Address string

	// SessionTimeout is how long ZooKeeper keeps the instance live without a
	// sign of it. Default 8s.
	SessionTimeout time.Duration
	// Lease is how long after the last proven contact flags are answered as if
	// there were contact; then each feature behaves by its onDisconnect (G4).
	// The agents' quarantine must be longer than Lease − SessionTimeout and the
	// time for which a server that lags goes on answering. Default one and a
	// half of SessionTimeout, 12s.
	Lease time.Duration
	// Drain bounds how long pinned requests may go on under an older sheet: then
	// their contexts are cancelled, with [ErrDrainTimeout] as the cause. It
	// bounds [Client.Close] likewise. Default 30s.
	Drain time.Duration
	// ServeUnjoined makes [Client.Ready] say ready before the instance has ever
	// joined, because ZooKeeper is away: availability before coordination.
	// Nobody knows of such an instance and no gate has seen its version. By
	// default it is unready until it has joined once.
	ServeUnjoined bool

	// Snapshot is a file for starts without ZooKeeper: the sheet in force is kept
	// there, and flags answer from it, at the fence, until the instance has
	// joined. It is replaced atomically, and belongs to one service; instances of
	// it may share one. The folder must exist. One that is damaged, of another
	// service or root, of a newer format, writable by others or theirs is ignored,
	// with a warning. "" is none.
	Snapshot string

	// Events is told all that happens to the instance, one event at a time, in
	// order, until it has left. As with [Client.OnChange], the ack of a sheet
	// waits until it was told of all that the sheet changed. It must not call
	// [Client.Close].
	Events func(Event)
	// Logger hears of trouble and of what was done about it. Nil is silence.
	Logger *slog.Logger
	// TLS, if set, encrypts; ServerName defaults to the server's host.
	TLS *tls.Config
	// Auth is "user:password" for ZooKeeper's digest scheme; empty for none.
	Auth string
	// Dial connects to a server, for proxies and tests; nil is a net.Dialer's.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	clock *clock.Clock // what the lease is reckoned by; nil is this machine's
}

// Sizes of what is sent and read: an instance's own entries are small, and a
// sheet has at most what ZooKeeper takes.
const (
	maxRequest = 128 << 10
	maxReply   = 1<<20 + 64<<10
)

// complete checks what was given and fills in the defaults. Errors are
// [*muster.InvalidError].
func (c Config) complete() (Config, error) {
	c.Root = cmp.Or(c.Root, "/muster")
	c.SessionTimeout = cmp.Or(c.SessionTimeout, 8*time.Second)
	c.Lease = cmp.Or(c.Lease, c.SessionTimeout*3/2)
	c.Drain = cmp.Or(c.Drain, 30*time.Second)
	c.Labels = maps.Clone(c.Labels)
	c.Servers = slices.Clone(c.Servers)
	if c.Snapshot != "" {
		path, err := filepath.Abs(c.Snapshot) // the program may change its folder
		if err != nil {
			return c, &muster.InvalidError{Field: "snapshot", Value: c.Snapshot, Problem: "is not a path: " + err.Error()}
		}
		c.Snapshot = path
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	switch {
	case len(c.Servers) == 0:
		return c, &muster.InvalidError{Field: "servers", Problem: "are missing: name ZooKeeper's, as host:port"}
	case !strings.HasPrefix(c.Root, "/") || c.Root == "/" || strings.HasSuffix(c.Root, "/"):
		return c, &muster.InvalidError{Field: "root", Value: c.Root, Problem: "is not a path such as /muster"}
	case c.SessionTimeout < 0:
		return c, negative("session timeout", c.SessionTimeout)
	case c.Drain < 0:
		return c, negative("drain", c.Drain)
	case c.Lease < c.SessionTimeout/2:
		return c, &muster.InvalidError{Field: "lease", Value: c.Lease.String(), Problem: fmt.Sprintf("is shorter than half of the session timeout (%s), so that a lost heartbeat would fence", c.SessionTimeout)}
	case c.Auth != "" && !strings.Contains(c.Auth, ":"):
		return c, &muster.InvalidError{Field: "auth", Problem: "is not user:password"}
	}
	for _, server := range c.Servers {
		if _, _, err := net.SplitHostPort(server); err != nil {
			return c, &muster.InvalidError{Field: "server", Value: server, Problem: "is not host:port"}
		}
	}
	return c, nil
}

func negative(field string, d time.Duration) error {
	return &muster.InvalidError{Field: field, Value: d.String(), Problem: "is negative"}
}

// instance returns who this process is; it draws the incarnation.
func (c Config) instance(now time.Time) (muster.Instance, error) {
	incarnation := strings.ToLower(rand.Text())[:16]
	inst := muster.Instance{
		Service: c.Service, ID: c.ID, Incarnation: incarnation, Version: c.Version,
		Labels: c.Labels, Started: now.Round(0), Address: c.Address, SDK: name,
		Lease: c.Lease, SessionTimeout: c.SessionTimeout,
	}
	if inst.ID == "" {
		inst.ID = drawnID(incarnation)
	}
	return inst, inst.Validate()
}

// drawnID names an instance that was given no name.
func drawnID(incarnation string) string {
	host, err := os.Hostname()
	if err != nil || muster.ValidateInstance(host) != nil || len(host) > muster.MaxName-5 {
		host = "instance"
	}
	return host + "-" + incarnation[:4]
}

// zoo returns how to reach the registry.
func (c Config) zoo() zoo.Config {
	return zoo.Config{
		Servers: c.Servers, SessionTimeout: c.SessionTimeout,
		Auth: c.Auth, TLS: c.TLS, Dial: c.Dial, MaxRequest: maxRequest, MaxReply: maxReply, Clock: c.clock,
		Logger: func(format string, args ...any) {
			if c.Logger.Enabled(context.Background(), slog.LevelDebug) {
				c.Logger.Debug("zookeeper", "says", fmt.Sprintf(format, args...))
			}
		},
	}
}
