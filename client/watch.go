package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/internal/wire"
	musterv1 "github.com/musterhq/muster/proto/muster/v1"
)

// Watch yields the feature at once, and again after changes, until ctx ends or
// the loop does. It is always the latest state, so some between may be skipped,
// and the same may be yielded twice. When an agent is lost, another is asked,
// for as long as it takes once the first state has come. An error is the last
// thing it yields: ctx's when that ended, [muster.ErrNotFound] when the
// feature is gone or unknown.
func (c *Client) Watch(ctx context.Context, key string) iter.Seq2[muster.Feature, error] {
	return func(yield func(muster.Feature, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		patience := time.Now().Add(c.cfg.Patience)
		seen := false // an agent has answered
		pause := newPause()
		for failed := 0; ; {
			progress, err := c.watchOne(ctx, key, yield)
			switch {
			case err == nil:
				return
			case ctx.Err() != nil:
				yield(muster.Feature{}, ctx.Err())
				return
			case !lost(err):
				yield(muster.Feature{}, wire.Error(err))
				return
			}
			c.first.Add(1)
			if progress {
				seen, failed = true, 0
				pause.Reset()
			}
			if failed++; failed%len(c.agents) != 0 {
				continue // the next agent, at once
			}
			rest := pause.NextBackOff()
			if !seen && time.Now().Add(rest).After(patience) {
				yield(muster.Feature{}, c.unavailable(err))
				return
			}
			_ = wait(ctx, rest)
		}
	}
}

// watchOne follows the feature at the agent that is asked first, and reports
// whether it sent anything. The error is nil when the caller has had enough.
func (c *Client) watchOne(ctx context.Context, key string, yield func(muster.Feature, error) bool) (progress bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	// Until the first state has come the agent may be one that is stuck.
	slow := time.AfterFunc(c.cfg.Timeout, cancel)
	defer slow.Stop()
	agent := c.agents[c.first.Load()%int64(len(c.agents))]
	stream, err := musterv1.NewFeatureServiceClient(agent).WatchFeature(ctx, &musterv1.WatchFeatureRequest{Name: wire.FeatureName(key)})
	if err != nil {
		return false, err
	}
	for {
		m, err := stream.Recv()
		if err != nil {
			return progress, err
		}
		slow.Stop()
		progress = true
		f, err := wire.Feature(m.GetFeature())
		if err != nil {
			return progress, unreadable(m.GetFeature().GetName(), err)
		}
		if !yield(f, nil) {
			return progress, nil
		}
	}
}

// lost reports whether a stream ended for want of the agent.
func lost(err error) bool {
	if errors.Is(err, io.EOF) {
		return true
	}
	switch status.Code(err) {
	case codes.Unavailable, codes.DeadlineExceeded, codes.Canceled:
		return true
	}
	return false
}

// Wait returns nil when the feature stands at the stage; off is reached when
// old instances are let in again, too. When ctx ends before, the error is a
// [*muster.BlockedError] that names all that is waited for, and ctx's error
// too. It survives the loss of agents.
func (c *Client) Wait(ctx context.Context, key string, stage muster.Stage) error {
	_, err := c.follow(ctx, key, func(f muster.Feature) (bool, error) { return goal{stage: stage}.reached(f), nil })
	if blocked := (*muster.BlockedError)(nil); errors.As(err, &blocked) {
		blocked.Desired = stage
	}
	return err
}

// A goal is what a command wants to come true.
type goal struct {
	stage muster.Stage
	spec  int64 // the revision that shall be in force; 0: it is the stage that counts
	gone  bool  // the feature shall be gone
}

// inForce is the goal of the command that made f.
func inForce(f muster.Feature) goal { return goal{spec: f.Status.DesiredSpec} }

func (g goal) reached(f muster.Feature) bool {
	s := f.Status
	switch {
	case g.gone:
		return false // a feature that is gone is not found
	case g.spec > 0:
		return s.Spec >= g.spec
	default:
		return s.Stage == g.stage && (g.stage != muster.Off || s.Gate == muster.GateOpen)
	}
}

// given up reports whether somebody wants something else by now.
func (g goal) givenUp(f muster.Feature) bool {
	switch {
	case g.gone:
		return !f.Status.Deleting
	case g.spec > 0:
		return false
	default:
		return f.Status.Desired != g.stage
	}
}

// await waits until what the command that answered with f wants has come true.
func (c *Client) await(ctx context.Context, f muster.Feature, to goal) (muster.Feature, error) {
	key, wanted := f.Status.Feature, false
	last, err := c.follow(ctx, key, func(now muster.Feature) (bool, error) {
		switch {
		case to.reached(now) && !to.givenUp(now):
			return true, nil
		case !to.givenUp(now):
			wanted = true
		case wanted: // before that, the agent may not have heard of the command yet
			return false, fmt.Errorf("%s is wanted %s now, by %s: %w (see: muster history %s)",
				key, now.Status.Desired, now.Status.By, muster.ErrConflict, key)
		}
		return false, nil
	})
	if to.gone && errors.Is(err, muster.ErrNotFound) {
		f.Status.Deleted = true
		return f, nil
	}
	if last.Status.Feature == "" {
		last = f
	}
	return last, err
}

// follow watches the feature until done; last is the state it saw last.
func (c *Client) follow(ctx context.Context, key string, done func(muster.Feature) (bool, error)) (last muster.Feature, err error) {
	for f, err := range c.Watch(ctx, key) {
		if err != nil {
			if ctx.Err() == nil || last.Status.Feature == "" {
				return last, err
			}
			return last, &waitError{ended: err, blocked: &muster.BlockedError{
				Feature: key, Stage: last.Status.Stage, Desired: last.Status.Desired, Blockers: last.Blockers,
			}}
		}
		last = f
		if ok, err := done(f); ok || err != nil {
			return last, err
		}
	}
	return last, ctx.Err()
}

// A waitError says that the context ended, and what was waited for.
type waitError struct {
	ended   error
	blocked *muster.BlockedError
}

func (e *waitError) Error() string   { return e.blocked.Error() }
func (e *waitError) Unwrap() []error { return []error{e.blocked, e.ended} }
