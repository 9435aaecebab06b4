package doctor

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/musterhq/muster"
)

// Severity says how bad it is. The words are a stable contract.
type Severity string

// The severities. An error makes a promise void or keeps features from moving;
// a warning will, or would in a worse moment.
const (
	OK      Severity = "ok"
	Warning Severity = "warning"
	Error   Severity = "error"
)

// A Check is one thing that was looked at.
type Check struct {
	// Name is the kind of check: agent, leader, clock, zookeeper, …: stable names
	// in an open set.
	Name     string   `json:"check"`
	Severity Severity `json:"severity"`
	Subject  string   `json:"subject"`        // which agent, server, service or feature
	Found    string   `json:"found"`          // for people
	Todo     string   `json:"todo,omitempty"` // what to do about it; "" where nothing is
}

// Facts are all that is known of an installation at one moment.
type Facts struct {
	Now     time.Time // of the machine that asks
	Version string    // of the program that asks
	Agents  []Agent   // as they were named, in that order
	// Features and Services are what an agent shows; Registry says why none did,
	// "" when one did.
	Features []muster.Feature
	Services []muster.Service
	Registry string
}

// An Agent is one agent that was asked.
type Agent struct {
	Address string
	Problem string // why it did not answer; "" when it did
	// Asked and Answered are when, by the clock of the machine that asks.
	Asked, Answered time.Time
	Diagnosis       muster.Diagnosis
}

// Examine judges the facts. The checks come in the order in which one would look
// for what is wrong: agents, ZooKeeper, times, access, registry.
func Examine(f Facts) []Check {
	return slices.Concat(agents(f), leader(f), clocks(f), zooKeeper(f), timing(f), access(f), registry(f))
}

// Worst returns the worst severity among the checks.
func Worst(checks []Check) Severity {
	worst := OK
	for _, c := range checks {
		if rank(c.Severity) > rank(worst) {
			worst = c.Severity
		}
	}
	return worst
}

func rank(s Severity) int { return slices.Index([]Severity{OK, Warning, Error}, s) }

// answering are the agents that did answer.
func (f Facts) answering() []Agent {
	return slices.DeleteFunc(slices.Clone(f.Agents), func(a Agent) bool { return a.Problem != "" })
}

// list names a few of many.
func list(names []string) string {
	const most = 5
	if more := len(names) - most; more > 0 {
		return strings.Join(names[:most], ", ") + fmt.Sprintf(" and %d more", more)
	}
	return strings.Join(names, ", ")
}

// distinct returns the values without repetition, sorted.
func distinct[T cmp.Ordered](values []T) []T {
	values = slices.Clone(values)
	slices.Sort(values)
	return slices.Compact(values)
}

// short shows a duration without more digits than matter.
func short(d time.Duration) string {
	switch {
	case d >= time.Minute || d <= -time.Minute:
		return d.Round(time.Second).String()
	case d >= time.Second || d <= -time.Second:
		return d.Round(100 * time.Millisecond).String()
	}
	return d.Round(100 * time.Microsecond).String()
}
