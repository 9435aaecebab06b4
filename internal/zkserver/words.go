package zkserver

import (
	"cmp"
	"fmt"
	"maps"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// stats are counted since the start.
type stats struct {
	received, sent atomic.Int64 // packets

	mu               sync.Mutex // guards the fields below
	answered         int64
	total, min, most time.Duration // that answers took
}

// took notes how long an answer took.
func (s *stats) took(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.answered == 0 || d < s.min {
		s.min = d
	}
	s.answered++
	s.total += d
	s.most = max(s.most, d)
}

// latency returns the shortest, mean and longest time of an answer, in
// milliseconds, in the form of ZooKeeper.
func (s *stats) latency() (least int64, mean string, most int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	average := 0.0
	if s.answered > 0 {
		average = s.total.Seconds() * 1000 / float64(s.answered)
	}
	mean = strings.TrimRight(strconv.FormatFloat(average, 'f', 4, 64), "0")
	if strings.HasSuffix(mean, ".") {
		mean += "0"
	}
	return s.min.Milliseconds(), mean, s.most.Milliseconds()
}

// version is what it claims to behave like.
const version = "3.8.0-muster"

// banner is the version in the form that clients take apart, and the truth.
func banner() string {
	return version + ", built on 01/01/2000 00:00 UTC (embedded in muster, one server: for laptops and tests)"
}

// fourLetters answers one of ZooKeeper's four-letter words, "" if it is none.
func (s *Server) fourLetters(word string) string {
	switch word {
	case "ruok":
		return "imok"
	case "isro":
		return "rw"
	case "conf":
		return s.configuration()
	case "envi":
		return "Environment:\nzookeeper.version=" + banner() + "\n"
	case "srvr":
		return s.describe("")
	case "stat":
		return s.describe("Clients:\n" + s.connections() + "\n")
	case "cons":
		return s.connections() + "\n"
	case "mntr":
		return s.monitor()
	}
	return ""
}

func (s *Server) describe(clients string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var b strings.Builder
	fmt.Fprintf(&b, "Zookeeper version: %s\n", banner())
	b.WriteString(clients)
	least, mean, most := s.stats.latency()
	fmt.Fprintf(&b, "Latency min/avg/max: %d/%s/%d\nReceived: %d\nSent: %d\nConnections: %d\nOutstanding: 0\n",
		least, mean, most, s.stats.received.Load(), s.stats.sent.Load(), len(s.conns))
	fmt.Fprintf(&b, "Zxid: 0x%x\nMode: standalone\nNode count: %d\n", s.tree.Zxid(), s.tree.Size().Nodes)
	return b.String()
}

// configuration is that of a server that is alone: there is no other that it
// could lag behind, so it has no initLimit and no syncLimit.
func (s *Server) configuration() string {
	_, port, err := net.SplitHostPort(s.Addr())
	if err != nil {
		port = "-1" // it serves pipes only
	}
	var b strings.Builder
	line := func(key string, value any) { fmt.Fprintf(&b, "%s=%v\n", key, value) }
	line("clientPort", port)
	line("secureClientPort", -1)
	line("dataDir", s.cfg.DataDir)
	line("dataDirSize", sizeOf(s.cfg.DataDir))
	line("dataLogDir", s.cfg.DataDir)
	line("dataLogSize", sizeOf(s.cfg.DataDir))
	line("tickTime", s.cfg.TickTime.Milliseconds())
	line("maxClientCnxns", s.cfg.MaxConnections)
	line("minSessionTimeout", s.cfg.MinSessionTimeout.Milliseconds())
	line("maxSessionTimeout", s.cfg.MaxSessionTimeout.Milliseconds())
	line("clientPortListenBacklog", -1)
	line("serverId", 0)
	return b.String()
}

// sizeOf returns how many bytes the files of a directory have; 0 for none.
func sizeOf(dir string) (size int64) {
	if dir == "" {
		return 0
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return 0
	}
	for _, e := range entries {
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() {
			size += info.Size()
		}
	}
	return size
}

func (s *Server) connections() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var b strings.Builder
	conns := slices.SortedFunc(maps.Keys(s.conns), func(a, b *conn) int {
		return cmp.Or(a.since.Compare(b.since), cmp.Compare(a.nc.RemoteAddr().String(), b.nc.RemoteAddr().String()))
	})
	for _, c := range conns {
		fmt.Fprintf(&b, " /%s[%d](queued=0,recved=%d,sent=%d", c.nc.RemoteAddr(), min(1, c.received.Load()),
			c.received.Load(), c.sent.Load())
		if c.session != nil {
			fmt.Fprintf(&b, ",sid=0x%x,lop=NA,est=%d,to=%d,lcxid=0x0,lzxid=0x0,lresp=%d,llat=0,minlat=0,avglat=0,maxlat=0",
				uint64(c.session.id), c.since.UnixMilli(), c.session.timeout.Milliseconds(), time.Now().UnixMilli())
		}
		b.WriteString(")\n")
	}
	return b.String()
}

func (s *Server) monitor() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	size := s.tree.Size()
	watching := 0
	for _, t := range []watchTable{s.watches.data, s.watches.child} {
		for _, conns := range t {
			watching += len(conns)
		}
	}
	var b strings.Builder
	line := func(key string, value any) { fmt.Fprintf(&b, "zk_%s\t%v\n", key, value) }
	line("version", banner())
	line("server_state", "standalone")
	least, mean, most := s.stats.latency()
	line("avg_latency", mean)
	line("min_latency", least)
	line("max_latency", most)
	line("packets_received", s.stats.received.Load())
	line("packets_sent", s.stats.sent.Load())
	line("num_alive_connections", len(s.conns))
	line("outstanding_requests", 0)
	line("global_sessions", len(s.sessions.byID))
	line("znode_count", size.Nodes)
	line("watch_count", watching)
	line("ephemerals_count", size.Ephemerals)
	line("approximate_data_size", size.Bytes)
	return b.String()
}
