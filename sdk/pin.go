package sdk

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"time"
)

// ErrDrainTimeout is the cause of the end of a pinned context whose request went
// on under an older sheet for longer than Config.Drain, or after
// [Client.Close].
var ErrDrainTimeout = errors.New("the request began under an older state of the features, and the time to finish it is over")

// ErrFenced is the cause of the end of a pinned context whose request relied on
// an answer that the fence has taken back (G4).
var ErrFenced = errors.New("contact with ZooKeeper was lost for longer than the lease, and the request relies on a stage that may not be left in force")

// Pin gives one request one view: all flags that are read through the context
// answer from the sheet that is in force now, also when a newer one comes (G6).
// The request counts as in flight, and withholds the ack of newer sheets, until
// release is called; this ends the context. A context that is pinned already
// is pinned to the same view. Release may be called more than once.
//
// Two things come before constancy. When the instance loses contact, the fence
// binds pinned requests too, for good if it has to register anew (G4); one that
// has read a stage before, which the fence changes, has taken a decision that
// no longer holds, and its context is cancelled with [ErrFenced] as its cause.
// When Config.Drain has passed since a newer sheet came, it is cancelled with
// [ErrDrainTimeout]. The request counts until its release even then.
//
// So what a request decides by a flag is to be carried out within its pinned
// context: send with it, or look at its Err just before. Err asks the clock,
// so it is right at once in a process that was stopped; Done, and contexts that
// are derived with a cancellation of their own, follow within a moment.
func (c *Client) Pin(ctx context.Context) (pinned context.Context, release func()) {
	if !c.pinning.Load() {
		c.pinning.Store(true)
	}
	p := &pin{client: c, began: time.Now()}
	p.Context, p.cancel = context.WithCancelCause(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	var snap *snapshot
	p.outer, snap = c.viewOf(ctx, c.current.Load())
	p.view.Store(snap)
	p.era = snap.era
	p.era.add(p)
	return p, p.release
}

// Handler pins each request that h serves.
func (c *Client) Handler(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, release := c.Pin(r.Context())
		defer release()
		h.ServeHTTP(w, r.WithContext(ctx))
	})
}

// A pin is a request in flight, and its context.
type pin struct {
	context.Context
	client *Client
	view   atomic.Pointer[snapshot] // nil once it is released
	began  time.Time
	cancel context.CancelCauseFunc
	relies atomic.Bool // it was given an answer that the fence would change
	outer  *pin        // within which this one was made; nil for most
	era    *era

	// Guarded by client.mu:
	prev, next *pin
	revoked    bool // it was cancelled because of the fence
}

// A pinKey finds a client's own pin in a context.
type pinKey struct{ client *Client }

// Value implements [context.Context].
func (p *pin) Value(key any) any {
	if k, ok := key.(pinKey); ok && k.client == p.client {
		return p
	}
	return p.Context.Value(key)
}

// Err implements [context.Context]. G4: it asks the clock, and no goroutine that
// would have had to run before.
func (p *pin) Err() error {
	if err := p.Context.Err(); err != nil {
		return err
	}
	if p.relies.Load() && p.client.fences(p.era) {
		p.cancel(ErrFenced)
	}
	return p.Context.Err()
}

// rely notes that the request was given an answer that the fence would change,
// and with it all requests around it. P may be nil.
func (p *pin) rely() {
	for ; p != nil && !p.relies.Load(); p = p.outer {
		p.relies.Store(true)
	}
}

func (c *Client) pinOf(ctx context.Context) *pin {
	p, _ := ctx.Value(pinKey{c}).(*pin)
	return p
}

// viewOf returns the client's pin in ctx, if there is one, and the snapshot that
// it is pinned to, or the current one.
func (c *Client) viewOf(ctx context.Context, current *snapshot) (*pin, *snapshot) {
	p := c.pinOf(ctx)
	if p != nil {
		if view := p.view.Load(); view != nil {
			return p, view
		}
	}
	return p, current
}

func (p *pin) release() {
	c := p.client
	c.mu.Lock()
	if p.view.Swap(nil) != nil {
		p.era.remove(p)
		if p.era.open == 0 && p.era.superseded() {
			c.forgetLocked(p.era)
			signal(c.wake)
		}
	}
	c.mu.Unlock()
	p.cancel(context.Canceled)
}
