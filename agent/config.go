package agent

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/musterhq/muster"
)

// Config says how an agent works. The zero value of every field but ZooKeeper
// is a sensible default.
type Config struct {
	// ZooKeeper are the servers, each host:port. Required.
	ZooKeeper []string
	// Root is the znode below which everything lies; default "/muster".
	Root string
	// GRPC and HTTP are the addresses to listen on, host:port; "" for none.
	GRPC, HTTP string
	// Name says who acts, in the history and in the election: up to 100 letters,
	// digits and . _ - between them. Default: host, process id and a few random
	// letters.
	Name string
	// SessionTimeout after which ZooKeeper gives a silent agent up, so that
	// another leads; default 8 s.
	SessionTimeout time.Duration
	// Quarantine is how long every member still counts after it was found to be
	// no longer live, because it may still be serving. 0, the default, has it
	// reckoned for each member from what the member says of its lease and from
	// the servers' settings (G4); for default ones it is 24.4 s.
	Quarantine time.Duration
	// ZKTick and ZKSyncLimit (in ticks) are the tickTime and syncLimit of servers
	// that do not tell: by default ZooKeeper does not allow the question (conf
	// in its 4lw.commands.whitelist). 0 for 2 s and 5, as ZooKeeper comes.
	ZKTick      time.Duration
	ZKSyncLimit int
	// HistoryKeep is how many audit records are kept; default 10,000.
	HistoryKeep int
	// Auth is a digest credential for ZooKeeper, "user:password"; "" for none.
	Auth string
	// ZKTLS is for servers that want TLS; nil for plain connections.
	ZKTLS *tls.Config
	// API says who may do what, and how it is served.
	API APIConfig
	// Logger takes the agent's log; default: none.
	Logger *logrus.Logger
	// Dial opens the connections to ZooKeeper; nil for net.Dialer. For tests
	// and proxies.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
	// Listen opens the listeners for GRPC and HTTP; nil for net.Listen. For
	// tests, in memory.
	Listen func(network, addr string) (net.Listener, error)
}

// withDefaults fills in what is missing and checks the rest.
func (c Config) withDefaults() (Config, error) {
	if len(c.ZooKeeper) == 0 {
		return c, errors.New("agent: no ZooKeeper server is named: give at least one as host:port")
	}
	if c.Root == "" {
		c.Root = "/muster"
	}
	if !strings.HasPrefix(c.Root, "/") || strings.HasSuffix(c.Root, "/") || strings.Contains(c.Root, "//") {
		return c, fmt.Errorf("agent: root %q is not a path such as /muster", c.Root)
	}
	if c.Name == "" {
		c.Name = defaultName()
	}
	if err := muster.ValidateInstance(c.Name); err != nil {
		return c, fmt.Errorf("agent: name: %w", err)
	}
	c.SessionTimeout = orDefault(c.SessionTimeout, 8*time.Second)
	c.HistoryKeep = orDefault(c.HistoryKeep, 10_000)
	switch {
	case c.SessionTimeout < 0:
		return c, fmt.Errorf("agent: session timeout %s is negative", c.SessionTimeout)
	case c.Quarantine < 0:
		return c, fmt.Errorf("agent: quarantine %s is negative", c.Quarantine)
	case c.ZKTick < 0 || c.ZKTick > time.Hour:
		return c, fmt.Errorf("agent: a tick of ZooKeeper of %s is not between 0 and an hour", c.ZKTick)
	case c.ZKSyncLimit < 0 || c.ZKSyncLimit > 100_000:
		return c, fmt.Errorf("agent: a syncLimit of ZooKeeper of %d ticks is not between 0 and 100,000", c.ZKSyncLimit)
	case c.HistoryKeep < 0:
		return c, fmt.Errorf("agent: %d records of history to keep is negative", c.HistoryKeep)
	}
	if c.Listen == nil {
		c.Listen = net.Listen
	}
	if c.Logger == nil {
		c.Logger = logrus.New()
		c.Logger.SetOutput(io.Discard)
	}
	return c, nil
}

func orDefault[T comparable](value, otherwise T) T {
	var zero T
	if value == zero {
		return otherwise
	}
	return value
}

// defaultName tells this agent from any other, and tells people where it runs.
func defaultName() string {
	host, err := os.Hostname()
	if err != nil {
		host = "agent"
	}
	host = strings.Trim(strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' {
			return r
		}
		return '-'
	}, host), "-")
	host = orDefault(host[:min(len(host), 60)], "agent")
	return strings.TrimRight(host, "-") + "-" + strconv.Itoa(os.Getpid()) + "-" + strings.ToLower(rand.Text()[:4])
}

// operation draws an id by which a write is recognized.
func operation() string { return strings.ToLower(rand.Text()) }
