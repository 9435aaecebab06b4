package muster

import "time"

// Action says what an audit record tells of. The names are a stable contract.
type Action string

// The actions that are recorded.
const (
	ActionApply        Action = "apply"        // a spec was applied
	ActionActivate     Action = "activate"     // on was wanted
	ActionDeactivate   Action = "deactivate"   // off was wanted
	ActionKill         Action = "kill"         // off was wanted, at once
	ActionDelete       Action = "delete"       // removal was wanted
	ActionMove         Action = "move"         // the stage changed
	ActionGate         Action = "gate"         // the gate closed or opened
	ActionAdopt        Action = "adopt"        // a spec came into force
	ActionRollBack     Action = "rollback"     // off was wanted, for an old instance that knocked or a prerequisite that is wanted off
	ActionRemove       Action = "remove"       // the feature was removed
	ActionReap         Action = "reap"         // a vanished member was removed
	ActionDecommission Action = "decommission" // somebody confirmed that a member is gone
)

// A Record tells of one change: who, when, why, and the evidence it was
// decided on. It is written in the same transaction as the change (G8).
type Record struct {
	ID        string    `json:"id,omitempty"` // given by the registry; ids sort by time
	Time      time.Time `json:"time"`
	Action    Action    `json:"action"`
	Feature   string    `json:"feature,omitempty"`
	Service   string    `json:"service,omitempty"`  // of a reap or decommission
	Instance  string    `json:"instance,omitempty"` // of a reap or decommission
	From      Stage     `json:"from"`
	To        Stage     `json:"to"`
	Gate      Gate      `json:"gate"`
	Epoch     int64     `json:"epoch"`
	Spec      int64     `json:"spec"`
	By        string    `json:"by"` // an operator, or agent/<id>
	Why       string    `json:"why,omitempty"`
	Operation string    `json:"operation"`
	// Evidence is what was judged, by service.
	Evidence map[string]Evidence `json:"evidence,omitempty"`
}

// Evidence is what a decision saw of one service.
type Evidence struct {
	Roster   int32          `json:"roster"`             // version of the roster
	Revision int32          `json:"revision"`           // of the sheet
	Members  int            `json:"members"`            // in the roster
	Live     int            `json:"live"`               // of these
	Acked    int            `json:"acked"`              // of the members, the current epoch
	Versions map[string]int `json:"versions,omitempty"` // members by version
	Checked  bool           `json:"checked,omitempty"`  // the roster's version was checked in the transaction
}
