package main

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// within gives a UDP socket on a host: it belongs to the namespace of the thread
// that makes it.
func within(t *testing.T, h *host) net.PacketConn {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	enter := func(name string) {
		ns, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		defer ns.Close()
		if err := unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET); err != nil {
			t.Fatal(err)
		}
	}
	here := filepath.Join("/proc/self/task", strconv.Itoa(unix.Gettid()), "ns/net")
	home, err := os.Open(here)
	if err != nil {
		t.Fatal(err)
	}
	defer home.Close()
	enter("/run/netns/" + h.ns)
	conn, listenErr := net.ListenPacket("udp4", h.addr+":9000")
	if err := unix.Setns(int(home.Fd()), unix.CLONE_NEWNET); err != nil {
		t.Fatal(err)
	}
	if listenErr != nil {
		t.Fatal(listenErr)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// arrivals sends packets of a size all at once, and returns how long after the
// first was sent each one arrived; it waits for no more when none came for a while.
func arrivals(t *testing.T, from, to net.PacketConn, count, size int) []time.Duration {
	t.Helper()
	began := time.Now()
	for range count {
		if _, err := from.WriteTo(make([]byte, size), to.LocalAddr()); err != nil {
			t.Fatal(err)
		}
	}
	var after []time.Duration
	for len(after) < count {
		if err := to.SetReadDeadline(time.Now().Add(500 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		if _, _, err := to.ReadFrom(make([]byte, 2000)); err != nil {
			break
		}
		after = append(after, time.Since(began))
	}
	return after
}

// pair is a network of two hosts, with a socket on each.
func pair(t *testing.T) (n *network, a, b *host, onA, onB net.PacketConn) {
	t.Helper()
	demand(t, available())
	n, err := newNetwork(t.Context())
	if err == nil {
		a, err = n.host(t.Context(), "a")
	}
	if err == nil {
		b, err = n.host(t.Context(), "b")
	}
	t.Cleanup(func() {
		if err := n.remove(); err != nil {
			t.Error(err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	onA, onB = within(t, a), within(t, b)
	for late := time.Now().Add(10 * time.Second); len(arrivals(t, onA, onB, 1, 1)) == 0 || len(arrivals(t, onB, onA, 1, 1)) == 0; {
		if time.Now().After(late) { // the wires take a moment to come up
			t.Fatal("nothing passes on a whole link")
		}
	}
	return n, a, b, onA, onB
}

func impose(t *testing.T, line string) {
	t.Helper()
	if err := commands(context.WithoutCancel(t.Context()), line); err != nil {
		t.Fatal(err)
	}
}

func TestCutsHaveADirection(t *testing.T) {
	t.Parallel()
	_, a, b, onA, onB := pair(t)
	there, back := func() int { return len(arrivals(t, onA, onB, 3, 100)) }, func() int { return len(arrivals(t, onB, onA, 3, 100)) }
	r := cut(a, b)
	impose(t, r.on)
	if got := there(); got != 0 {
		t.Errorf("%d packets came through the cut", got)
	}
	if got := back(); got != 3 {
		t.Errorf("%d of 3 packets came the other way, which is not cut", got)
	}
	impose(t, r.off)
	if got := there(); got != 3 {
		t.Errorf("%d of 3 packets came through the mended link", got)
	}
}

func TestSomePacketsAreLost(t *testing.T) {
	t.Parallel()
	_, a, b, onA, onB := pair(t)
	r := lose(a, b, 0.5)
	impose(t, r.on)
	if got := len(arrivals(t, onA, onB, 100, 100)); got < 20 || got > 80 {
		t.Errorf("%d of 100 packets arrived, want about half", got)
	}
	impose(t, r.off)
	if got := len(arrivals(t, onA, onB, 100, 100)); got != 100 {
		t.Errorf("%d of 100 packets arrived on the mended link", got)
	}
}

// Ten packets of a thousand bytes take a second through 64 kbit/s.
func TestPacketsAreDelayed(t *testing.T) {
	t.Parallel()
	n, a, b, onA, onB := pair(t)
	for _, tc := range []struct {
		name    string
		host    *host
		inwards bool
	}{{"what is sent", a, false}, {"what arrives", b, true}} {
		r := n.slow(tc.host, tc.inwards, 64, 5000)
		impose(t, r.on)
		after := arrivals(t, onA, onB, 10, 1000)
		if len(after) != 10 || after[9] < 700*time.Millisecond {
			t.Errorf("%s: arrived after %v, want ten and the last after a second", tc.name, after)
		}
		impose(t, r.off)
		if after := arrivals(t, onA, onB, 10, 1000); len(after) != 10 || after[9] > 500*time.Millisecond {
			t.Errorf("%s: arrived after %v on the mended line", tc.name, after)
		}
	}
}

// What a crashed run has left goes with the next, and nothing else does.
func TestStaleNamespacesAreSwept(t *testing.T) {
	t.Parallel()
	demand(t, available())
	gone := exec.Command("true")
	if err := gone.Run(); err != nil {
		t.Fatal(err)
	}
	stale, mine := prefix+strconv.Itoa(gone.Process.Pid)+"-zk1", prefix+strconv.Itoa(os.Getpid())+"-mine"
	impose(t, "ip netns add "+stale)
	impose(t, "ip netns add "+mine)
	t.Cleanup(func() { impose(t, "ip netns del "+mine) })
	if err := sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat("/run/netns/" + stale); err == nil {
		t.Errorf("%s is still there", stale)
	}
	if _, err := os.Stat("/run/netns/" + mine); err != nil {
		t.Errorf("%s is not: %v", mine, err)
	}
}
