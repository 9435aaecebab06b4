package doctor

import (
	"fmt"
	"slices"
	"time"

	"github.com/musterhq/muster"
)

// longWait is how long a feature may wait before somebody should look.
const longWait = 5 * time.Minute

// registry looks at what is written in ZooKeeper: features, services, history.
func registry(f Facts) []Check {
	if f.Registry != "" {
		return []Check{{
			Name: "registry", Severity: Error, Subject: "features and services", Found: "could not be read: " + f.Registry,
			Todo: "see what is found of the agents and of ZooKeeper",
		}}
	}
	checks := slices.Concat(history(f), failures(f))
	for _, feature := range f.Features {
		checks = append(checks, waits(feature, f.Now)...)
	}
	for _, s := range f.Services {
		checks = append(checks, service(s, f.Now)...)
	}
	if Worst(checks) == OK {
		checks = append(checks, Check{
			Name: "registry", Severity: OK, Subject: "features and services",
			Found: fmt.Sprintf("%d features and %d services; nothing waits for long", len(f.Features), len(f.Services)),
		})
	}
	return checks
}

// history looks whether the bounded history is about to forget.
func history(f Facts) []Check {
	for _, a := range f.answering() {
		records, keep := a.Diagnosis.Records, a.Diagnosis.KeepRecords
		if records < 0 || keep <= 0 {
			continue
		}
		c := Check{Name: "history", Severity: OK, Subject: "history", Found: fmt.Sprintf("%d records of at most %d", records, keep)}
		if records >= keep-keep/10 {
			c.Severity = Warning
			c.Todo = "the oldest are dropped for new ones: keep the agents' log, or more with --history-keep"
		}
		return []Check{c}
	}
	return nil
}

// failures names what the leader cannot write.
func failures(f Facts) []Check {
	var checks []Check
	for _, a := range f.answering() {
		for _, x := range a.Diagnosis.Failures {
			checks = append(checks, Check{
				Name: "write", Severity: Error, Subject: x.Feature,
				Found: fmt.Sprintf("agent %s cannot write the next step, for %s, %d times: %s", a.Diagnosis.Agent, age(f.Now, x.Since), x.Attempts, x.Problem),
				Todo:  "mend what the error names; it is tried on",
			})
		}
	}
	return checks
}

// waits names what a feature waits for that it should not wait for, or not for
// so long.
func waits(f muster.Feature, now time.Time) []Check {
	var checks []Check
	var first *muster.Blocker
	others := 0
	for i, b := range f.Blockers {
		switch b.Reason {
		case muster.ReasonUnreadable:
			if b.Service != "" {
				continue // its service tells of it
			}
			checks = append(checks, Check{
				Name: "unreadable", Severity: Error, Subject: f.Status.Feature, Found: b.String(),
				Todo: "restore the entry from a backup, or remove it by hand; muster leaves it as it is",
			})
		case muster.ReasonKnock, muster.ReasonNoLeader: // told elsewhere
		case muster.ReasonNotWritten:
			if b.Count == 0 { // else the leader tells of it
				checks = append(checks, Check{Name: "write", Severity: Error, Subject: f.Status.Feature, Found: b.Detail, Todo: "look into the leader's log"})
			}
		case muster.ReasonShrunk, muster.ReasonUnconfirmed:
			checks = append(checks, Check{
				Name: "confirm", Severity: Warning, Subject: f.Status.Feature, Found: b.String(),
				Todo: "find out whether they are gone; then: muster instance decommission SERVICE/INSTANCE",
			})
		default:
			if first == nil {
				first = &f.Blockers[i]
			} else {
				others++
			}
		}
	}
	since := f.Status.Changed
	if first == nil || f.Status.Settled() || now.Sub(since) < longWait {
		return checks
	}
	c := Check{
		Name: "waiting", Severity: Warning, Subject: f.Status.Feature,
		Found: fmt.Sprintf("at %s, wanted %s for %s; waits for %s", f.Status.Stage, f.Status.Desired, age(now, since), first),
		Todo:  "muster status " + f.Status.Feature,
	}
	if others > 0 {
		c.Found += fmt.Sprintf(" (and %d more)", others)
	}
	return append(checks, c)
}

// service looks at who is registered and how.
func service(s muster.Service, now time.Time) []Check {
	name := s.Sheet.Service
	var checks []Check
	unreadable := func(what, problem string) {
		checks = append(checks, Check{
			Name: "unreadable", Severity: Error, Subject: what, Found: problem,
			Todo: "restore the entry from a backup, or remove it by hand; muster leaves it as it is",
		})
	}
	if s.Problem != "" {
		unreadable(name, s.Problem)
	}
	var vanished, versionless, knocking []string
	for _, m := range s.Members {
		id := m.Instance.ID
		switch _, err := muster.ParseVersion(m.Instance.Version); {
		case m.Problem != "":
			unreadable(name+"/"+id, m.Problem)
			continue
		case err != nil:
			versionless = append(versionless, fmt.Sprintf("%s (%s)", id, orNone(m.Instance.Version)))
		}
		if !m.Live {
			vanished = append(vanished, fmt.Sprintf("%s (%s ago)", id, age(now, m.Vanished)))
		}
	}
	for _, k := range s.Knocks {
		if k.Problem != "" {
			unreadable(name+"/"+k.Instance.ID, k.Problem)
			continue
		}
		knocking = append(knocking, fmt.Sprintf("%s %s (for %s)", k.Instance.ID, orNone(k.Instance.Version), age(now, k.Since)))
	}
	for _, c := range []struct {
		Check
		who []string
	}{
		{Check{Name: "version-missing", Found: "instances without a semantic version, which satisfy no feature: ", Todo: "give them a version such as 2.3.0"}, versionless},
		{Check{Name: "vanished", Found: "gone without leaving, and counted until their quarantine is over: ", Todo: "nothing, if they crashed; where it takes too long: muster instance decommission"}, vanished},
		{Check{Name: "refused", Found: "too old for a feature, and waiting at its gate: ", Todo: "upgrade them, or deactivate the feature that muster service show " + name + " names"}, knocking},
	} {
		if len(c.who) > 0 {
			c.Severity, c.Subject, c.Found = Warning, name, c.Found+list(c.who)
			checks = append(checks, c.Check)
		}
	}
	return checks
}

// age is how long ago a moment was, in whole seconds.
func age(now, since time.Time) string {
	if since.IsZero() {
		return "an unknown time"
	}
	return max(now.Sub(since), 0).Round(time.Second).String()
}

func orNone(version string) string {
	if version == "" {
		return "no version"
	}
	return version
}
