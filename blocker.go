package muster

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Reason classifies what a feature waits for. The names are a stable contract
// of the API and the command line.
type Reason string

// The reasons why a feature waits.
const (
	ReasonNoInstances     Reason = "NO_INSTANCES"     // the service has no instance
	ReasonTooFewInstances Reason = "TOO_FEW_READY"    // fewer live, ready instances than minInstances
	ReasonOldVersion      Reason = "OLD_VERSION"      // a member's version does not satisfy the constraint
	ReasonNotAcked        Reason = "NOT_ACKED"        // a live member has not applied the current epoch
	ReasonDraining        Reason = "DRAINING"         // a member has requests in flight from before the current epoch
	ReasonVanished        Reason = "VANISHED"         // a member is gone without a leave and in quarantine
	ReasonUnconfirmed     Reason = "UNCONFIRMED"      // a vanished member that somebody must confirm to be gone
	ReasonShrunk          Reason = "ROSTER_SHRUNK"    // half a roster vanished at once: a network, not a deployment
	ReasonUnreadable      Reason = "UNREADABLE"       // an entry in the registry cannot be read
	ReasonPrerequisite    Reason = "PREREQUISITE"     // a feature that must be on first is not
	ReasonPending         Reason = "SPEC_PENDING"     // a newer spec cannot come into force yet
	ReasonNotWritten      Reason = "NOT_WRITTEN"      // the next step cannot be written to the registry
	ReasonNoLeader        Reason = "NO_LEADER"        // no agent leads
	ReasonKnock           Reason = "OLD_INSTANCE_OUT" // a refused instance waits at the gate (does not hold a feature up)
)

// A Blocker is one thing that a feature waits for, named exactly.
type Blocker struct {
	Reason     Reason     `json:"reason"`
	Service    string     `json:"service,omitempty"`
	Instance   string     `json:"instance,omitempty"`
	Version    string     `json:"version,omitempty"`
	Constraint Constraint `json:"constraint,omitzero"`
	Since      time.Time  `json:"since,omitzero"`  // since when it is so, as far as is known
	Until      time.Time  `json:"until,omitzero"`  // when it ends by itself; zero where it does not
	Count      int        `json:"count,omitempty"` // requests in flight, or ready instances
	Detail     string     `json:"detail"`          // the whole, for people: who, what, and the way out
}

func (b Blocker) String() string {
	var subject string
	switch {
	case b.Instance != "":
		subject = b.Service + "/" + b.Instance + ": "
	case b.Service != "":
		subject = b.Service + ": "
	}
	return fmt.Sprintf("%s%s", subject, b.Detail)
}

// SortBlockers sorts by service, instance and reason.
func SortBlockers(bs []Blocker) {
	slices.SortFunc(bs, func(a, b Blocker) int {
		return cmp.Or(strings.Compare(a.Service, b.Service), strings.Compare(a.Instance, b.Instance),
			strings.Compare(string(a.Reason), string(b.Reason)), strings.Compare(a.Detail, b.Detail))
	})
}
