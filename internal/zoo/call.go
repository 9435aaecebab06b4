package zoo

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

// do makes one call of the library's, which takes no context: it waits for a
// connection, calls in a goroutine, and leaves it when the caller's patience
// ends. The goroutine ends when the server answers, the connection is lost or
// the session ends.
func do[T any](ctx context.Context, s *Session, r request, call func() (T, error)) (T, error) {
	type outcome struct {
		value T
		err   error
	}
	var none T
	if len(r.path) > s.cfg.MaxRequest {
		return none, fmt.Errorf("%s…: %w: %w: a path of %d bytes", r.op, ErrNotSent, ErrTooLarge, len(r.path))
	}
	patience := time.NewTimer(s.cfg.OpTimeout)
	defer patience.Stop()
	result := make(chan outcome, 1)
	var decided atomic.Bool // by whoever is first, the call or the end of patience
	err := s.enter(ctx, patience.C, func() {
		if decided.Swap(true) {
			return
		}
		sent := s.lease.clock.Now() // G4: before, not after
		value, err := call()
		if answered(err) {
			s.lease.renew(sent)
		}
		result <- outcome{value, err}
	})
	if err != nil {
		return none, s.lost(r, ErrNotSent, err)
	}

	select {
	case o := <-result:
		if o.err == nil {
			return o.value, nil
		}
		return none, s.explain(r, o.err)
	case <-ctx.Done():
		err = context.Cause(ctx)
	case <-patience.C:
		err = fmt.Errorf("no answer for %v", s.cfg.OpTimeout)
	}
	if decided.Swap(true) {
		return none, s.lost(r, ErrUnknown, err)
	}
	return none, s.lost(r, ErrNotSent, err) // it is not sent behind the read that would decide
}

// enter waits for a connection and starts the call. Without one it gives up by
// itself, so that nothing is in the library's queue that could be sent after
// the caller was told that it was not.
func (s *Session) enter(ctx context.Context, patience <-chan time.Time, call func()) error {
	for {
		s.mu.Lock()
		if s.ctx.Err() == nil && ctx.Err() == nil && s.connected {
			s.calls.Go(call) // under mu: nothing starts after the end, when Close waits
			s.mu.Unlock()
			return nil
		}
		up := s.up
		s.mu.Unlock()
		if s.ctx.Err() != nil {
			return errNotStarted
		}
		select {
		case <-up:
		case <-s.ctx.Done():
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-patience:
			return fmt.Errorf("no connection for %v", s.cfg.OpTimeout)
		}
	}
}

// errNotStarted: the session had ended before.
var errNotStarted = errors.New("not started")
