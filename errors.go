package muster

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Sentinels for what a caller may ask with [errors.Is].
var (
	// ErrNotFound: the feature, service or instance is not known.
	ErrNotFound = errors.New("not found")
	// ErrConflict: what was decided on has changed meanwhile; read again.
	ErrConflict = errors.New("changed meanwhile")
	// ErrFailedPrecondition: the state of the feature or instance forbids it.
	ErrFailedPrecondition = errors.New("failed precondition")
)

// An InvalidError says which input was refused and why.
type InvalidError struct {
	Field   string // what it was meant to be: "feature", "participants.checkout.version"
	Value   string // as given; shown cut to a readable length
	Problem string // read after the value: "is empty", "is not one of …"
	Source  string // where it stood, as file:line:column; "" where there is no file
}

func (e *InvalidError) Error() string {
	var b strings.Builder
	if e.Source != "" {
		b.WriteString(e.Source)
		b.WriteString(": ")
	}
	b.WriteString(e.Field)
	if e.Value != "" {
		b.WriteByte(' ')
		b.WriteString(quote(e.Value))
	}
	b.WriteByte(' ')
	b.WriteString(e.Problem)
	return b.String()
}

// quote shows hostile input safely: escaped, and cut where it is long.
func quote(s string) string {
	const most = 60
	if len(s) > most {
		return strconv.Quote(s[:most]) + "…"
	}
	return strconv.Quote(s)
}

// A Refusal is one feature's reason not to let a version of a service in (G2).
type Refusal struct {
	Feature    string     `json:"feature"`
	Stage      Stage      `json:"stage"`
	Constraint Constraint `json:"constraint"`
	Version    string     `json:"version"`
}

func (r Refusal) String() string {
	version := r.Version
	if version == "" {
		version = "without a version"
	}
	return fmt.Sprintf("%s (%s): needs %s, is %s", r.Feature, r.Stage, r.Constraint, version)
}

// A RefusedError says that the gate did not let an instance become a member
// (G2): which feature, which constraint, which version, and the way out.
type RefusedError struct {
	Service  string
	Instance string
	Refusals []Refusal // at least one, sorted by feature
}

func (e *RefusedError) Error() string {
	reasons := make([]string, len(e.Refusals))
	for i, r := range e.Refusals {
		reasons[i] = r.String()
	}
	target := e.Service
	if e.Instance != "" {
		target += "/" + e.Instance
	}
	return fmt.Sprintf("register %s: refused by %s (upgrade it, or: muster deactivate %s)",
		target, strings.Join(reasons, "; "), e.Refusals[0].Feature)
}

// A BlockedError says that a feature has not reached the wanted stage, and
// names all that it waits for.
type BlockedError struct {
	Feature  string
	Stage    Stage // where it stands
	Desired  Stage
	Blockers []Blocker
}

func (e *BlockedError) Error() string {
	reasons := make([]string, len(e.Blockers))
	for i, b := range e.Blockers {
		reasons[i] = b.String()
	}
	if len(reasons) == 0 {
		reasons = []string{"the leading agent to take the next step"}
	}
	return fmt.Sprintf("%s is at %s, wanted %s; waits for %s (see: muster status %s)",
		e.Feature, e.Stage, e.Desired, strings.Join(reasons, "; "), e.Feature)
}
