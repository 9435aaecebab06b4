package agent

import (
	"context"
	"crypto/tls"
	"net"
	"time"

	"github.com/sirupsen/logrus"
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
	// Name says who acts, in the history and in the election: 1 to 100 letters,
	// digits and . _ - between them. Default: host, process id and a few random
	// letters.
	Name string
	// SessionTimeout after which ZooKeeper gives a silent agent up, so that
	// another leads; default 8 s.
	SessionTimeout time.Duration
	// Quarantine is how long a member still counts after it stopped being live,
	// because it may still be serving; default 15 s. It must be longer than the
	// lease of the instances' SDK less their session timeout, plus what the
	// ensemble may lag, (syncLimit + 1) × tickTime, plus the interval of a
	// client's requests and the drift of clocks.
	Quarantine time.Duration
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
}
