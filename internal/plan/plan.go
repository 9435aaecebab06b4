package plan

import (
	"time"

	"github.com/musterhq/muster"
)

// A State is everything that one decision about one feature sees.
//
// What it holds of each service was read in the order sheet, roster, members,
// live entries, so every instance that joined under an older sheet is among
// the members.
type State struct {
	Now    time.Time
	Status muster.Status
	// Version of the feature's node, which every write compares.
	Version int32
	Spec    *muster.Spec // in force; nil before the first
	Next    *muster.Spec // applied and not yet in force; nil when there is none
	// Services holds every service that Spec or Next names.
	Services map[string]muster.Service
	// Prerequisites holds the features that Spec or Next needs on; one that is
	// missing is not known.
	Prerequisites map[string]Neighbour
	// Contended: registrations kept failing the check of the rosters, so the
	// gate is to be closed before they are read again (G1: no starvation).
	Contended bool
	// Quarantine and Confirm say what becomes of vanished members, which other
	// features decide as well: those of a service in Confirm are not given up
	// before somebody confirms that they are gone. Blockers tell it.
	Quarantine Quarantine
	Confirm    map[string]bool
	// Agent and Operation go into what is written: who, and the id by which a
	// write is recognized.
	Agent, Operation string
}

// A Step is one decision: a move, or what is waited for.
type Step struct {
	Move *Move // nil when there is nothing to do now
	// Waiting names what the next move waits for; empty when nothing is wanted.
	Waiting []muster.Blocker
}

// A Move is one transaction: it carries every version that it was decided on.
type Move struct {
	Feature string
	Version int32 // of the feature's node
	Status  muster.Status
	// Sheets are the sheets to be written; the Revision of each is the one that
	// it was decided on.
	Sheets map[string]muster.Sheet
	// Rosters are the versions of rosters that must still hold.
	Rosters map[string]int32
	// Prerequisites are the versions of other features' nodes that must still
	// hold.
	Prerequisites map[string]int32
	Record        muster.Record
}
