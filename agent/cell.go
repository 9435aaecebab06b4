package agent

import (
	"context"
	"sync"
	"time"
)

// A cell holds one thing that was read from the registry, and reads it again
// when it may have changed. Any number of changes during a read are answered by
// one more read.
type cell[T any] struct {
	// load reads the thing. The channel it returns is closed when the thing has
	// changed; nil where wake is called instead.
	load func(ctx context.Context) (T, <-chan struct{}, error)
	// loaded hears of every value, in order.
	loaded func(T)

	busy chan struct{} // holds a token while a read is under way: one at a time
	kick chan struct{} // follow has something to look at

	mu      sync.Mutex // guards the fields below
	value   T
	changed <-chan struct{}
	// Moments, counted by what may have changed since: have is that of value,
	// want the newest known, and nobody may plan on a value from before must.
	have, want, must uint64
}

func newCell[T any](load func(context.Context) (T, <-chan struct{}, error), loaded func(T)) *cell[T] {
	return &cell[T]{
		load: load, loaded: loaded,
		busy: make(chan struct{}, 1), kick: make(chan struct{}, 1),
		want: 1, must: 1,
	}
}

// wake says that the thing may have changed.
func (c *cell[T]) wake() {
	c.mu.Lock()
	c.want++
	c.mu.Unlock()
	c.poke()
}

// invalidate says that the thing has changed, and that the value is not to be
// planned on.
func (c *cell[T]) invalidate() {
	c.mu.Lock()
	c.want++
	c.must = c.want
	c.mu.Unlock()
	c.poke()
}

// current returns the value; it reads only where it was invalidated since.
func (c *cell[T]) current(ctx context.Context) (T, error) {
	return c.read(ctx, func() bool { return c.have >= c.must })
}

// refresh reads again if anything may have changed.
func (c *cell[T]) refresh(ctx context.Context) error {
	_, err := c.read(ctx, func() bool { return c.have == c.want })
	return err
}

func (c *cell[T]) read(ctx context.Context, fineLocked func() bool) (T, error) {
	c.mu.Lock()
	value, fine := c.value, fineLocked()
	c.mu.Unlock()
	if fine {
		return value, nil
	}
	select {
	case c.busy <- struct{}{}:
		defer func() { <-c.busy }()
	case <-ctx.Done():
		return value, context.Cause(ctx)
	}
	c.mu.Lock()
	value, fine = c.value, fineLocked() // somebody else may have read it meanwhile
	moment := c.want
	c.mu.Unlock()
	if fine {
		return value, nil
	}
	value, changed, err := c.load(ctx)
	if err != nil {
		return value, err
	}
	c.mu.Lock()
	c.value, c.changed, c.have = value, changed, moment
	c.mu.Unlock()
	c.poke()
	c.loaded(value)
	return value, nil
}

// peek returns the value without reading, and whether there is one.
func (c *cell[T]) peek() (value T, read bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.value, c.have > 0
}

func (c *cell[T]) poke() {
	select {
	case c.kick <- struct{}{}:
	default:
	}
}

// mostRest bounds the pause after a read, and thereby what it adds to the time
// until the last ack of a fleet is seen.
const mostRest = 10 * time.Millisecond

// follow keeps the value up to date until ctx ends. It rests a moment after a
// read, no longer than the read took, so that a stream of changes is answered by
// few reads, and looks once in a while without being told. A read that goes
// wrong is tried again; failed hears of the first in a row.
func (c *cell[T]) follow(ctx context.Context, every time.Duration, failed func(error)) {
	next := time.NewTimer(jitter(every))
	defer next.Stop()
	failing := false
	for ctx.Err() == nil {
		began := time.Now()
		err := c.refresh(ctx)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			if !failing {
				failed(err)
			}
			failing = true
			_ = sleep(ctx, jitter(retryPause))
			continue
		}
		failing = false
		_ = sleep(ctx, min(time.Since(began), mostRest))
		c.mu.Lock()
		changed := c.changed
		c.mu.Unlock()
		select {
		case <-ctx.Done():
		case <-c.kick:
		case <-changed:
			c.wake()
		case <-next.C:
			next.Reset(jitter(every))
			c.wake()
		}
	}
}
