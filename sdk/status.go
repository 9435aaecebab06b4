package sdk

import (
	"errors"
	"time"

	"github.com/musterhq/muster"
)

var (
	errNotJoined = errors.New("has not joined: ZooKeeper is not to be reached")
	errNoContact = errors.New("no contact with ZooKeeper within the lease")
)

// A State says how a client stands to the registry. The names are a stable
// contract.
type State string

// The states.
const (
	Joining State = "joining" // it has never been a member
	Refused State = "refused" // the gate is shut to its version; it waits, unready
	Live    State = "live"    // a member, with contact within its lease
	Holding State = "holding" // contact is lost: each feature behaves by its policy
	Closed  State = "closed"
)

// A Status is how a client stands at one moment.
type Status struct {
	State    State           `json:"state"`
	Instance muster.Instance `json:"instance"`
	// Revision of the sheet that flags answer from; -1 while there is none.
	Revision int32 `json:"revision"`
	// Snapshot is when the sheet that flags answer from was written to disk, where
	// it comes from Config.Snapshot because the instance has not joined yet.
	Snapshot time.Time `json:"snapshot,omitzero"`
	// Acked is what the registry was told last.
	Acked muster.Ack `json:"acked"`
	// Lease is how long flags answer without further contact; 0 at the fence.
	Lease time.Duration `json:"leaseNanoseconds"`
	// Draining counts requests pinned to older sheets, and callbacks that have
	// not returned; Oldest is when the first of them began.
	Draining int       `json:"draining,omitempty"`
	Oldest   time.Time `json:"oldest,omitzero"`
	// Err is what went wrong last; nil when nothing is.
	Err error `json:"-"`
}

// Status returns how the client stands now.
func (c *Client) Status() Status {
	c.mu.Lock()
	defer c.mu.Unlock()
	snap, standing, ack := c.current.Load(), c.standing, c.ackLocked()
	s := Status{
		Instance: c.inst, Revision: snap.revision, Snapshot: snap.saved, Acked: c.acked, Lease: max(c.fence.left(), 0),
		Draining: ack.Draining, Oldest: ack.Oldest, Err: standing.problem,
	}
	switch {
	case standing.closed:
		s.State, s.Err = Closed, standing.left
	case standing.refused != nil:
		s.State, s.Err = Refused, standing.refused
	case !standing.joined:
		s.State = Joining
	case s.Lease == 0:
		s.State = Holding
		if s.Err == nil {
			s.Err = errNoContact
		}
	default:
		s.State = Live
	}
	return s
}
