package service

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/musterhq/muster/examples/shop/order"
)

// A Hop tells of one service that a request went through.
type Hop struct {
	Service    string `json:"service"`
	Instance   string `json:"instance"`
	Version    string `json:"version"`
	Structured bool   `json:"structured"` // the order came in the new form
}

// An Answer is what a service answers to an order: where it went.
type Answer struct {
	Hops []Hop `json:"hops"`
}

// An Upstream calls the instances of a service in turn, and tries the next one
// where an instance is away or unready.
type Upstream struct {
	addrs  []string
	turn   atomic.Uint64
	client http.Client
}

func newUpstream(addrs string) *Upstream {
	u := &Upstream{client: http.Client{Timeout: 5 * time.Second}}
	if addrs != "" {
		u.addrs = strings.Split(addrs, ",")
	}
	return u
}

// ErrUnavailable: no instance could be reached.
var ErrUnavailable = errors.New("no instance answers")

// Order sends an order on, in the new form where structured. The error wraps
// [order.ErrNewForm] when the instance, or one behind it, did not understand.
func (u *Upstream) Order(ctx context.Context, o order.Order, structured bool) (Answer, error) {
	body, err := order.Encode(o, structured)
	if err != nil {
		return Answer{}, err
	}
	return u.Post(ctx, body)
}

// Post sends a body to the next instance that answers.
func (u *Upstream) Post(ctx context.Context, body []byte) (Answer, error) {
	err := ErrUnavailable
	first := u.turn.Add(1)
	for i := range uint64(len(u.addrs)) {
		addr := u.addrs[(first+i)%uint64(len(u.addrs))]
		var answer Answer
		if answer, err = u.try(ctx, addr, body); !errors.Is(err, ErrUnavailable) {
			return answer, err
		}
	}
	return Answer{}, err
}

func (u *Upstream) try(ctx context.Context, addr string, body []byte) (Answer, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+addr+"/order", bytes.NewReader(body))
	if err != nil {
		return Answer{}, err
	}
	resp, err := u.client.Do(req)
	if err != nil {
		return Answer{}, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	switch {
	case err != nil || resp.StatusCode == http.StatusServiceUnavailable:
		return Answer{}, fmt.Errorf("%w: %s %s", ErrUnavailable, addr, text)
	case resp.StatusCode == http.StatusUnprocessableEntity:
		return Answer{}, fmt.Errorf("%w: %s", order.ErrNewForm, strings.TrimSpace(string(text)))
	case resp.StatusCode != http.StatusOK:
		return Answer{}, fmt.Errorf("%s: %s: %s", addr, resp.Status, text)
	}
	var answer Answer
	return answer, json.Unmarshal(text, &answer)
}

// Reply writes the answer with this service's hop before it, or the error.
func Reply(w http.ResponseWriter, hop Hop, behind Answer, err error) {
	switch {
	case errors.Is(err, order.ErrNewForm):
		http.Error(w, fmt.Sprintf("%s/%s %s: %v", hop.Service, hop.Instance, hop.Version, err), http.StatusUnprocessableEntity)
	case errors.Is(err, ErrUnavailable):
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
	case err != nil:
		http.Error(w, err.Error(), http.StatusBadRequest)
	default:
		w.Header().Set("Content-Type", "application/json")
		// An error means that the caller is gone.
		_ = json.NewEncoder(w).Encode(Answer{Hops: append([]Hop{hop}, behind.Hops...)})
	}
}
