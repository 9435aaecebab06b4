package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/musterhq/muster/examples/shop/order"
	"github.com/musterhq/muster/examples/shop/service"
)

// workers send requests to the storefronts, each one after the other.
const workers = 8

// pause between two requests of a worker.
const pause = 10 * time.Millisecond

// A tally is what the traffic checker counted.
type tally struct {
	Requests    int
	OK          int
	Mixed       int // a new form met an instance that does not accept it
	Unavailable int // no instance answered; a customer would try again
	NewForm     int // hops that used the new form
	OldForm     int
	FirstMixed  string
}

// traffic sends orders through the shop without a break and checks each answer.
type traffic struct {
	addrs []string
	body  []byte
	http  *http.Client

	mu    sync.Mutex // guards the field below
	tally tally
}

func newTraffic(addrs []string) (*traffic, error) {
	body, err := order.Encode(order.Order{
		Item: "lamp",
		To:   order.Address{Street: "Elm Street 5", City: "Springfield", PostalCode: "12345", Country: "US"},
	}, true)
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{MaxIdleConnsPerHost: workers}
	return &traffic{addrs: addrs, body: body, http: &http.Client{Timeout: 10 * time.Second, Transport: transport}}, nil
}

// run sends until ctx ends.
func (t *traffic) run(ctx context.Context) {
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			tick := time.NewTicker(pause)
			defer tick.Stop()
			for turn := w; ; turn++ {
				select {
				case <-ctx.Done():
					return
				case <-tick.C:
					t.once(ctx, turn)
				}
			}
		})
	}
	wg.Wait()
	t.http.CloseIdleConnections()
}

// once sends one order, to the next storefront where one is away.
func (t *traffic) once(ctx context.Context, turn int) {
	for i := range t.addrs {
		status, text, err := t.post(ctx, t.addrs[(turn+i)%len(t.addrs)])
		if ctx.Err() != nil {
			return // the end of the demo is nobody's fault
		}
		if err == nil && status != http.StatusServiceUnavailable {
			t.count(status, text)
			return
		}
	}
	t.count(http.StatusServiceUnavailable, nil)
}

func (t *traffic) post(ctx context.Context, addr string) (int, []byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+addr+"/order", bytes.NewReader(t.body))
	if err != nil {
		return 0, nil, err
	}
	resp, err := t.http.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	return resp.StatusCode, text, err
}

// count judges an answer: by what the services say, and by the hops, should a
// service not have noticed.
func (t *traffic) count(status int, text []byte) {
	var answer service.Answer
	if status == http.StatusOK && json.Unmarshal(text, &answer) != nil {
		status = http.StatusInternalServerError
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.tally.Requests++
	mixed := status == http.StatusUnprocessableEntity
	for _, hop := range answer.Hops {
		switch {
		case hop.Structured && hop.Version == oldVersion:
			mixed = true
		case hop.Structured:
			t.tally.NewForm++
		case hop.Service != services[0]:
			t.tally.OldForm++
		}
	}
	switch {
	case mixed:
		t.tally.Mixed++
		if t.tally.FirstMixed == "" {
			t.tally.FirstMixed = string(bytes.TrimSpace(text))
		}
	case status == http.StatusOK:
		t.tally.OK++
	default:
		t.tally.Unavailable++
	}
}

// now returns what was counted so far.
func (t *traffic) now() tally {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.tally
}
