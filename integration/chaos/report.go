package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/musterhq/muster/integration/chaos/told"
)

// A report is what came of a run.
type report struct {
	config
	commit string
	began  time.Time
	// faulty is how long faults happened, settling how long it then took to come
	// to rest.
	faulty, settling time.Duration

	faults     map[string]int
	exits      map[role]int
	requests   told.Counts
	violations []told.Violation
	silence    map[string]time.Duration // by service: the longest time without a success
	untold     int                      // departures of which the registry could not be told
	unrest     string                   // what had not come to rest
	records    int
	verdict
}

// wrong lists everything that must not be. A run that has put nothing to the
// test is wrong as well.
func (r *report) wrong() []string {
	var all []string
	if len(r.violations) > 0 { // others follow from what the first one shows
		v := r.violations[0]
		all = append(all, fmt.Sprintf("%s/%s %s at %s sent the new form to %s/%s %s, which does not accept it",
			v.Request.From.Service, v.Request.From.ID, v.Request.From.Version, v.Request.From.Stage, v.At.Service, v.At.ID, v.At.Version))
	}
	if r.unrest != "" {
		all = append(all, "did not come to rest: "+r.unrest)
	}
	for _, who := range []role{agent, instance} {
		if n := r.exits[who]; n > 0 {
			all = append(all, fmt.Sprintf("%d times an %s ended of its own (G7)", n, who))
		}
	}
	all = append(all, r.verdict.wrong()...)
	if len(all) == 0 && (r.activations == 0 || r.requests.New == 0 || len(r.faults) == 0) {
		all = append(all, "the feature was never on under traffic and faults, so the zeros prove nothing")
	}
	return all
}

// A row is one line of the report.
type row struct{ name, value string }

// rows are the report, but for what was found wrong.
func (r *report) rows() []row {
	faults := 0
	for _, n := range r.faults {
		faults += n
	}
	longest := time.Duration(0)
	var silence []string
	for _, service := range slices.Sorted(maps.Keys(r.silence)) {
		longest = max(longest, r.silence[service])
		silence = append(silence, fmt.Sprintf("%s %v", service, r.silence[service]))
	}
	c := r.requests
	return []row{
		{"commit", r.commit},
		{"seed", fmt.Sprint(r.seed)},
		{"broken on purpose", cmp.Or(r.broken, "nothing")},
		{"date", r.began.UTC().Format(time.RFC3339)},
		{"machine", fmt.Sprintf("%d cores, %s/%s, %s", runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version())},
		{"fleet", fmt.Sprintf("3 ZooKeeper servers, 3 agents, %d instances on %d hosts", r.hosts*len(services()), r.hosts)},
		{"faults for", r.faulty.Round(time.Second).String()},
		{"at rest after", r.settling.Round(100 * time.Millisecond).String()},
		{"faults injected", fmt.Sprint(faults)},
		{"activations, off to on", fmt.Sprintf("%d, the first before the faults", r.activations)},
		{"deactivations, to off", fmt.Sprint(r.deactivations)},
		{"kills", fmt.Sprint(r.kills)},
		{"commands accepted", fmt.Sprintf("%d, and %d of unknown outcome", r.commands, r.unanswered)},
		{"longest from command to on", r.slowest.Round(10 * time.Millisecond).String()},
		{"requests answered", fmt.Sprintf("%d: %d in the new form, %d in the old", c.New+c.Old, c.New, c.Old)},
		{"requests not answered", fmt.Sprintf("%d: %d no answer, %d receiver unready, %d arrived after being given up", c.Unavailable+c.Refused+c.Late, c.Unavailable, c.Refused, c.Late)},
		{"requests cancelled by the SDK", fmt.Sprintf("%d: %d by the fence, %d at the bound of draining", c.Cancelled, c.Fenced, c.Cancelled-c.Fenced)},
		{"times an instance was fenced", fmt.Sprint(c.Fences)},
		{"times the gate refused an instance", fmt.Sprint(c.Refusals)},
		{"departures the registry could not be told of", fmt.Sprint(r.untold)},
		{"violations", fmt.Sprint(len(r.violations))},
		{"lost commands", fmt.Sprint(len(r.lost))},
		{"duplicate history records", fmt.Sprintf("%d of %d", len(r.duplicates), r.records)},
		{"records out of order", fmt.Sprint(len(r.disorder))},
		{"longest unavailability", fmt.Sprintf("%v (%s)", longest, strings.Join(silence, ", "))},
		{"evaluations", fmt.Sprintf("%d; the slowest took %v", c.Evaluations, c.Slowest.Round(time.Microsecond))},
		{"agents that ended of their own", fmt.Sprint(r.exits[agent])},
		{"instances that ended of their own", fmt.Sprint(r.exits[instance])},
		{"ZooKeeper servers that ended of their own", fmt.Sprint(r.exits[server])},
	}
}

// text is the report for a terminal.
func (r *report) text() string {
	var b strings.Builder
	for _, row := range r.rows() {
		fmt.Fprintf(&b, "%-42s %s\n", row.name, row.value)
	}
	for _, name := range slices.Sorted(maps.Keys(r.faults)) {
		fmt.Fprintf(&b, "  %-40s %d\n", name, r.faults[name])
	}
	for _, wrong := range r.wrong() {
		fmt.Fprintf(&b, "WRONG: %s\n", wrong)
	}
	if len(r.violations) > 0 {
		if all, err := json.MarshalIndent(r.violations[0], "", "  "); err == nil {
			fmt.Fprintf(&b, "the first violation: %s\n", all)
		}
	}
	return b.String()
}

// markdown is the report for a repository.
func (r *report) markdown(proofs []*report) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# A run of chaos\n\n%s\n\n", strings.TrimSpace(preface))
	fmt.Fprintf(&b, "`make chaos DURATION=%s SEED=%d` wrote this page.\n\n", r.duration, r.seed)
	b.WriteString("| what | measured |\n|---|---|\n")
	for _, row := range r.rows() {
		fmt.Fprintf(&b, "| %s | %s |\n", row.name, row.value)
	}
	b.WriteString("\n## Faults by kind\n\n| fault | times |\n|---|---|\n")
	for _, name := range slices.Sorted(maps.Keys(r.faults)) {
		fmt.Fprintf(&b, "| %s | %d |\n", name, r.faults[name])
	}
	b.WriteString("\n## Found wrong\n\n")
	wrong := r.wrong()
	if len(wrong) == 0 {
		b.WriteString("Nothing.\n")
	}
	for _, w := range wrong {
		fmt.Fprintf(&b, "- %s\n", w)
	}
	if len(proofs) > 0 {
		b.WriteString("\n## Would it have been found?\n\nThe same driver, with something broken on purpose:\n\n| broken | first violation after | it was |\n|---|---|---|\n")
	}
	for _, p := range proofs {
		found, first := "not found", "–"
		if len(p.violations) > 0 {
			found, first = p.faulty.Round(100*time.Millisecond).String(), p.wrong()[0]
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", ways()[p.broken], found, first)
	}
	return b.String()
}

const preface = `
Three real ZooKeeper servers, three agents and a fleet of instances run as processes
in network namespaces. Processes are killed, stopped and continued; packets are
dropped and delayed; links are cut, one way and both; instances are rolled back and
forth between versions; and an operator turns a feature on and off all the while.
Every instance calls the others without end, and the first request in the new form
that meets an instance which is ready and does not accept it ends the run. What is
counted how is said in [integration/chaos](../integration/chaos/main.go).
`

// commit names the state of the source that is run.
func commit(ctx context.Context) string {
	out, err := exec.CommandContext(ctx, "git", "describe", "--always", "--dirty", "--abbrev=12").Output()
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(out))
}
