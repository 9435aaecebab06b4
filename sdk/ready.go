package sdk

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// Ready returns nil when the process may serve, and otherwise why not:
//
//   - the client is being closed, or is: [ErrClosed];
//   - a gate refuses its version: a [*muster.RefusedError];
//   - it has never joined, unless Config.ServeUnjoined and nothing in the
//     snapshot on disk forbids it, as in the next case;
//   - it is fenced, and a feature has the policy stop, or needs another version
//     than this and has the policy accept (G4).
func (c *Client) Ready() error {
	c.mu.Lock()
	standing, snap := c.standing, c.current.Load()
	c.mu.Unlock()
	switch {
	case standing.closing:
		return ErrClosed
	case standing.refused != nil:
		return standing.refused
	case !standing.joined && c.cfg.ServeUnjoined && len(snap.halts) == 0:
		return nil
	case !standing.joined && len(snap.halts) > 0:
		return fmt.Errorf("%s/%s, version %s: %w, and by the sheet last known %s", c.inst.Service, c.inst.ID, c.inst.Version, errNotJoined, strings.Join(snap.halts, ", "))
	case !standing.joined && standing.problem != nil:
		return fmt.Errorf("%s/%s has not joined: %w", c.inst.Service, c.inst.ID, standing.problem)
	case !standing.joined:
		return fmt.Errorf("%s/%s %w", c.inst.Service, c.inst.ID, errNotJoined)
	case len(snap.halts) > 0 && c.fence.down():
		return fmt.Errorf("%s/%s, version %s: %w, and %s", c.inst.Service, c.inst.ID, c.inst.Version, errNoContact, strings.Join(snap.halts, ", "))
	}
	return nil
}

// ReadyHandler answers 200 when the client is ready and 503 when it is not,
// with a JSON object that says state, revision and reason.
func (c *Client) ReadyHandler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		status, err := c.Status(), c.Ready()
		body := struct {
			Ready    bool   `json:"ready"`
			State    State  `json:"state"`
			Service  string `json:"service"`
			Instance string `json:"instance"`
			Version  string `json:"version"`
			Revision int32  `json:"revision"`
			Reason   string `json:"reason,omitempty"`
		}{err == nil, status.State, c.inst.Service, c.inst.ID, c.inst.Version, status.Revision, ""}
		code := http.StatusOK
		if err != nil {
			code, body.Reason = http.StatusServiceUnavailable, err.Error()
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(code)
		_ = json.NewEncoder(w).Encode(body) // whoever asked has gone
	})
}
