package doctor

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/musterhq/muster"
)

// What is worth a look at night.
const (
	slowServer  = 100 * time.Millisecond // mean time of an answer
	manyWaiting = 100                    // outstanding requests
	farBehind   = 1000                   // transactions, for servers that were asked at the same moment
)

// zooKeeper looks at the ensemble as each agent sees it. What several see alike
// is told once.
func zooKeeper(f Facts) []Check {
	var checks []Check
	for _, a := range f.answering() {
		z := a.Diagnosis.ZooKeeper
		if z.Asked.IsZero() {
			checks = append(checks, Check{
				Name: "zookeeper", Severity: Error, Subject: a.Address, Found: "the agent has not asked the servers yet",
				Todo: "ask again in a moment",
			})
			continue
		}
		checks = append(checks, quorum(a.Address, z)...)
		checks = append(checks, servers(a.Address, z)...)
	}
	return once(checks)
}

// quorum looks whether the servers make one ensemble that can write.
func quorum(agent string, z muster.ZooKeeper) []Check {
	modes := make(map[string]int)
	members := 0
	for _, s := range z.Servers {
		modes[s.Mode]++
		members = max(members, s.Members)
	}
	c := Check{Name: "quorum", Severity: OK, Subject: "ZooKeeper"}
	leaders, alone, followers := modes["leader"], modes["standalone"], modes["follower"]
	switch {
	case leaders == 0 && alone == 0 && followers == 0:
		c.Severity, c.Found = Error, fmt.Sprintf("none of %d servers serves agent %s", len(z.Servers), agent)
		c.Todo = "start the servers, or mend the network between"
	case alone > 1 || alone == 1 && len(z.Servers) > 1:
		c.Severity, c.Found = Error, fmt.Sprintf("%d of %d servers stand alone, each with its own data", alone, len(z.Servers))
		c.Todo = "make one ensemble of them, or name in --zk the servers of one ensemble only"
	case leaders > 1:
		c.Severity, c.Found = Error, fmt.Sprintf("%d servers lead: they are several ensembles, or one is being deposed", leaders)
		c.Todo = "ask again in a moment; name in --zk the servers of one ensemble only"
	case alone == 1:
		c.Severity, c.Found = Warning, "a single server: when it is away nothing can be changed"
		c.Todo = "fine on a laptop; in production run an ensemble of three"
	case members > len(z.Servers):
		c.Severity, c.Found = Warning, fmt.Sprintf("the ensemble has %d servers, and the agent knows %d", members, len(z.Servers))
		c.Todo = "name all of them in --zk: the worst of them counts for the quarantine"
	case leaders == 0:
		c.Severity, c.Found = Warning, fmt.Sprintf("agent %s does not reach the server that leads", agent)
		c.Todo = "name all servers in --zk, or mend the network between"
	default:
		c.Found = fmt.Sprintf("%d of %d servers serve, one leads", leaders+followers+modes["observer"], len(z.Servers))
	}
	return []Check{c}
}

// servers looks at each server.
func servers(agent string, z muster.ZooKeeper) []Check {
	newest := int64(0)
	for _, s := range z.Servers {
		newest = max(newest, s.Zxid)
	}
	var checks []Check
	for _, s := range z.Servers {
		c := Check{
			Name: "zookeeper", Severity: OK, Subject: s.Address,
			Found: s.Mode + ", answers at once",
		}
		if s.MeanLatency >= time.Millisecond {
			c.Found = fmt.Sprintf("%s, answers within %s on average", s.Mode, short(s.MeanLatency))
		}
		var wrong []string
		if s.MeanLatency > slowServer {
			wrong = append(wrong, fmt.Sprintf("answers within %s on average", short(s.MeanLatency)))
		}
		if s.Outstanding > manyWaiting {
			wrong = append(wrong, fmt.Sprintf("%d requests wait", s.Outstanding))
		}
		if behind := lag(newest, s.Zxid); behind > farBehind {
			wrong = append(wrong, fmt.Sprintf("is %d transactions behind", behind))
		}
		switch {
		case s.Problem != "":
			c.Severity, c.Found = Warning, fmt.Sprintf("does not serve agent %s: %s", agent, s.Problem)
			c.Todo = "start the server, or mend the network between; as long as a majority serves, the ensemble does"
		case len(wrong) > 0:
			c.Severity, c.Found = Warning, s.Mode+", "+strings.Join(wrong, ", ")
			c.Todo = "look at its disk and its load: whatever waits for it comes late"
		}
		checks = append(checks, c)
	}
	return checks
}

// lag is by how many transactions at least zxid is behind the newest. Zxids count
// from the start of an epoch, which is in their upper half, and an idle follower
// learns of an epoch with its first transaction.
func lag(newest, zxid int64) int64 {
	if newest>>32 != zxid>>32 {
		return newest & 0xffffffff
	}
	return newest - zxid
}

// once leaves out what another agent has found as well.
func once(checks []Check) []Check {
	seen := make(map[Check]bool)
	return slices.DeleteFunc(checks, func(c Check) bool {
		if c.Severity == OK {
			c.Found = "" // that a server is well is told once, whatever its numbers
		}
		twice := seen[c]
		seen[c] = true
		return twice
	})
}
