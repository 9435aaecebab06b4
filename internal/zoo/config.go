package zoo

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/musterhq/muster/internal/clock"
)

// Config says how to reach the servers. Servers is required; the zero value of
// everything else is its default.
type Config struct {
	// Servers are the ensemble's addresses, host:port. They are tried in random
	// order, and names are looked up anew at each attempt.
	Servers []string
	// SessionTimeout is how long the servers keep a session that they do not
	// hear from; they may grant another, see Session.Timeout. Default 8s.
	SessionTimeout time.Duration
	// OpTimeout ends an operation that has no answer, and is how long a server
	// may stay silent before it is left. Default two thirds of SessionTimeout,
	// so that another server is asked while the session still lives.
	OpTimeout time.Duration
	// Heartbeat is how often a cheap read proves contact. Default a quarter of
	// SessionTimeout.
	Heartbeat time.Duration
	// Poll is how often watched nodes are looked at for a change that no watch
	// told of, one after the other. Default 5s.
	Poll time.Duration
	// Auth is "user:password" for the digest scheme; empty for none. Digest
	// authentication itself never fails: a wrong password shows as ErrDenied
	// where the right one is needed.
	Auth string
	// ACL says who may do what with a node that is about to be created. Nil, or
	// an empty answer, lets anyone do anything.
	ACL func(path string) []ACL
	// TLS, if set, encrypts; ServerName defaults to the server's host.
	TLS *tls.Config
	// Dial connects to a server; nil is a net.Dialer's.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
	// Logger hears of lost connections and the like; nil is silence. It must
	// not block.
	Logger func(format string, args ...any)
	// Clock reckons Contact and Silence; nil is this machine's. Tests have others.
	Clock *clock.Clock
	// MaxRequest and MaxReply bound a request and a reply, in bytes. A larger
	// request is ErrTooLarge; a larger reply costs the connection. The session
	// holds a buffer of MaxRequest and one of MaxReply (of 1.5 MiB at most):
	// set both low, such as 64 KiB, where one process holds many sessions.
	// Defaults 1 MiB less one byte, which is what ZooKeeper takes, and 4 MiB.
	MaxRequest, MaxReply int
}

// ACL lets one identity do some things with a node.
type ACL struct {
	Perms  Perm
	Scheme string // "world", "auth", "digest", "ip"
	ID     string // "anyone", "", "user:hash", "127.0.0.1/8"
}

// Perm is a set of permissions.
type Perm int32

// The permissions of ZooKeeper. Create and Delete are about a node's children.
const (
	PermRead Perm = 1 << iota
	PermWrite
	PermCreate
	PermDelete
	PermAdmin
	PermAll = PermRead | PermWrite | PermCreate | PermDelete | PermAdmin
)

// complete checks what was given and fills in the defaults.
func (c Config) complete() (Config, error) {
	if len(c.Servers) == 0 {
		return c, errors.New("zoo config: no servers (want host:port, …)")
	}
	for _, server := range c.Servers {
		if _, _, err := net.SplitHostPort(server); err != nil {
			return c, fmt.Errorf("zoo config: server %q: want host:port: %w", server, err)
		}
	}
	if c.Auth != "" && !strings.Contains(c.Auth, ":") {
		return c, errors.New("zoo config: auth: want user:password")
	}
	if c.SessionTimeout < 0 || c.OpTimeout < 0 || c.Heartbeat < 0 || c.Poll < 0 || c.MaxRequest < 0 || c.MaxReply < 0 {
		return c, errors.New("zoo config: negative duration or size (0 is the default)")
	}

	c.Servers = slices.Clone(c.Servers)
	rand.Shuffle(len(c.Servers), func(i, j int) { c.Servers[i], c.Servers[j] = c.Servers[j], c.Servers[i] })
	c.SessionTimeout = cmp.Or(c.SessionTimeout, 8*time.Second)
	c.OpTimeout = cmp.Or(c.OpTimeout, c.SessionTimeout*2/3)
	c.Heartbeat = cmp.Or(c.Heartbeat, c.SessionTimeout/4)
	c.Poll = cmp.Or(c.Poll, 5*time.Second)
	c.MaxRequest = cmp.Or(c.MaxRequest, 1<<20-1)
	c.MaxReply = cmp.Or(c.MaxReply, 4<<20)
	if c.Clock == nil {
		c.Clock = clock.New()
	}
	if c.Dial == nil {
		c.Dial = new(net.Dialer).DialContext
	}
	if c.Logger == nil {
		c.Logger = func(string, ...any) {}
	}
	return c, nil
}

// jitter gives d, give or take a tenth, so that a fleet that was started, or cut
// off, at one moment does not stay in step.
func jitter(d time.Duration) time.Duration {
	return d + time.Duration((rand.Float64()-0.5)*0.2*float64(d))
}
