package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/client"
)

// await follows a feature until it has reached the target, and tells on
// standard error how it is coming along. At the deadline the error is a
// [*muster.BlockedError] that names all it waits for. (The client can wait as
// well; it has nothing to show meanwhile.)
func (p *program) await(c *cli.Context, cl *client.Client, key string, target muster.Stage) (muster.Feature, error) {
	ctx, cancel := deadline(c)
	defer cancel()
	bars := newProgress(p.stderr)
	defer bars.close()
	var last muster.Feature
	wanted := false // the target was seen to be wanted
	for f, err := range cl.Watch(ctx, key) {
		if err != nil {
			return last, waitError(c.Context, err, last, target)
		}
		last = f
		if s, err := statusOf(ctx, cl, f); err == nil {
			bars.show(s)
		}
		switch {
		case reached(f.Status, target):
			return f, nil
		case f.Status.Desired == target:
			wanted = true
		case wanted:
			return f, &codeError{exitRefused, fmt.Errorf("%s is wanted %s now, by %s (%s): it is not waited for any longer (see: muster history %s)",
				key, f.Status.Desired, f.Status.By, or(f.Status.Why, "no reason given"), key)}
		}
	}
	return last, waitError(c.Context, ctx.Err(), last, target)
}

// deadline returns the context of what waits as long as --timeout says.
func deadline(c *cli.Context) (context.Context, context.CancelFunc) {
	if timeout := c.Duration("timeout"); timeout > 0 {
		return context.WithTimeout(c.Context, timeout)
	}
	return context.WithCancel(c.Context)
}

// reached reports whether the feature stands at the target; off is reached when
// old instances are let in again.
func reached(s muster.Status, target muster.Stage) bool {
	return s.Stage == target && (target != muster.Off || s.Desired != muster.Off || s.Gate == muster.GateOpen)
}

// waitError is why the waiting ended without success.
func waitError(ctx context.Context, err error, last muster.Feature, target muster.Stage) error {
	if ctx.Err() != nil && last.Status.Feature != "" {
		return &codeError{exitInterrupted, fmt.Errorf("interrupted; %s is at %s, and still wanted %s (see: muster status %s)",
			last.Status.Feature, last.Status.Stage, last.Status.Desired, last.Status.Feature)}
	}
	if errors.Is(err, context.DeadlineExceeded) && last.Status.Feature != "" {
		return &codeError{exitWaiting, &muster.BlockedError{
			Feature: last.Status.Feature, Stage: last.Status.Stage, Desired: target, Blockers: last.Blockers,
		}}
	}
	return err
}
