package client

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/musterhq/muster/internal/wire"
)

// call asks one agent after the other until one answers, in rounds with a pause
// between, for as long as the client is patient. Every call may be sent again:
// it reads, or it bears a request id.
func call[A any](ctx context.Context, c *Client, ask func(context.Context, grpc.ClientConnInterface) (A, error)) (A, error) {
	patience := time.Now().Add(c.cfg.Patience)
	pause := newPause()
	for {
		answer, err := callRound(ctx, c, ask)
		if !passOver(ctx, err) {
			return answer, wire.Error(err)
		}
		rest := pause.NextBackOff()
		if time.Now().Add(rest).After(patience) {
			return answer, c.unavailable(err)
		}
		if ended := wait(ctx, rest); ended != nil {
			return answer, fmt.Errorf("%w (%w)", c.unavailable(err), ended)
		}
	}
}

// callRound asks every agent at most once. When none can answer, the error is
// what the last one said, or the last failure where none said anything.
func callRound[A any](ctx context.Context, c *Client, ask func(context.Context, grpc.ClientConnInterface) (A, error)) (answer A, worst error) {
	first := c.first.Load()
	for i := range int64(len(c.agents)) {
		agent := (first + i) % int64(len(c.agents))
		attempt, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
		answer, err := ask(attempt, c.agents[agent])
		cancel()
		if !passOver(ctx, err) {
			c.first.Store(agent)
			return answer, err
		}
		if worst == nil || said(err) || !said(worst) {
			worst = err
		}
	}
	return answer, worst
}

// passOver reports whether another agent may do better: this one does not
// answer, while the caller still waits.
func passOver(ctx context.Context, err error) bool {
	if err == nil || ctx.Err() != nil {
		return false
	}
	code := status.Code(err)
	return code == codes.Unavailable || code == codes.DeadlineExceeded
}

// said reports whether an agent answered, if only that it cannot.
func said(err error) bool { return len(status.Convert(err).Details()) > 0 }

// unavailable is the error for want of an answer.
func (c *Client) unavailable(err error) error {
	return unavailable(strings.Join(c.cfg.Addrs, ", "), err)
}

func unavailable(where string, err error) error {
	if said(err) {
		return wire.Error(err)
	}
	return fmt.Errorf("%w at %s: %s", errNoAgent, where, reason(err))
}

// reason is what an error says for people.
func reason(err error) string {
	text := status.Convert(err).Message()
	const noise = "connection error: desc = " // gRPC's
	if cut, found := strings.CutPrefix(text, noise); found {
		return strings.Trim(cut, `"`)
	}
	return text
}

// errNoAgent is an [ErrUnavailable] in plain words.
var errNoAgent = unavailableError{}

type unavailableError struct{}

func (unavailableError) Error() string { return "no agent answers" }
func (unavailableError) Unwrap() error { return ErrUnavailable }

// newPause returns growing pauses with jitter, so that a fleet of callers does
// not return as one.
func newPause() *backoff.ExponentialBackOff {
	pause := backoff.NewExponentialBackOff()
	pause.InitialInterval = 100 * time.Millisecond
	pause.MaxInterval = 2 * time.Second
	return pause
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
