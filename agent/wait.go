package agent

import (
	"context"
	"math/rand/v2"
	"time"
)

const (
	tick       = 5 * time.Second // how often the leader looks without being told
	pollEvery  = time.Minute     // how often each cached thing is read without being told
	retryPause = time.Second     // after something went wrong that is not expected to
)

// sleep waits for d, or returns the cause when ctx ends before.
func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return context.Cause(ctx) // without a timer, which would fire while it is being made
	}
	return wait(ctx, nil, d)
}

// wait returns nil when changed is closed or d is over, and the cause when ctx
// ends.
func wait(ctx context.Context, changed <-chan struct{}, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-changed:
	case <-timer.C:
	}
	return nil
}

// until returns how long to wait for a moment, zero for never, and at most a
// tick.
func until(now, moment time.Time) time.Duration {
	if moment.IsZero() {
		return tick
	}
	return max(min(moment.Sub(now), tick), time.Millisecond)
}

// jitter spreads d by a tenth, so that agents do not fall into step.
func jitter(d time.Duration) time.Duration {
	return d - d/10 + rand.N(d/5+1)
}
