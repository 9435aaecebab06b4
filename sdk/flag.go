package sdk

import (
	"context"

	"github.com/musterhq/muster"
)

// Stage says how far a feature is turned on; see [muster.Stage].
type Stage = muster.Stage

// The stages.
const (
	Off    = muster.Off
	Accept = muster.Accept
	On     = muster.On
)

// A Flag is a handle on one feature, made by [Client.Bool]; T is the type of
// its value. It is safe for concurrent use, costs nothing to keep, and outlives
// changes of the feature.
type Flag[T any] struct{ handle }

// Bool returns the handle on a feature that is on or not. Get it once and keep
// it. The default is what Enabled says while nothing is known, because the
// instance has never joined: true sends the new form to whoever is there.
func (c *Client) Bool(key string, def bool) *Flag[bool] {
	unknown := Accept
	if def {
		unknown = On
	}
	return &Flag[bool]{c.handle(key, unknown)}
}

// Key returns the feature's key.
func (f *Flag[T]) Key() string { return f.key }

// Enabled reports whether the feature is on for this request: send the new
// form.
func (f *Flag[T]) Enabled(ctx context.Context) bool { return f.stage(ctx) == On }

// Accepts reports whether the feature is at accept or on: understand the new
// form.
func (f *Flag[T]) Accepts(ctx context.Context) bool { return f.stage(ctx) >= Accept }

// Stage returns where the feature stands for this request.
func (f *Flag[T]) Stage(ctx context.Context) Stage { return f.stage(ctx) }

// A handle is what flags of every type have in common.
type handle struct {
	client *Client
	handleKey
	index int // of its slot in every snapshot since it was made
}

// A handleKey is what a slot is resolved from.
type handleKey struct {
	key     string
	unknown Stage // while there is no sheet
}

// stage is the hot path: one atomic load, and a look at the clock only where
// the fence would make a difference (G4). Programs that never pin do not search
// the context.
func (h *handle) stage(ctx context.Context) Stage {
	c := h.client
	snap := c.current.Load()
	var p *pin
	if c.pinning.Load() {
		p, snap = c.viewOf(ctx, snap)
	}
	s := snap.slot(h)
	if s.stage == s.fenced {
		return s.stage
	}
	if c.fences(snap.era) {
		return s.fenced
	}
	p.rely()
	return s.stage
}

// fences reports whether a request of this era stands at the fence.
func (c *Client) fences(e *era) bool { return c.fence.down() || e.outlived.Load() }

// handle returns the handle on a feature, and gives it a slot.
func (c *Client) handle(key string, unknown Stage) handle {
	k := handleKey{key, unknown}
	c.mu.Lock()
	defer c.mu.Unlock()
	index, known := c.index[k]
	if !known {
		index = len(c.handles)
		c.index[k] = index
		c.handles = append(c.handles, k)
		c.current.Store(c.current.Load().with(c.handles))
	}
	return handle{client: c, handleKey: k, index: index}
}

// Reason says why a flag answers as it does. The names are a stable contract.
type Reason string

// The reasons.
const (
	ReasonSheet     Reason = "SHEET"      // the sheet says so
	ReasonAbsent    Reason = "ABSENT"     // the sheet does not name the feature
	ReasonFenced    Reason = "FENCED"     // no contact within the lease
	ReasonNotJoined Reason = "NOT_JOINED" // nothing is known yet: the default
	ReasonStale     Reason = "STALE"      // not joined yet: by the snapshot on disk, at the fence
)

// Details is an answer with its reason.
type Details struct {
	Feature  string
	Stage    Stage
	Reason   Reason
	Epoch    int64 // 0 where the sheet does not name the feature
	Revision int32 // of the sheet; -1 while there is none
	Pinned   bool  // the answer is that of the request's pinned sheet
}

// Explain returns where the feature stands for this request, and why. It is
// dearer than the other methods.
func (f *Flag[T]) Explain(ctx context.Context) Details {
	c := f.client
	current := c.current.Load()
	p, snap := c.viewOf(ctx, current)
	s := snap.slot(&f.handle)
	entry, named := snap.features[f.key]
	d := Details{
		Feature: f.key, Stage: s.stage, Reason: ReasonSheet, Epoch: entry.Epoch,
		Revision: snap.revision, Pinned: p != nil,
	}
	switch {
	case !snap.saved.IsZero():
		d.Reason = ReasonStale
	case s.stage != s.fenced && c.fences(snap.era):
		d.Stage, d.Reason = s.fenced, ReasonFenced
		return d
	case !snap.known():
		d.Reason = ReasonNotJoined
	case !named:
		d.Reason = ReasonAbsent
	}
	if s.stage != s.fenced {
		p.rely()
	}
	return d
}
