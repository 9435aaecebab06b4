package ensemble

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// settings are what the servers of one ensemble have in common.
type settings struct {
	tick  time.Duration
	words string // four-letter words that are answered
	sync  int    // ticks for which a leader and a follower may be silent
	links bool
	keys  map[string]string // more of zoo.cfg
	data  []string          // the servers' data folders; below their homes where there are none
	env   []string          // what is added to the servers' environment
	ports []ports
	ways  map[[2]int]int // the port at which server [0] finds the quorum port of server [1], where there are links
}

// ports are those of one server.
type ports struct{ client, quorum, election int }

// draw picks free ports for n servers.
//
// They come from below the range that systems lend to outgoing connections:
// a server that is restarted must find its port free.
func (s *settings) draw(n int) error {
	const low, high = 10_000, 30_000
	taken := make(map[int]bool)
	free := func() int {
		for range 1000 {
			port := low + rand.IntN(high-low)
			if taken[port] {
				continue
			}
			l, err := net.Listen("tcp", address(port))
			if err != nil {
				continue
			}
			l.Close()
			taken[port] = true
			return port
		}
		return 0
	}
	for range n {
		p := ports{client: free(), quorum: free(), election: free()}
		if p.client == 0 || p.quorum == 0 || p.election == 0 {
			return fmt.Errorf("no free port between %d and %d on 127.0.0.1", low, high)
		}
		s.ports = append(s.ports, p)
	}
	return nil
}

// write puts server i's configuration and identity into home.
func (s *settings) write(home string, i int) error {
	data := filepath.Join(home, "data")
	if s.data != nil {
		data = s.data[i]
	}
	if err := os.MkdirAll(data, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(data, "myid"), []byte(strconv.Itoa(i+1)), 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(home, "zoo.cfg"), []byte(s.config(data, i)), 0o644)
}

// config is server i's zoo.cfg. Keys that ZooKeeper does not know become its
// system properties.
func (s *settings) config(data string, i int) string {
	var b strings.Builder
	set := func(key string, value any) { fmt.Fprintf(&b, "%s=%v\n", key, value) }
	set("tickTime", s.tick.Milliseconds())
	set("initLimit", 20)
	set("syncLimit", s.sync)
	set("minSessionTimeout", 2*s.tick.Milliseconds())
	set("maxSessionTimeout", time.Minute.Milliseconds())
	set("dataDir", data)
	set("clientPortAddress", "127.0.0.1")
	set("clientPort", s.ports[i].client)
	set("maxClientCnxns", 0) // all sessions come from one address
	set("cnxTimeout", 4*s.tick.Milliseconds())
	set("admin.enableServer", false)
	set("4lw.commands.whitelist", s.words)
	set("extendedTypesEnabled", true) // nodes with a time to live
	set("forceSync", "no")            // processes are killed here, machines are not
	set("preAllocSize", 1024)         // kB of log at a time; 64 MB by default
	for _, key := range slices.Sorted(maps.Keys(s.keys)) {
		set(key, s.keys[key]) // the last one counts
	}
	if len(s.ports) > 1 {
		for id, p := range s.ports {
			quorum := cmp.Or(s.ways[[2]int{i, id}], p.quorum)
			fmt.Fprintf(&b, "server.%d=127.0.0.1:%d:%d\n", id+1, quorum, p.election)
		}
	}
	return b.String()
}

// address is where a port is listened on.
func address(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }
