package model

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// The right protocol, at sizes that mean something. In all of them every
// instance has work in flight, and every agent believes that it leads.
func TestTheProtocolIsSafe(t *testing.T) {
	require(t)
	for _, c := range []config{
		{instances: 2, agents: 2, lag: 1, lease: 1},
		{instances: 2, agents: 2, lag: 2, lease: 2},
		{instances: 3, agents: 1, lag: 1, lease: 1},
	} {
		t.Run(fmt.Sprintf("%d instances, %d agents, lag %d, lease %d", c.instances, c.agents, c.lag, c.lease), func(t *testing.T) {
			f, err := check(t.Context(), t.TempDir(), c)
			if err != nil {
				t.Fatal(err)
			}
			if f.broken != "" {
				t.Fatalf("%s is broken:\n%s", f.broken, story(f))
			}
			row(t, "the right protocol", "holds", c, f)
			// A model in which something never happens proves less than it seems to.
			for _, statement := range f.unreached {
				t.Errorf("in the right protocol this never happens: %s", statement)
			}
		})
	}
}

// Each thing that the protocol does it does for a reason: without it, a promise
// is broken.
func TestEachWrongProtocolIsFoundOut(t *testing.T) {
	require(t)
	for _, tc := range []struct{ name, macro, breaks string }{
		{"ephemeral roster", "EPHEMERAL_ROSTER", "G1"},
		{"no gate", "NO_GATE", "G2"},
		{"gate judged, registration not compared with the sheet", "CHECK_THEN_JOIN", "G2"},
		{"gate opened before everyone has acked off", "OPEN_EARLY", "G2"},
		{"ack by stage instead of epoch", "ACK_BY_STAGE", "G1"},
		{"ack before drain", "ACK_BEFORE_DRAIN", "G3"},
		{"fence to off", "FENCE_TO_OFF", "G3"},
		{"vanished member reaped while it still serves", "SHORT_QUARANTINE", "G3"},
		{"work in flight not cancelled at the fence", "NO_CANCEL", "G3"},
		{"no compare-and-set", "NO_COMPARE", "G5"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := config{instances: 2, agents: 1, lag: 1, lease: 1, wrong: tc.macro}
			f, err := check(t.Context(), t.TempDir(), c)
			if err != nil {
				t.Fatal(err)
			}
			if f.broken != tc.breaks {
				t.Fatalf("breaks %q, want %s\n%s", f.broken, tc.breaks, story(f))
			}
			row(t, tc.name, f.broken+" broken", c, f)
			t.Log("how:\n" + story(f))
		})
	}
}

// row tells what was found, in one line of a table.
func row(t *testing.T, what, verdict string, c config, f finding) {
	t.Logf("model: %-55s %-10s %d instances, %d agents: %8d states, depth %6d, %6.1f s CPU",
		what, verdict, c.instances, c.agents, f.states, f.depth, f.cpu.Round(100*time.Millisecond).Seconds())
}

func story(f finding) string { return "\t" + strings.Join(f.trail, "\n\t") }
