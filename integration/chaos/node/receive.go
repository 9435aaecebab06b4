package main

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/musterhq/muster/integration/chaos/told"
)

// header carries the envelope.
const header = "Chaos-Envelope"

// handler serves requests, each with one view of the features.
func (n *node) handler() http.Handler {
	return n.sdk.Handler(http.HandlerFunc(n.receive))
}

// receive is the checker. An instance that is unready says so and does nothing
// else: a balancer would have sent it nothing, but takes a while to notice. One
// that is ready must accept what it is sent (G3).
func (n *node) receive(w http.ResponseWriter, r *http.Request) {
	arrived := time.Now()
	var e told.Envelope
	if err := json.Unmarshal([]byte(r.Header.Get(header)), &e); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if err := n.sdk.Ready(); err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	if arrived.Sub(e.Sent) > transit {
		http.Error(w, "its caller has given it up", http.StatusRequestTimeout)
		return
	}
	accepts := n.understands() && n.feature.Accepts(r.Context())
	if e.New && !accepts {
		n.say(told.Line{Violation: &told.Violation{Request: e, At: n.self(r.Context()), Arrived: arrived}})
		http.Error(w, "cannot read this", http.StatusUnprocessableEntity)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}
