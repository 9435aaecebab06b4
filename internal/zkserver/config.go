package zkserver

import (
	"fmt"
	"time"

	"github.com/musterhq/muster/internal/pace"
	"github.com/musterhq/muster/internal/zkserver/tree"
)

// Config says what to serve. The zero value serves in-memory pipes from memory.
type Config struct {
	// Addr is the TCP address to listen on, such as "127.0.0.1:0". Empty: none,
	// and connections come only from [Server.Dial].
	Addr string
	// DataDir keeps the tree and the sessions. It is made if it is not there.
	// Empty: memory only.
	DataDir string
	// TickTime is the unit of session timeouts. Default 2 s.
	TickTime time.Duration
	// MinSessionTimeout and MaxSessionTimeout bound what clients negotiate.
	// Default 2 and 20 ticks.
	MinSessionTimeout, MaxSessionTimeout time.Duration
	// MaxConnections is how many may be open at once. Default 20,000.
	MaxConnections int
	// MaxRequest is the size of a request in bytes, over which its connection is
	// closed. Default 1,048,575, as ZooKeeper's.
	MaxRequest int
	// MaxQueue is how many bytes may wait for a client that does not read.
	// Default 16 MiB.
	MaxQueue int
	// MaxSessions is how many may live at once, attached or not. Default twice
	// MaxConnections.
	MaxSessions int
	// MaxNodes and MaxBytes bound the tree: how many nodes, and how much their
	// paths and data hold together. What would grow it beyond is refused as over
	// quota. Default 1,000,000 and 512 MiB.
	MaxNodes int
	MaxBytes int64
	// MaxWatches is how many paths one connection may watch; one that wants more
	// is closed. Default 100,000.
	MaxWatches int
	// SnapshotEvery is the number of transactions after which a snapshot
	// replaces the log. Default 100,000.
	SnapshotEvery int
	// Observer is told of every transaction that changes the tree, in order, as
	// it happens. It must not call the server. Nil: nobody is.
	Observer func(tree.Txn)
	// Logger is told of what an operator may want to know, of each kind some at
	// once and then once a second. Nil: nobody.
	Logger func(format string, args ...any)
}

func (c Config) withDefaults() (Config, error) {
	c.TickTime = orElse(c.TickTime, 2*time.Second)
	c.MinSessionTimeout = orElse(c.MinSessionTimeout, 2*c.TickTime)
	c.MaxSessionTimeout = orElse(c.MaxSessionTimeout, 20*c.TickTime)
	c.MaxConnections = orElse(c.MaxConnections, 20_000)
	c.MaxRequest = orElse(c.MaxRequest, 1<<20-1)
	c.MaxQueue = orElse(c.MaxQueue, 16<<20)
	c.MaxSessions = orElse(c.MaxSessions, 2*c.MaxConnections)
	c.MaxNodes = orElse(c.MaxNodes, 1_000_000)
	c.MaxBytes = orElse(c.MaxBytes, 512<<20)
	c.MaxWatches = orElse(c.MaxWatches, 100_000)
	c.SnapshotEvery = orElse(c.SnapshotEvery, 100_000)
	if c.Observer == nil {
		c.Observer = func(tree.Txn) {}
	}
	c.Logger = paced(c.Logger)
	if c.MinSessionTimeout < time.Millisecond || c.MaxSessionTimeout < c.MinSessionTimeout {
		return c, fmt.Errorf("zkserver: session timeouts from %v to %v: the range is empty",
			c.MinSessionTimeout, c.MaxSessionTimeout)
	}
	return c, nil
}

// paced bounds a log: whoever connects can make the server complain.
func paced(write func(format string, args ...any)) func(format string, args ...any) {
	if write == nil {
		return func(string, ...any) {}
	}
	lines := new(pace.Lines)
	return func(format string, args ...any) {
		withheld, ok := lines.Write(format, time.Now())
		switch {
		case !ok:
		case withheld > 0:
			write(format+" (and %d more like it)", append(args[:len(args):len(args)], withheld)...)
		default:
			write(format, args...)
		}
	}
}

func orElse[T comparable](v, def T) T {
	var zero T
	if v == zero {
		return def
	}
	return v
}
