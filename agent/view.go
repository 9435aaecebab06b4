package agent

import (
	"context"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/internal/store"
)

// A view is what the API reads: what this agent has seen of the registry. It
// is safe for concurrent use and never waits for ZooKeeper. What it returns is
// shared and must not be changed.
type view interface {
	// Feature returns one feature with what its next step waits for, as this
	// agent sees it; false when it is unknown or deleted.
	Feature(key string) (muster.Feature, bool)
	Features() []muster.Feature // sorted by key, without deleted ones
	Service(name string) (muster.Service, bool)
	Services() []muster.Service // sorted by name
	// Changed returns a channel that is closed at the next change of anything:
	// take the channel, then read, then wait.
	Changed() <-chan struct{}
	// Leader names the agent that leads, "" while none is known, and tells
	// whether it is this one.
	Leader() (name string, self bool)
	// Ready returns nil while the view is complete and fed by a live session,
	// and otherwise says what is missing.
	Ready() error
}

// commands gives the API the way to write: the store of the agent's current
// session and the agent's own node in the election, which every write checks.
// The error says why there is none: ZooKeeper is away.
type commands func() (st *store.Store, node string, err error)

// An api serves the operators. It is made by newServer, in New, with the
// listeners open already (nil where the address is ""), and owns and closes
// them.
type api interface {
	// run serves until ctx ends, lets answers in flight finish for a moment,
	// and returns nil then.
	run(ctx context.Context) error
}
