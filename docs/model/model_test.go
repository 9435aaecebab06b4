package model

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"text/tabwriter"
)

type protocol struct {
	name   string
	breaks string // the promise that it must be found to break; "" for none
	config
}

// The protocol is safe as it is, and each thing that it does it does for a
// reason: without it, a promise is broken. The sizes are said in docs/safety.md.
func TestModel(t *testing.T) {
	require(t)
	var table strings.Builder
	rows := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	fmt.Fprint(rows, "protocol\tverdict\tinstances\tagents\tlag, lease\tstates\tdepth\tCPU s\n")
	cases := []protocol{
		{"right", "", config{instances: 2, agents: 2, lag: 1, lease: 1}},
		{"right, finer clock", "", config{instances: 2, agents: 2, lag: 2, lease: 2}},
		{"ephemeral roster", "G1", wrong("EPHEMERAL_ROSTER")},
		{"ack by stage", "G1", wrong("ACK_BY_STAGE")},
		{"birth counted in every epoch", "G1", wrong("BIRTH_FOR_EVER")},
		{"members read before the sheet", "G1", config{instances: 2, agents: 2, lag: 1, lease: 1, wrong: "MEMBERS_FIRST"}},
		{"no gate", "G2", wrong("NO_GATE")},
		{"gate judged, and not compared", "G2", wrong("CHECK_THEN_JOIN")},
		{"gate opened early", "G2", wrong("OPEN_EARLY")},
		{"ack before drain", "G3", wrong("ACK_BEFORE_DRAIN")},
		{"fence to off", "G3", wrong("FENCE_TO_OFF")},
		{"reaped while it still serves", "G3", wrong("SHORT_QUARANTINE")},
		{"work in flight not cancelled", "G3", wrong("NO_CANCEL")},
		{"no compare-and-set", "G5", wrong("NO_COMPARE")},
	}
	if os.Getenv("LONG") != "" { // minutes, and 9 GB
		cases = append(cases, protocol{"right, three instances", "", config{instances: 3, agents: 1, lag: 1, lease: 1}})
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			f, err := check(t.Context(), t.TempDir(), tc.config)
			switch {
			case err != nil:
				t.Fatal(err)
			case f.broken != tc.breaks:
				t.Fatalf("breaks %q, want %q:\n%s", f.broken, tc.breaks, strings.Join(f.trail, "\n"))
			case f.broken != "" && len(f.trail) == 0:
				t.Fatal("the counterexample tells nothing")
			}
			verdict := "holds"
			if f.broken != "" {
				verdict = f.broken + " broken"
				fmt.Fprintf(t.Output(), "%s breaks %s:\n  %s\n", tc.name, f.broken, strings.Join(f.trail, "\n  "))
			}
			fmt.Fprintf(rows, "%s\t%s\t%d\t%d\t%d, %d\t%d\t%d\t%.1f\n", tc.name, verdict,
				tc.instances, tc.agents, tc.lag, tc.lease, f.states, f.depth, f.cpu.Seconds())
			if f.broken == "" && len(f.unreached) > 0 {
				// A model in which something never happens proves less than it seems to.
				t.Errorf("in the right protocol this never happens:\n%s", strings.Join(f.unreached, "\n"))
			}
		})
	}
	rows.Flush()
	fmt.Fprint(t.Output(), table.String())
}

// wrong is the size at which nearly every counterexample is found.
func wrong(macro string) config {
	return config{instances: 2, agents: 1, lag: 1, lease: 1, wrong: macro}
}
