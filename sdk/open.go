package sdk

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/musterhq/muster"
)

// Open makes this process an instance of its service, and waits until it is a
// member of the roster or ctx ends; ctx bounds nothing else.
//
// A client is returned unless the configuration is wrong, which is a
// [*muster.InvalidError]. It goes on trying to join, whatever the outcome here:
//
//   - It has joined: the error is nil, and flags answer by the sheet.
//   - ZooKeeper was not to be reached before ctx ended: the error is nil, and
//     flags answer what is said of the fence in the package's documentation, by
//     the snapshot on disk where there is one.
//     [Client.Status] tells, and [Client.Ready] says not ready unless
//     Config.ServeUnjoined.
//   - A gate refuses the version until ctx ends: the error is a
//     [*muster.RefusedError], beside a client that waits at the gate, unready,
//     and joins when it is admitted. A service goes on and serves its readiness,
//     or closes the client and ends.
//
// So give a ctx with a deadline, such as ten seconds: without one Open waits
// as long as it takes.
func Open(ctx context.Context, cfg Config) (*Client, error) {
	cfg, err := cfg.complete()
	if err != nil {
		return nil, fmt.Errorf("open: %w", err)
	}
	inst, err := cfg.instance(time.Now())
	if err != nil {
		return nil, fmt.Errorf("open: %w", err)
	}
	c := newClient(cfg, inst)
	life, stop := context.WithCancel(context.Background())
	c.stop = stop
	c.wg.Go(func() { c.own(life) })
	c.wg.Go(c.narrate)
	c.wg.Go(c.guard)
	if cfg.Snapshot != "" {
		c.wg.Go(func() { c.keep(life) })
	}
	select {
	case <-c.joined:
	case <-ctx.Done():
	}
	if refused := c.refusal(); refused != nil {
		return c, refused
	}
	return c, nil
}

func newClient(cfg Config, inst muster.Instance) *Client {
	c := &Client{
		cfg: cfg, inst: inst, fence: fence{lease: cfg.Lease},
		wake: make(chan struct{}, 1), news: make(chan struct{}, 1), alarm: make(chan struct{}, 1), joined: make(chan struct{}),
		index: make(map[handleKey]int),
	}
	first := unknown()
	c.current.Store(first)
	c.told = first.era
	if cfg.Snapshot != "" {
		c.fresh = make(chan struct{}, 1)
	}
	c.restore()
	return c
}

// Close ends the instance in good order: it says not ready, waits until all
// pinned requests have ended, at most Config.Drain, leaves the roster, and
// waits for all that the client has started. Flags stand at the fence from then
// on. Closing again waits too.
//
// The error says that the registry could not be told, or that requests were
// still in flight and so must not be: the instance counts until its quarantine
// is over. Their contexts are cancelled when Config.Drain has passed.
func (c *Client) Close() error {
	c.change(func(s *standing) { s.closing = true })
	c.stop()
	c.wg.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.standing.left
}

func (c *Client) refusal() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.standing.refused == nil {
		return nil
	}
	return c.standing.refused
}

func asRefused(err error) (*muster.RefusedError, bool) {
	var refused *muster.RefusedError
	return refused, errors.As(err, &refused)
}
