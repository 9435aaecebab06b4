package doctor

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// clockApart is by how much clocks may differ: nothing that must be safe rests on
// their agreement, but the history, ages and a shrunk roster are told by them.
const clockApart = 2 * time.Second

// agents looks at each agent: does it answer, is it ready, which version is it.
func agents(f Facts) []Check {
	var checks []Check
	for _, a := range f.Agents {
		d := a.Diagnosis
		c := Check{Name: "agent", Severity: OK, Subject: a.Address, Found: fmt.Sprintf("%s, version %s, ready", d.Agent, orUnknown(d.Version))}
		switch {
		case a.Problem != "":
			c.Severity, c.Found = Error, a.Problem
			c.Todo = "start it, or leave it out of --agent"
		case d.Problem != "":
			c.Severity, c.Found = Error, fmt.Sprintf("%s is not ready: %s", d.Agent, d.Problem)
			c.Todo = "see what is found of ZooKeeper below, and the agent's log"
		}
		checks = append(checks, c)
	}
	return slices.Concat(checks, versions(f), unasked(f))
}

// versions compares the programs.
func versions(f Facts) []Check {
	answering := f.answering()
	if len(answering) == 0 {
		return nil
	}
	var all []string
	for _, a := range answering {
		all = append(all, orUnknown(a.Diagnosis.Version))
	}
	agents := distinct(all)
	c := Check{Name: "version", Severity: OK, Subject: "agents", Found: "all are " + agents[0]}
	switch {
	case len(agents) > 1:
		c.Severity, c.Found = Warning, "agents of several versions: "+list(agents)
		c.Todo = "finish the upgrade"
	case agents[0] != orUnknown(f.Version):
		c.Severity, c.Found = Warning, fmt.Sprintf("the agents are %s, and this program is %s", agents[0], orUnknown(f.Version))
		c.Todo = "use the program of the agents' version"
	}
	return []Check{c}
}

// unasked names agents that run and were not asked, and says when there is but
// one.
func unasked(f Facts) []Check {
	var enrolled, asked []string
	for _, a := range f.answering() {
		enrolled = append(enrolled, a.Diagnosis.Enrolled...)
		asked = append(asked, a.Diagnosis.Agent)
	}
	enrolled = distinct(enrolled)
	var others []string
	for _, name := range enrolled {
		if !slices.Contains(asked, name) {
			others = append(others, name)
		}
	}
	switch {
	case len(others) > 0:
		return []Check{{
			Name: "agents", Severity: Warning, Subject: "election", Found: "agents that run and were not asked: " + list(others),
			Todo: "name the addresses of all agents in --agent",
		}}
	case len(enrolled) == 1:
		return []Check{{
			Name: "agents", Severity: Warning, Subject: "election", Found: "there is one agent, so nobody takes over when it ends",
			Todo: "run two or three, on different machines",
		}}
	case len(enrolled) > 1:
		return []Check{{Name: "agents", Severity: OK, Subject: "election", Found: fmt.Sprintf("%d agents: %s", len(enrolled), list(enrolled))}}
	}
	return nil
}

// leader looks whether exactly one agent leads, as all of them see it.
func leader(f Facts) []Check {
	answering := f.answering()
	if len(answering) == 0 {
		return nil
	}
	var leading, named []string
	for _, a := range answering {
		if a.Diagnosis.Leading {
			leading = append(leading, a.Diagnosis.Agent)
		}
		if a.Diagnosis.Leader != "" {
			named = append(named, a.Diagnosis.Leader)
		}
	}
	named = distinct(named)
	c := Check{Name: "leader", Severity: OK, Subject: "election"}
	switch {
	case len(named) == 0:
		c.Severity, c.Found = Error, "no agent leads, so no feature moves"
		c.Todo = "see what is found of ZooKeeper; an election takes as long as a session's timeout"
	case len(leading) > 1:
		// Only one of them can write (G5), so it is no danger, and should pass.
		c.Severity, c.Found = Warning, "several believe that they lead: "+strings.Join(leading, ", ")
		c.Todo = "ask again in a moment; one of them will find that its session has expired"
	case len(named) > 1:
		c.Severity, c.Found = Warning, "the agents do not agree on who leads: "+strings.Join(named, ", ")
		c.Todo = "ask again in a moment; if it stays so, one of them reads from a server that lags"
	default:
		c.Found = named[0] + " leads"
	}
	return []Check{c}
}

// clocks compares each agent's clock with the own one, and thereby with each
// other. What the way takes is not held against it.
func clocks(f Facts) []Check {
	var checks []Check
	for _, a := range f.answering() {
		if a.Diagnosis.Time.IsZero() {
			continue
		}
		early, late := a.Diagnosis.Time.Sub(a.Asked), a.Diagnosis.Time.Sub(a.Answered)
		off := time.Duration(0) // it answered between asking and the answer, if the clocks agree
		switch {
		case early < 0:
			off = early
		case late > 0:
			off = late
		}
		c := Check{Name: "clock", Severity: OK, Subject: a.Address, Found: "agrees with this machine's"}
		if off < -clockApart || off > clockApart {
			way := "ahead of"
			if off < 0 {
				way = "behind"
			}
			c.Severity, c.Found = Warning, fmt.Sprintf("%s %s this machine's", short(max(off, -off)), way)
			c.Todo = "have NTP keep both; ages and the history are told by these clocks"
		}
		checks = append(checks, c)
	}
	return checks
}

func orUnknown(version string) string {
	if version == "" {
		return "unknown"
	}
	return version
}
