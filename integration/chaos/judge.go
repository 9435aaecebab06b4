package main

import (
	"fmt"
	"time"

	"github.com/musterhq/muster"
)

// A verdict is what the history says of a run.
type verdict struct {
	activations, deactivations, kills int // carried out: it reached on; it reached off; it was asked for

	commands, unanswered int      // accepted; of unknown outcome
	lost                 []string // accepted, and not carried out
	duplicates           []string // carried out or recorded twice
	disorder             []string // records that do not follow from the one before

	slowest time.Duration // from the command to on
}

// judge holds the history, oldest record first, against the commands that were
// given one after the other (G5, G8).
func judge(records []muster.Record, given []command) verdict {
	var v verdict
	v.follow(records)
	v.count(records, given)
	carried := make(map[string]int)
	for _, rec := range records {
		if rec.Action != muster.ActionMove && rec.Why != "" {
			carried[rec.Why]++
		}
	}
	for _, c := range given {
		if c.err != nil {
			v.unanswered++
		} else {
			v.commands++
		}
		switch n := carried[c.why]; {
		case n > 1:
			v.duplicates = append(v.duplicates, fmt.Sprintf("%q was carried out %d times", c.why, n))
		case n == 0 && c.err == nil && !soAlready(records, c):
			v.lost = append(v.lost, fmt.Sprintf("%q was accepted, and has no record", c.why))
		}
	}
	return v
}

// follow checks that each record begins where the one before ended, and that
// there is exactly one for each epoch.
func (v *verdict) follow(records []muster.Record) {
	operations := make(map[string]bool)
	for i, rec := range records {
		if operations[rec.Operation] {
			v.duplicates = append(v.duplicates, fmt.Sprintf("operation %s is recorded twice", rec.Operation))
		}
		operations[rec.Operation] = true
		if i == 0 {
			continue
		}
		before := records[i-1]
		grown, want := rec.Epoch-before.Epoch, int64(0)
		if rec.Action == muster.ActionMove {
			want = 1
		}
		switch {
		case rec.Action == muster.ActionMove && grown == 0:
			v.duplicates = append(v.duplicates, fmt.Sprintf("epoch %d is recorded twice", rec.Epoch))
		case grown != want:
			v.disorder = append(v.disorder, fmt.Sprintf("%s: epoch %d follows %d", rec.Action, rec.Epoch, before.Epoch))
		case rec.From != before.To || !rec.From.Adjacent(rec.To) || (rec.From == rec.To) == (rec.Action == muster.ActionMove):
			v.disorder = append(v.disorder, fmt.Sprintf("%s at epoch %d goes from %s to %s, after %s", rec.Action, rec.Epoch, rec.From, rec.To, before.To))
		case rec.To != muster.Off && rec.Gate == muster.GateOpen:
			v.disorder = append(v.disorder, fmt.Sprintf("epoch %d: the gate is open at %s", rec.Epoch, rec.To))
		}
	}
}

// count counts what was done.
func (v *verdict) count(records []muster.Record, given []command) {
	begun := make(map[string]time.Time) // by reason
	for _, c := range given {
		begun[c.why] = c.begun
	}
	var asked time.Time // when on was wanted last
	for _, rec := range records {
		switch {
		case rec.Action == muster.ActionKill:
			v.kills++
		case rec.Action == muster.ActionActivate:
			asked = begun[rec.Why]
		case rec.Action == muster.ActionMove && rec.To == muster.On:
			v.activations++
			v.slowest = max(v.slowest, rec.Time.Sub(asked))
		case rec.Action == muster.ActionMove && rec.To == muster.Off:
			v.deactivations++
		}
	}
}

// soAlready reports whether, at some moment of the command, what it wanted was
// wanted already.
func soAlready(records []muster.Record, c command) bool {
	now := muster.Off
	for _, rec := range records {
		if !isCommand(rec) {
			continue
		}
		if !rec.Time.Before(c.begun) && now == wants(c.action) || rec.Time.After(c.ended) {
			break
		}
		now = wants(rec.Action)
	}
	return now == wants(c.action)
}

// isCommand reports whether a record says where the feature is to go.
func isCommand(rec muster.Record) bool {
	switch rec.Action {
	case muster.ActionActivate, muster.ActionDeactivate, muster.ActionKill:
		return true
	default:
		return false
	}
}

// lastWish is where the feature is to go by the last command in the history.
func lastWish(records []muster.Record) muster.Stage {
	wish := muster.Off
	for _, rec := range records {
		if isCommand(rec) {
			wish = wants(rec.Action)
		}
	}
	return wish
}

// wrong lists everything that must not be.
func (v *verdict) wrong() []string {
	var all []string
	all = append(all, v.lost...)
	all = append(all, v.duplicates...)
	return append(all, v.disorder...)
}
