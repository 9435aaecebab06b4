package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// prefix begins the name of every namespace of every run; the id of the driver's
// process follows, so that what a crashed run left behind is known by it.
const prefix = "muster-chaos-"

// A network is a bridge in a namespace of its own, and hosts around it. Nothing
// in the namespace of the machine is touched.
type network struct {
	name  string
	hub   string
	hosts []*host
}

// A host is a namespace with one address. Processes that share it share its
// links.
type host struct {
	name, ns, addr string
	port           string // its end of the wire at the hub
	alone          bool   // it is cut from all servers
	slow           bool   // packets to or from it are being delayed
}

// newNetwork makes the hub, and removes what runs left that have crashed.
func newNetwork(ctx context.Context) (*network, error) {
	if err := sweep(ctx); err != nil {
		return nil, err
	}
	n := &network{name: fmt.Sprintf("%s%d-%s", prefix, os.Getpid(), strings.ToLower(rand.Text()[:4]))}
	n.hub = n.name + "-hub"
	err := commands(ctx,
		"ip netns add "+n.hub,
		"ip -n "+n.hub+" link add bridge type bridge",
		"ip -n "+n.hub+" link set bridge up",
	)
	return n, err
}

// host adds a host.
func (n *network) host(ctx context.Context, name string) (*host, error) {
	i := len(n.hosts) + 1
	h := &host{name: name, ns: n.name + "-" + name, addr: fmt.Sprintf("10.77.0.%d", i), port: fmt.Sprintf("port%d", i)}
	n.hosts = append(n.hosts, h)
	return h, commands(ctx,
		"ip netns add "+h.ns,
		"ip -n "+h.ns+" link add eth0 type veth peer name "+h.port+" netns "+n.hub,
		"ip -n "+n.hub+" link set "+h.port+" master bridge up",
		"ip -n "+h.ns+" addr add "+h.addr+"/24 dev eth0",
		"ip -n "+h.ns+" link set eth0 up",
		"ip -n "+h.ns+" link set lo up",
	)
}

// remove removes all namespaces; processes in them must have ended.
func (n *network) remove() error {
	ctx := context.Background() // also when the run was interrupted
	var errs []error
	for _, h := range n.hosts {
		errs = append(errs, commands(ctx, "ip netns del "+h.ns))
	}
	return errors.Join(append(errs, commands(ctx, "ip netns del "+n.hub))...)
}

// A fault of the network is a rule that can be put in place and taken away.
type rule struct{ on, off string }

// cut has nothing arrive at to that from has sent. It works where packets
// arrive, so that they leave in good faith and vanish.
func cut(from, to *host) rule {
	return input(to, "-s "+from.addr+" -j DROP")
}

// lose has a share of the packets vanish that from sends to to.
func lose(from, to *host, share float64) rule {
	return input(to, fmt.Sprintf("-s %s -m statistic --mode random --probability %.2f -j DROP", from.addr, share))
}

func input(h *host, match string) rule {
	in := "ip netns exec " + h.ns + " iptables -w"
	return rule{on: in + " -A INPUT " + match, off: in + " -D INPUT " + match}
}

// slow delays what a host sends or, at the hub's end of its wire, what it is
// sent: packets queue for a narrow line, wait for up to a while each, and are
// dropped beyond it.
func (n *network) slow(h *host, inwards bool, kbit, waitMillis int) rule {
	ns, dev := h.ns, "eth0"
	if inwards {
		ns, dev = n.hub, h.port
	}
	const burst = 1600 // bytes: one full packet
	return rule{
		on:  fmt.Sprintf("tc -n %s qdisc add dev %s root tbf rate %dkbit burst %d latency %dms", ns, dev, kbit, burst, waitMillis),
		off: fmt.Sprintf("tc -n %s qdisc del dev %s root", ns, dev),
	}
}

// commands runs them, one after the other.
func commands(ctx context.Context, lines ...string) error {
	for _, line := range lines {
		words := strings.Fields(line)
		if out, err := exec.CommandContext(ctx, words[0], words[1:]...).CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w: %s", line, err, strings.TrimSpace(string(out)))
		}
	}
	return nil
}

// sweep removes namespaces of runs whose driver is dead. Their processes have
// died with it.
func sweep(ctx context.Context) error {
	names, err := filepath.Glob("/run/netns/" + prefix + "*")
	if err != nil {
		return err
	}
	for _, name := range names {
		ns := filepath.Base(name)
		text, _, _ := strings.Cut(strings.TrimPrefix(ns, prefix), "-")
		pid, err := strconv.Atoi(text)
		if err != nil || syscall.Kill(pid, 0) == nil {
			continue
		}
		err = commands(ctx, "ip netns del "+ns)
		if _, gone := os.Stat(name); err != nil && gone == nil { // else another run was faster
			return err
		}
	}
	return nil
}

// available says why the machine cannot carry a run's network, or nil.
func available() error {
	if os.Geteuid() != 0 {
		return errors.New("network namespaces need root")
	}
	for _, tool := range []string{"ip", "tc", "iptables"} {
		if _, err := exec.LookPath(tool); err != nil {
			return fmt.Errorf("install the Debian packages iproute2 and iptables: %w", err)
		}
	}
	return nil
}
