package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"
)

const (
	instances  = 3 // of each service
	oldVersion = "1.0.0"
	newVersion = "2.0.0"
)

// services in the order in which a request goes through them.
var services = []string{"storefront", "checkout", "shipping"}

// A slot is a place in the fleet: an address at which one instance of a
// service runs at a time.
type slot struct {
	service, id, addr string
	version           string
	proc              *process
}

// A fleet is the shop as processes: three instances of each service.
type fleet struct {
	dir   string   // of the programs and their logs
	extra []string // arguments of every instance
	slots []*slot
}

// newFleet picks addresses; nothing runs yet. Names of instances begin with
// prefix.
func newFleet(dir, prefix string, extra ...string) (*fleet, error) {
	f := &fleet{dir: dir, extra: extra}
	for _, service := range services {
		for i := range instances {
			addr, err := freeAddr()
			if err != nil {
				return nil, err
			}
			f.slots = append(f.slots, &slot{service: service, id: fmt.Sprintf("%s%s-%d", prefix, service, i+1), addr: addr})
		}
	}
	return f, nil
}

// addrs returns the addresses of one service.
func (f *fleet) addrs(service string) []string {
	var addrs []string
	for _, s := range f.slots {
		if s.service == service {
			addrs = append(addrs, s.addr)
		}
	}
	return addrs
}

// start runs a slot at a version, without waiting until it is ready.
func (f *fleet) start(s *slot, version string) error {
	args := []string{"-version", version, "-id", s.id, "-listen", s.addr}
	for i, service := range services[:len(services)-1] {
		if service == s.service {
			args = append(args, "-next", strings.Join(f.addrs(services[i+1]), ","))
		}
	}
	proc, err := startProcess(f.dir, s.id, filepath.Join(f.dir, s.service), append(args, f.extra...)...)
	if err != nil {
		return err
	}
	s.proc, s.version = proc, version
	return nil
}

// ready waits until a slot takes requests.
func (f *fleet) ready(ctx context.Context, s *slot) error {
	ctx, cancel := context.WithTimeoutCause(ctx, 30*time.Second,
		fmt.Errorf("%s did not become ready, its log is %s.log", s.id, filepath.Join(f.dir, s.id)))
	defer cancel()
	return await(ctx, s.id, func(ctx context.Context) bool { return answers(ctx, "http://"+s.addr+"/ready") })
}

// startAll runs every slot at a version and waits until all are ready.
func (f *fleet) startAll(ctx context.Context, version string) error {
	for _, s := range f.slots {
		if err := f.start(s, version); err != nil {
			return err
		}
	}
	for _, s := range f.slots {
		if err := f.ready(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// replace ends a slot's instance, by a crash or in order, and starts another
// version in its place.
func (f *fleet) replace(s *slot, version string, crash bool) error {
	if crash {
		s.proc.kill()
	} else {
		s.proc.stop()
	}
	return f.start(s, version)
}

// stop ends everything.
func (f *fleet) stop() {
	for _, s := range f.slots {
		if s.proc != nil {
			s.proc.kill()
		}
	}
}
