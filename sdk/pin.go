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

// Pin gives one request one view: all flags that are read through the context
// answer from the sheet that is in force now, also when a newer one comes (G6).
// The request counts as in flight, and withholds the ack of newer sheets, until
// release is called; this ends the context. A context that is pinned already
// is pinned to the same view. Release may be called more than once.
//
// Two things come before constancy. When the instance loses contact, the fence
// binds pinned requests too, for good if it has to register anew (G4). When
// Config.Drain has passed since a newer sheet came, the context is cancelled
// with [ErrDrainTimeout] as its cause; the request is waited for even then.
func (c *Client) Pin(ctx context.Context) (pinned context.Context, release func()) {
	if !c.pinning.Load() {
		c.pinning.Store(true)
	}
	p := &pin{client: c, began: time.Now()}
	p.Context, p.cancel = context.WithCancelCause(ctx)
	outer := c.pinOf(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	snap := c.current.Load()
	if outer != nil {
		if view := outer.view.Load(); view != nil {
			snap = view
		}
	}
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

	era        *era
	prev, next *pin // guarded by client.mu
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

func (c *Client) pinOf(ctx context.Context) *pin {
	p, _ := ctx.Value(pinKey{c}).(*pin)
	return p
}

// viewOf returns the snapshot that ctx is pinned to, or the current one.
func (c *Client) viewOf(ctx context.Context, current *snapshot) *snapshot {
	if p := c.pinOf(ctx); p != nil {
		if view := p.view.Load(); view != nil {
			return view
		}
	}
	return current
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
