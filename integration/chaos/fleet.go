package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/musterhq/muster/integration/chaos/told"
)

// The cast: three services that call each other, in code that is ready for the
// feature and in code that is not.
const (
	feature    = "structured-address"
	constraint = ">=2.0.0"
	oldVersion = "1.9.0"
)

func services() []string { return []string{"checkout", "shipping", "storefront"} }

func newVersions() []string { return []string{"2.0.0", "2.0.1", "2.1.0"} }

// A role says what runs at a place.
type role string

const (
	server   role = "server"
	agent    role = "agent"
	instance role = "instance"
)

// A place is where a process runs: one at a time, under one name.
type place struct {
	role    role
	name    string
	service string // of an instance
	version string // of an instance: that which runs, or is to
	host    *host
	addr    string // of an agent or an instance
	proc    *process
	busy    bool // something was done to it that is yet to be undone
	start   func() (*process, error)
}

// A fleet is all that runs.
type fleet struct {
	dir      string
	net      *network
	places   []*place
	operator *host
	broken   string
}

// build compiles the programs into the folder of the run.
func build(ctx context.Context, dir string, race bool) error {
	args := []string{"build", "-o", dir + string(filepath.Separator)}
	if race {
		args = append(args, "-race")
	}
	cmd := exec.CommandContext(ctx, "go", append(args,
		"github.com/musterhq/muster/cmd/muster", "github.com/musterhq/muster/integration/chaos/node")...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, out)
	}
	return nil
}

// newFleet makes the network and the places; nothing runs yet. The fleet is
// returned even beside an error, to be ended.
func newFleet(ctx context.Context, dir string, hosts int, broken string) (*fleet, error) {
	f := &fleet{dir: dir, broken: broken}
	var err error
	if f.net, err = newNetwork(ctx); err != nil {
		return f, err
	}
	var all []*host
	for _, kind := range []struct {
		name  string
		count int
	}{{"zk", 3}, {"agent", 3}, {"i", hosts}, {"operator", 1}} {
		for i := range kind.count {
			h, err := f.net.host(ctx, kind.name+strconv.Itoa(i+1))
			if err != nil {
				return f, err
			}
			all = append(all, h)
		}
	}
	f.operator = all[len(all)-1]
	if err := f.addServers(all[:3]); err != nil {
		return f, err
	}
	f.addAgents(all[3:6])
	f.addInstances(all[6 : len(all)-1])
	return f, nil
}

func (f *fleet) addServers(hosts []*host) error {
	for i, h := range hosts {
		if _, err := writeServer(f.dir, hosts, i); err != nil {
			return err
		}
		f.places = append(f.places, &place{
			role: server, name: h.name, host: h,
			addr:  fmt.Sprintf("%s:%d", h.addr, clientPort),
			start: func() (*process, error) { return startServer(f.dir, h) },
		})
	}
	return nil
}

func (f *fleet) addAgents(hosts []*host) {
	quarantine := time.Duration(0) // reckoned
	if f.broken == "lease" {
		quarantine = 10 * time.Second // else the agents would reckon with the lease
	}
	for _, h := range hosts {
		addr := fmt.Sprintf("%s:%d", h.addr, grpcPort)
		f.places = append(f.places, &place{
			role: agent, name: h.name, host: h, addr: addr,
			start: func() (*process, error) {
				return spawn(f.dir, h, h.name, nil, filepath.Join(f.dir, "muster"), "agent",
					"--zk", f.addrs(server), "--grpc", addr, "--http", "", "--insecure", "--name", h.name,
					"--session-timeout", session.String(), "--quarantine", quarantine.String())
			},
		})
	}
}

// addInstances adds one of each service to every host.
func (f *fleet) addInstances(hosts []*host) {
	for _, h := range hosts {
		for i, service := range services() {
			f.places = append(f.places, &place{
				role: instance, name: service + "-" + h.name, service: service, version: newVersions()[0],
				host: h, addr: fmt.Sprintf("%s:%d", h.addr, 8001+i),
			})
		}
	}
}

// hear has every instance started from now on tell to tally.
func (f *fleet) hear(tally *tally) {
	for _, p := range f.all(instance) {
		p.start = func() (*process, error) {
			held := lease
			if f.broken == "lease" {
				held = time.Hour
			}
			args := []string{
				"-service", p.service, "-id", p.name, "-version", p.version, "-listen", p.addr, "-feature", feature,
				"-zk", f.addrs(server), "-session-timeout", session.String(), "-lease", held.String(), "-drain", drain.String(),
			}
			for _, other := range services() {
				if other != p.service {
					args = append(args, "-peers", other+"="+f.addrsOf(other))
				}
			}
			if f.broken == "gate" {
				args = append(args, "-no-gate")
			}
			tally.begin(p.name)
			return spawn(f.dir, p.host, p.name, func(l told.Line) { tally.hear(p.name, l) }, filepath.Join(f.dir, "node"), args...)
		}
	}
}

// run starts what is to run at a place, and must not run yet.
func (p *place) run() (err error) {
	p.proc, err = p.start()
	return err
}

// all lists the places of a role.
func (f *fleet) all(r role) []*place {
	return slices.DeleteFunc(slices.Clone(f.places), func(p *place) bool { return p.role != r })
}

func (f *fleet) addrs(r role) string { return join(f.all(r)) }

func (f *fleet) addrsOf(service string) string {
	return join(slices.DeleteFunc(f.all(instance), func(p *place) bool { return p.service != service }))
}

func join(places []*place) string {
	addrs := make([]string, len(places))
	for i, p := range places {
		addrs[i] = p.addr
	}
	return strings.Join(addrs, ",")
}

// end ends all processes and removes the network.
func (f *fleet) end() error {
	for _, p := range f.places {
		if p.proc != nil {
			p.proc.kill()
		}
	}
	if f.net == nil {
		return nil
	}
	return f.net.remove()
}

// manifest is the feature's.
func manifest(dir string) (string, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "feature: %s\nparticipants:\n", feature)
	for _, service := range services() {
		fmt.Fprintf(&b, "  %s: %q\n", service, constraint)
	}
	name := filepath.Join(dir, "feature.yaml")
	return name, os.WriteFile(name, []byte(b.String()), 0o600)
}
