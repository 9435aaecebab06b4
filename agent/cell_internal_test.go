package agent

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// A source is something to read: how often it was, and how long it takes.
type source struct {
	reads atomic.Int64
	takes time.Duration
	err   atomic.Pointer[error]
}

func (s *source) load(ctx context.Context) (int64, <-chan struct{}, error) {
	if err := s.err.Load(); err != nil {
		return 0, nil, *err
	}
	n := s.reads.Add(1)
	return n, nil, sleep(ctx, s.takes)
}

func none(int64) {}

func TestCellCurrentReadsOnlyWhatWasInvalidated(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &source{takes: time.Second}
		c := newCell(s.load, none)
		var got []int64
		read := func() {
			v, err := c.current(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, v)
		}
		read()
		read()
		c.wake()
		read()
		c.invalidate()
		read()
		if want := []int64{1, 1, 1, 2}; !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
		if err := c.refresh(t.Context()); err != nil || s.reads.Load() != 2 {
			t.Errorf("a refresh with nothing new: %d reads, %v; want 2", s.reads.Load(), err)
		}
	})
}

func TestCellInvalidatedDuringAReadIsReadAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &source{takes: time.Second}
		c := newCell(s.load, none)
		var wg sync.WaitGroup
		wg.Go(func() { _, _ = c.current(t.Context()) })
		synctest.Wait()
		c.invalidate() // the read under way began before
		got, err := c.current(t.Context())
		wg.Wait()
		if err != nil || got != 2 {
			t.Errorf("got read %d, %v; want 2", got, err)
		}
	})
}

func TestCellSharesOneReadAmongAll(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &source{takes: time.Second}
		c := newCell(s.load, none)
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() { _, _ = c.current(t.Context()) })
		}
		wg.Wait()
		if got := s.reads.Load(); got != 1 {
			t.Errorf("got %d reads, want 1", got)
		}
	})
}

// A stream of changes is answered by reads with rests between them.
func TestCellFollowMergesChanges(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &source{takes: 10 * time.Millisecond}
		var last atomic.Int64
		c := newCell(s.load, last.Store)
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { c.follow(ctx, time.Hour, func(err error) { t.Error(err) }) })
		for range 1000 {
			c.wake()
			time.Sleep(time.Millisecond)
		}
		time.Sleep(time.Second)
		reads := s.reads.Load()
		if reads < 40 || reads > 60 {
			t.Errorf("got %d reads in a second of 1000 changes, want about 50", reads)
		}
		if last.Load() != reads {
			t.Errorf("got value %d, want the last, %d", last.Load(), reads)
		}
		time.Sleep(time.Minute)
		if got := s.reads.Load(); got != reads {
			t.Errorf("%d reads without a change", got-reads)
		}
		time.Sleep(2 * time.Hour)
		if got := s.reads.Load(); got == reads {
			t.Error("does not look without being told")
		}
		cancel()
		wg.Wait()
	})
}

func TestCellFollowTriesAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("broken")
		s := new(source)
		s.err.Store(&broken)
		c := newCell(s.load, none)
		var heard atomic.Int64
		var wg sync.WaitGroup
		ctx, cancel := context.WithCancel(t.Context())
		wg.Go(func() { c.follow(ctx, time.Hour, func(error) { heard.Add(1) }) })
		time.Sleep(time.Minute)
		if got := heard.Load(); got != 1 {
			t.Errorf("heard of %d failures in a row, want 1", got)
		}
		s.err.Store(nil)
		time.Sleep(2 * time.Second)
		if _, read := c.peek(); !read {
			t.Error("was not read when it could be")
		}
		cancel()
		wg.Wait()
	})
}
