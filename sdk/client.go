package sdk

import (
	"context"
	"errors"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/musterhq/muster"
)

// ErrClosed: the client was closed.
var ErrClosed = errors.New("the client is closed")

// A Client is this process as an instance of its service. Make one with [Open],
// and end it with [Client.Close].
type Client struct {
	cfg  Config
	inst muster.Instance

	current atomic.Pointer[snapshot] // what flags answer from; replaced whole, under mu
	pinning atomic.Bool              // somebody has ever called Pin
	fence   fence

	wake   chan struct{} // the owner: an older era has ended, or was told of
	news   chan struct{} // the narrator: look again
	alarm  chan struct{} // the guard: look again
	fresh  chan struct{} // the keeper of the snapshot: a sheet came; nil where there is none
	joined chan struct{} // closed when the instance has joined for the first time
	stop   context.CancelFunc
	wg     sync.WaitGroup // the owner, the narrator, the guard and the keeper

	mu        sync.Mutex // guards the fields below; nothing is called under it
	handles   []handleKey
	index     map[handleKey]int
	eras      []*era // superseded ones with requests in flight, oldest first
	told      *era   // of which listeners have been told
	listeners []*listener
	standing  standing
	birth     int64      // of its entry in the roster; 0 while that is not known
	acked     muster.Ack // as it stands in the registry, as far as is known
}

// A standing is what the owner knows of the instance's place in the roster.
type standing struct {
	restored bool                 // it began with what the snapshot on disk says
	joined   bool                 // it was a member once
	member   bool                 // it is one, as far as can be known
	refused  *muster.RefusedError // the gate is shut; nil when it is not
	problem  error                // what went wrong last; nil when nothing is
	closing  bool                 // Close was called
	leaving  bool                 // everything has drained that will
	closed   bool                 // and has nothing left to say to the registry
	left     error                // why the registry could not be told
}

// Instance returns who this process is. It does not change.
func (c *Client) Instance() muster.Instance { return c.inst }

// change changes the standing, and has the narrator and the guard look again.
func (c *Client) change(f func(*standing)) {
	c.mu.Lock()
	f(&c.standing)
	c.mu.Unlock()
	signal(c.news)
	signal(c.alarm)
}

// trouble notes what went wrong, once for each thing.
func (c *Client) trouble(err error) {
	c.mu.Lock()
	was := c.standing.problem
	c.standing.problem = err
	c.mu.Unlock()
	if err != nil && (was == nil || was.Error() != err.Error()) {
		c.cfg.Logger.Warn("not in touch with the registry as it should be", "service", c.inst.Service, "instance", c.inst.ID, "error", err)
	}
}

// apply makes a sheet the one that all flags answer from, in one step, and
// returns the ack of what runs now. A sheet that is older than the one in force
// changes nothing: the ack tells. One that was on disk is replaced by any: it
// was in force in another process, perhaps under another registry. So is one
// that says something else under the same revision: the registry was rebuilt, and
// what is in flight from before is older than all that is in it.
func (c *Client) apply(sheet muster.Sheet) muster.Ack {
	c.mu.Lock()
	defer c.mu.Unlock()
	was := c.current.Load()
	foreign := was.known() && was.saved.IsZero() && sheet.Revision == was.revision && !maps.EqualFunc(sheet.Features, was.features, muster.Entry.Equal)
	if !was.known() || !was.saved.IsZero() || sheet.Revision > was.revision || foreign {
		if foreign {
			was.era.revision = -1
		}
		e := &era{revision: sheet.Revision, began: time.Now()}
		c.current.Store(compile(sheet, c.inst.Version, c.handles, e))
		c.supersedeLocked(was.era)
		if !c.standing.joined {
			c.told = e // nobody was told of anything older, so only what comes after birth waits for the telling
		}
		signal(c.news)
		signal(c.fresh)
	}
	return c.ackLocked()
}

// signal says look again to whoever waits at ch, which has room for one.
func signal(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}
