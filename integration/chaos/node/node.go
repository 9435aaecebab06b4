package main

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/musterhq/muster/integration/chaos/told"
	"github.com/musterhq/muster/sdk"
)

// A node is this process.
type node struct {
	settings
	sdk     *sdk.Client
	feature *sdk.Flag[bool]
	http    *http.Client

	mu     sync.Mutex // guards the fields below
	counts told.Counts
	ok     map[string]map[int64]bool // by service: slices with a success
	shy    map[string]time.Time      // peers that are not called until then

	out sync.Mutex // one line at a time
}

func newNode(s settings) *node {
	return &node{
		settings: s,
		http:     &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 2, IdleConnTimeout: 5 * time.Second}},
		ok:       make(map[string]map[int64]bool),
		shy:      make(map[string]time.Time),
	}
}

// attach gives the node its client.
func (n *node) attach(client *sdk.Client) {
	n.sdk, n.feature = client, client.Bool(n.settings.feature, false)
}

// told counts what happens to the instance.
func (n *node) told(e sdk.Event) {
	n.count(func(c *told.Counts) {
		switch e.Kind {
		case sdk.EventFenced:
			c.Fences++
		case sdk.EventRefused:
			c.Refusals++
		}
	})
}

// understands says whether this code knows the new form at all.
func (n *node) understands() bool { return !strings.HasPrefix(n.cfg.Version, "1.") }

// self is this side of a request.
func (n *node) self(ctx context.Context) told.Party {
	d, inst := n.feature.Explain(ctx), n.sdk.Instance()
	return told.Party{
		Service: inst.Service, ID: inst.ID, Incarnation: inst.Incarnation, Version: inst.Version,
		State: string(n.sdk.Status().State), Stage: d.Stage, Reason: string(d.Reason), Revision: d.Revision, Epoch: d.Epoch,
	}
}

// count changes the counts.
func (n *node) count(f func(*told.Counts)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	f(&n.counts)
}

// report tells the counts at intervals, and once more at the end.
func (n *node) report(ctx context.Context) {
	tick := time.NewTicker(told.Every)
	defer tick.Stop()
	for ctx.Err() == nil {
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
		status, stage := n.sdk.Status(), n.feature.Stage(context.Background())
		n.mu.Lock()
		counts := n.counts
		counts.OK = make(map[string][]int64)
		for service, slots := range n.ok {
			counts.OK[service] = slices.Sorted(maps.Keys(slots))
		}
		n.counts, n.ok = told.Counts{}, make(map[string]map[int64]bool)
		n.mu.Unlock()
		counts.Stage, counts.State, counts.Revision = stage, string(status.State), status.Revision
		n.say(told.Line{Counts: &counts})
	}
}

// say writes a line, in one piece.
func (n *node) say(line told.Line) {
	text, err := json.Marshal(line)
	if err != nil {
		panic(err) // our own types
	}
	n.out.Lock()
	defer n.out.Unlock()
	_, _ = os.Stdout.Write(append(text, '\n')) // a driver that has gone hears nothing
}
