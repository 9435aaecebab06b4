package doctor

import (
	"fmt"
	"slices"
	"time"

	"github.com/musterhq/muster"
)

// timing looks at what each agent reckons with.
func timing(f Facts) []Check {
	var checks []Check
	for _, a := range f.answering() {
		checks = append(checks, Timing(a.Diagnosis)...)
	}
	return once(checks)
}

// Timing judges the times that safety rests on (G4): the servers' settings, the
// session's timeout and the quarantine, as one agent knows them.
func Timing(d muster.Diagnosis) []Check {
	return slices.Concat(settings(d.ZooKeeper), sessions(d), quarantine(d))
}

// settings looks whether the servers' settings are known, and the same.
func settings(z muster.ZooKeeper) []Check {
	var checks []Check
	var known []muster.ZooKeeperServer
	for _, s := range z.Servers {
		if s.Source == muster.SettingsAsked || s.Source == muster.SettingsRemembered {
			known = append(known, s)
		}
	}
	for _, s := range z.Servers {
		c := Check{Name: "settings", Severity: OK, Subject: s.Address, Found: fmt.Sprintf("%s, %s", settingsOf(s), s.Source)}
		why := "does not tell its settings"
		if s.Withheld != "" {
			why += " (" + s.Withheld + ")"
		} else if s.Problem != "" {
			why += ", for it does not serve"
		}
		switch s.Source {
		case muster.SettingsConfigured:
			c.Found = fmt.Sprintf("%s; reckoned with as configured: %s", why, settingsOf(s))
		case muster.SettingsAssumed:
			if s.Mode == "standalone" && len(z.Servers) == 1 {
				break // it has no other to lag behind, whatever its settings
			}
			c.Severity = Warning
			c.Found = fmt.Sprintf("%s; ZooKeeper's defaults are assumed: %s", why, settingsOf(s))
			c.Todo = "allow srvr,conf in its 4lw.commands.whitelist, or give the agents --zk-tick and --zk-sync-limit"
		}
		if len(known) > 0 && !same(s, known[0]) {
			c.Severity = Warning
			c.Found += "; another server has " + settingsOf(known[0])
			c.Todo = "give all servers the same tickTime, syncLimit and maxSessionTimeout; the worst of them counts"
			if s.Source == muster.SettingsConfigured {
				c.Todo = "correct the agents' --zk-tick and --zk-sync-limit"
			}
		}
		checks = append(checks, c)
	}
	return checks
}

func settingsOf(s muster.ZooKeeperServer) string {
	if s.Mode == "standalone" {
		return fmt.Sprintf("tickTime %s, alone", s.Tick)
	}
	return fmt.Sprintf("tickTime %s, syncLimit %d", s.Tick, s.SyncLimit)
}

func same(a, b muster.ZooKeeperServer) bool {
	return a.Tick == b.Tick && a.SyncLimit == b.SyncLimit && a.MaxSession == b.MaxSession
}

// sessions looks what the servers grant: instances ask for as much as they are
// configured to, and vanish the earlier, the less they are granted.
func sessions(d muster.Diagnosis) []Check {
	z := d.ZooKeeper
	if z.Granted == 0 {
		return nil // it has no session, which is told elsewhere
	}
	c := Check{Name: "session", Severity: OK, Subject: d.Agent, Found: fmt.Sprintf("a session timeout of %s, as asked for", short(z.Granted))}
	if z.Granted != z.SessionTimeout {
		c.Severity = Warning
		c.Found = fmt.Sprintf("was granted a session timeout of %s, and asked for %s", short(z.Granted), short(z.SessionTimeout))
		c.Todo = "ask for what the servers allow (minSessionTimeout, maxSessionTimeout), here and in the instances"
	}
	return []Check{c}
}

// quarantine compares what is in force with what is needed.
func quarantine(d muster.Diagnosis) []Check {
	q := d.Quarantine
	whose := "an instance by the SDK's defaults"
	if q.Instance != "" {
		whose = q.Service + "/" + q.Instance
	}
	reckoned := fmt.Sprintf("%s for %s (lease %s, session %s, servers that lag by %s)", short(q.Needed), whose, short(q.Lease), short(q.SessionTimeout), short(q.Lag))
	c := Check{Name: "quarantine", Severity: OK, Subject: d.Agent, Found: "reckoned for each instance; " + reckoned}
	switch {
	case q.Fixed && q.InForce < q.Needed:
		c.Severity = Error
		c.Found = fmt.Sprintf("is set to %s, and must be %s", short(q.InForce), reckoned)
		c.Todo = "leave --quarantine out, so that it is reckoned, or set it longer: a vanished instance may still serve when it is given up (G4)"
	case q.Fixed:
		c.Found = fmt.Sprintf("is set to %s; needed are %s", short(q.InForce), reckoned)
	case q.InForce > 10*time.Minute:
		c.Severity = Warning
		c.Found = "reckoned for each instance; " + reckoned
		c.Todo = "a feature waits that long for this instance when it crashes: give it a shorter lease"
	}
	if q.Assumed && q.Instance != "" {
		c.Found += "; it does not say its lease, the SDK's default is assumed"
	}
	return []Check{c}
}
