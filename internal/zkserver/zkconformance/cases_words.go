package zkconformance

import (
	"io"
	"net"
	"regexp"
	"strings"
	"time"
)

// words asks by four-letter words, and notes what others take the answers apart
// by: the keys that every server has, an ensemble's or one that is alone, and
// the form of their values.
func words(s *script) {
	for _, w := range []struct {
		word, separator string
		keys            []string
	}{
		{"ruok", "", []string{"imok"}},
		{"srvr", ": ", []string{
			"Zookeeper version", "Latency min/avg/max", "Received", "Sent", "Connections", "Outstanding", "Zxid", "Mode", "Node count",
		}},
		{"stat", ":", []string{"Zookeeper version", "Clients", "Latency min/avg/max", "Zxid", "Mode"}},
		{"conf", "=", []string{
			"clientPort", "secureClientPort", "dataDirSize", "dataLogSize", "tickTime", "maxClientCnxns",
			"minSessionTimeout", "maxSessionTimeout", "clientPortListenBacklog", "serverId",
		}},
		{"mntr", "\t", []string{
			"zk_version", "zk_server_state", "zk_avg_latency", "zk_min_latency", "zk_max_latency", "zk_packets_received", "zk_packets_sent",
			"zk_num_alive_connections", "zk_outstanding_requests", "zk_global_sessions", "zk_znode_count", "zk_watch_count",
			"zk_ephemerals_count", "zk_approximate_data_size",
		}},
	} {
		s.section(w.word)
		answer := s.say(w.word)
		for _, key := range w.keys {
			s.note("%s%s%s", key, w.separator, form(answer, key, w.separator))
		}
	}
}

// say sends a word and returns the whole answer.
func (s *script) say(word string) string {
	s.t.Helper()
	nc, err := net.DialTimeout("tcp", s.servers[0], patience)
	if err != nil {
		s.t.Fatal(err)
	}
	defer nc.Close()
	nc.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(nc, word); err != nil {
		s.t.Fatal(err)
	}
	answer, err := io.ReadAll(nc)
	if err != nil {
		s.t.Fatal(err)
	}
	return string(answer)
}

// The forms of values, the narrowest first.
var forms = []struct {
	name    string
	pattern *regexp.Regexp
}{
	{"", regexp.MustCompile(`^$`)},
	{"<number>", regexp.MustCompile(`^-?[0-9]+$`)},
	{"<decimal>", regexp.MustCompile(`^[0-9]+\.[0-9]{1,4}$`)},
	{"<number>/<decimal>/<number>", regexp.MustCompile(`^[0-9]+/[0-9]+\.[0-9]{1,4}/[0-9]+$`)},
	{"<hexadecimal>", regexp.MustCompile(`^0x[0-9a-f]+$`)},
	{"<mode>", regexp.MustCompile(`^(leader|follower|standalone)$`)},
	{"<version>, built on <date>", regexp.MustCompile(`^3\.8\.[^,]+, built on [0-9].*$`)},
}

// form returns how the value of the key's line looks.
func form(answer, key, separator string) string {
	for line := range strings.Lines(answer) {
		value, found := strings.CutPrefix(strings.TrimRight(line, "\n"), key+separator)
		if !found {
			continue
		}
		for _, f := range forms {
			if f.pattern.MatchString(strings.TrimPrefix(value, " ")) {
				return f.name
			}
		}
		return value
	}
	return "<missing>"
}
