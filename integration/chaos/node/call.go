package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/musterhq/muster/integration/chaos/told"
	"github.com/musterhq/muster/sdk"
)

const (
	// notice is how long a caller leaves an instance alone that did not answer,
	// or said that it is unready: what a balancer's health check would do.
	notice = time.Second
	// rare is the share of requests that are long: few, for each withholds the
	// ack of its instance and with it the next step of the fleet. They are common
	// while contact is being lost: it is then that they matter.
	rare, common = 0.002, 0.05
)

// call calls other services without end, until ctx does; calls knows of each
// request in flight.
func (n *node) call(ctx context.Context, calls *sync.WaitGroup) {
	services := slices.Sorted(maps.Keys(n.peers))
	for {
		rest := time.NewTimer(time.Duration(rand.ExpFloat64() * float64(n.pause)))
		select {
		case <-rest.C:
		case <-ctx.Done():
			rest.Stop()
			return
		}
		service := services[rand.IntN(len(services))]
		addr := n.peers[service][rand.IntN(len(n.peers[service]))]
		if n.shunned(addr) {
			continue
		}
		calls.Go(func() { n.request(service, addr) })
	}
}

// request is one request of this instance: pinned, with its form decided at its
// beginning and sent at its end, which may be long after.
func (n *node) request(service, addr string) {
	ctx, release := n.sdk.Pin(context.Background())
	defer release()
	began := time.Now()
	e := told.Envelope{New: n.feature.Enabled(ctx) && n.understands(), Decided: time.Now()}
	took := e.Decided.Sub(began)
	n.count(func(c *told.Counts) {
		c.Evaluations++
		c.Slowest = max(c.Slowest, took)
	})
	e.From = n.self(ctx)
	share := rare
	if n.sdk.Status().Lease < n.cfg.Lease/2 {
		share = common
	}
	if rand.Float64() < share {
		n.work(ctx)
	}
	e.Sent = time.Now()
	if ctx.Err() != nil { // the SDK has ended the request: what was decided holds no more
		n.count(func(c *told.Counts) {
			c.Cancelled++
			if errors.Is(context.Cause(ctx), sdk.ErrFenced) {
				c.Fenced++
			}
		})
		return
	}
	n.tally(service, addr, e.New, n.send(ctx, addr, e))
}

// work takes its time, as a request does that waits for something slow.
func (n *node) work(ctx context.Context) {
	done := time.NewTimer(time.Duration(rand.Float64() * float64(n.long)))
	defer done.Stop()
	select {
	case <-done.C:
	case <-ctx.Done():
	}
}

// send sends a request and returns the status of the answer, 0 without one.
func (n *node) send(ctx context.Context, addr string, e told.Envelope) int {
	text, err := json.Marshal(e)
	if err != nil {
		panic(err) // our own types
	}
	ctx, cancel := context.WithDeadline(ctx, e.Sent.Add(transit))
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+addr+"/", http.NoBody)
	if err != nil {
		panic(err) // the driver's addresses
	}
	req.Header.Set(header, string(text))
	resp, err := n.http.Do(req)
	if err != nil {
		return 0
	}
	_, _ = io.Copy(io.Discard, resp.Body) // so that the connection is used again
	resp.Body.Close()
	return resp.StatusCode
}

// tally counts what became of a request.
func (n *node) tally(service, addr string, newForm bool, status int) {
	now := time.Now()
	n.mu.Lock()
	defer n.mu.Unlock()
	switch status {
	case http.StatusNoContent:
		if newForm {
			n.counts.New++
		} else {
			n.counts.Old++
		}
		if n.ok[service] == nil {
			n.ok[service] = make(map[int64]bool)
		}
		n.ok[service][now.UnixNano()/int64(told.Slice)] = true
		return
	case http.StatusServiceUnavailable:
		n.counts.Refused++
	case http.StatusRequestTimeout:
		n.counts.Late++
	default:
		n.counts.Unavailable++
	}
	n.shy[addr] = now.Add(notice)
}

// shunned reports whether a peer is left alone for now.
func (n *node) shunned(addr string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return time.Now().Before(n.shy[addr])
}
