package integration_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/musterhq/muster"
)

// A command is what an operator asked for in a run. Its reason is like no
// other's, so that its record is found.
type command struct {
	action       muster.Action // activate, deactivate or kill
	why          string
	begun, ended time.Time
	err          error // then nobody knows whether it was carried out
}

func (c command) wants() muster.Stage { return wanted(c.action) }

// wanted is where a feature is to go after a record of this action.
func wanted(action muster.Action) muster.Stage {
	if action == muster.ActionActivate {
		return muster.On
	}
	return muster.Off
}

// checkCommands says what is wrong with what became of commands that were given
// one after the other: each that was accepted has exactly one record, or was
// so already; none has two (G5, G8).
func checkCommands(records []muster.Record, commands []command) (wrong []string) {
	for _, c := range commands {
		carried := 0
		for _, rec := range records {
			if rec.Why == c.why && rec.Action == c.action {
				carried++
			}
		}
		switch {
		case carried > 1:
			wrong = append(wrong, fmt.Sprintf("%s %q was carried out %d times", c.action, c.why, carried))
		case carried == 0 && c.err == nil && !soAlready(records, c):
			wrong = append(wrong, fmt.Sprintf("%s %q was accepted, and has no record", c.action, c.why))
		}
	}
	return wrong
}

// soAlready reports whether, at some moment of the command, what it wanted was
// wanted already.
func soAlready(records []muster.Record, c command) bool {
	now := muster.Off
	for _, rec := range records {
		switch rec.Action {
		case muster.ActionActivate, muster.ActionDeactivate, muster.ActionKill, muster.ActionRollBack:
		default:
			continue
		}
		if !rec.Time.Before(c.begun) && now == c.wants() || rec.Time.After(c.ended) {
			break
		}
		now = wanted(rec.Action)
	}
	return now == c.wants()
}

func TestCheckCommands(t *testing.T) {
	t.Parallel()
	up := command{action: muster.ActionActivate, why: "up", begun: at(10), ended: at(20)}
	down := command{action: muster.ActionKill, why: "down", begun: at(30), ended: at(40)}
	again := command{action: muster.ActionActivate, why: "again", begun: at(22), ended: at(25)}
	lost := command{action: muster.ActionActivate, why: "lost", begun: at(50), ended: at(60), err: errCut}
	ups := muster.Record{Time: at(15), Action: muster.ActionActivate, Why: "up"}
	downs := muster.Record{Time: at(35), Action: muster.ActionKill, Why: "down"}
	for name, tc := range map[string]struct {
		records  []muster.Record
		commands []command
		wrong    int
	}{
		"each once":           {[]muster.Record{ups, downs}, []command{up, down}, 0},
		"so already":          {[]muster.Record{ups, downs}, []command{up, again, down}, 0},
		"nobody knows":        {[]muster.Record{ups, downs}, []command{up, down, lost}, 0},
		"twice":               {[]muster.Record{ups, downs, downs}, []command{up, down}, 1},
		"forgotten":           {[]muster.Record{ups}, []command{up, down}, 1},
		"forgotten at first":  {[]muster.Record{downs}, []command{up, down}, 1},
		"one counts as other": {[]muster.Record{ups, downs}, []command{up, {action: muster.ActionActivate, why: "x", begun: at(41), ended: at(42)}}, 1},
	} {
		if got := checkCommands(tc.records, tc.commands); len(got) != tc.wrong {
			t.Errorf("%s: found %q, want %d", name, got, tc.wrong)
		}
	}
}
