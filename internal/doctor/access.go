package doctor

import (
	"net"
	"strings"

	"github.com/musterhq/muster"
)

// access looks who may command the agents, and how they stand before ZooKeeper
// (G9).
func access(f Facts) []Check {
	var checks []Check
	for _, a := range f.answering() {
		checks = append(checks, api(a.Address, a.Diagnosis.Access), registryAccess(a.Address, a.Diagnosis.ZooKeeper))
	}
	return checks
}

func api(agent string, a muster.Access) Check {
	c := Check{Name: "access", Severity: OK, Subject: agent}
	const todo = "name the callers with --access, and serve TLS with --server-cert and --server-key"
	switch {
	case a.Open && !a.Local:
		c.Severity, c.Found, c.Todo = Error, "every host that reaches the agent may command the fleet", todo
	case a.Open:
		c.Found = "open to this host alone"
	case !a.TLS && !a.Local:
		c.Severity, c.Found = Error, "callers have roles, and their tokens travel in plain text"
		c.Todo = "serve TLS with --server-cert and --server-key"
	case a.TLS:
		c.Found = "callers have roles; TLS"
	default:
		c.Found = "callers have roles; this host alone"
	}
	return c
}

func registryAccess(agent string, z muster.ZooKeeper) Check {
	c := Check{Name: "registry-access", Severity: OK, Subject: agent, Found: "identifies itself to ZooKeeper by a digest credential"}
	away := false
	for _, s := range z.Servers {
		away = away || !loopback(s.Address)
	}
	switch {
	case !z.Digest && !away:
		c.Found = "no credential for ZooKeeper, which is on this host"
	case !z.Digest:
		c.Severity, c.Found = Warning, "no credential for ZooKeeper: whoever reaches the servers can write what the agents write"
		c.Todo = "give the agents --zk-auth-file"
	case !z.TLS && away:
		c.Severity, c.Found = Warning, "the credential for ZooKeeper travels in plain text"
		c.Todo = "give the agents --zk-ca"
	}
	return c
}

// loopback reports whether an address, host:port, is one of this host.
func loopback(address string) bool {
	address, _, _ = strings.Cut(address, " ")
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}
