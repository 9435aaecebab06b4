package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// contrast tells the same story with a plain flag: it is flipped when most
// instances are upgraded, because nobody can tell when all are, and it is still
// on when one is rolled back.
func contrast(ctx context.Context, dir string, say func(string, ...any)) (tally, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return tally{}, err
	}
	var on atomic.Bool
	server := &http.Server{ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if on.Load() {
			fmt.Fprint(w, "on")
		} else {
			fmt.Fprint(w, "off")
		}
	})}
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() { _ = server.Serve(listener) }) // returns when it is closed below
	defer server.Close()

	f, err := newFleet(dir, "plain-", "-plain-flag", "http://"+listener.Addr().String())
	if err != nil {
		return tally{}, err
	}
	defer f.stop()
	if err := f.startAll(ctx, oldVersion); err != nil {
		return tally{}, err
	}
	t, err := newTraffic(f.addrs(services[0]))
	if err != nil {
		return tally{}, err
	}
	sending, stop := context.WithCancel(ctx)
	defer stop()
	wg.Go(func() { t.run(sending) })

	upgraded := 0
	for round := range instances {
		for _, s := range f.slots {
			if s.id[len(s.id)-1] != byte('1'+round) {
				continue
			}
			if err := f.replace(s, newVersion, false); err != nil {
				return tally{}, err
			}
			if err := f.ready(ctx, s); err != nil {
				return tally{}, err
			}
			if upgraded++; 3*upgraded > 2*len(f.slots) && !on.Load() {
				on.Store(true)
				say("plain flag: %d of %d instances are upgraded, that is most of them: flipped", upgraded, len(f.slots))
			}
			if err := linger(ctx, 300*time.Millisecond); err != nil {
				return tally{}, err
			}
		}
	}
	back := f.slots[instances] // the first checkout
	say("plain flag: %s is rolled back to %s, and the flag knows nothing of it", back.id, oldVersion)
	if err := f.replace(back, oldVersion, false); err != nil {
		return tally{}, err
	}
	if err := f.ready(ctx, back); err != nil {
		return tally{}, err
	}
	err = linger(ctx, time.Second)
	stop()
	return t.now(), err
}

// linger lets traffic flow for a while; it is for the audience, nothing is
// awaited by it.
func linger(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}
