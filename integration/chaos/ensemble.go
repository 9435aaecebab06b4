package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/musterhq/muster/internal/ensemble"
)

// What everybody is told about time: short, so that much happens. The agents
// reckon the quarantine from it, some ten seconds.
const (
	tick      = 500 * time.Millisecond // ZooKeeper's
	syncLimit = 4                      // ticks
	session   = 4 * time.Second
	lease     = 6 * time.Second
	drain     = 4 * time.Second
)

// Ports, the same on every host.
const (
	clientPort = 2181
	grpcPort   = 7420
)

// writeServer writes the files of server i of an ensemble on these hosts, and
// returns its home.
func writeServer(dir string, hosts []*host, i int) (string, error) {
	home := filepath.Join(dir, hosts[i].name)
	data := filepath.Join(home, "data")
	if err := os.MkdirAll(data, 0o700); err != nil {
		return "", err
	}
	if err := os.WriteFile(filepath.Join(data, "myid"), []byte(strconv.Itoa(i+1)), 0o600); err != nil {
		return "", err
	}
	var b strings.Builder
	set := func(key string, value any) { fmt.Fprintf(&b, "%s=%v\n", key, value) }
	set("tickTime", tick.Milliseconds())
	set("initLimit", 20)
	set("syncLimit", syncLimit)
	set("minSessionTimeout", 2*tick.Milliseconds())
	set("maxSessionTimeout", time.Minute.Milliseconds())
	set("dataDir", data)
	set("clientPort", clientPort)
	set("maxClientCnxns", 0) // instances share a host
	set("cnxTimeout", 4*tick.Milliseconds())
	set("admin.enableServer", false)
	set("4lw.commands.whitelist", "*")
	set("forceSync", "no")    // processes are killed here, machines are not
	set("preAllocSize", 1024) // kB of log at a time; 64 MB by default
	for id, h := range hosts {
		set(fmt.Sprintf("server.%d", id+1), h.addr+":2888:3888")
	}
	return home, os.WriteFile(filepath.Join(home, "zoo.cfg"), []byte(b.String()), 0o600)
}

// startServer starts the server that keeps house there.
func startServer(dir string, h *host) (*process, error) {
	return spawn(dir, h, h.name, nil, "java", ensemble.Arguments(filepath.Join(dir, h.name))...)
}
