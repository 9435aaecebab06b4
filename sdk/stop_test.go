//go:build unix

package sdk_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/internal/zkserver"
	"github.com/musterhq/muster/internal/zkserver/zkservertest"
	"github.com/musterhq/muster/internal/zoo"
	"github.com/musterhq/muster/sdk"
)

// childEnv names the server's address for the process that is to be stopped.
const childEnv = "MUSTER_SDK_TEST_CHILD"

// gap is how long a stop lasts, more than twice the session timeout.
const gap = 2200 * time.Millisecond

// childMain is the life of the process that is to be stopped: it uses flags all
// the time, and says what the first use after the stop came to.
func childMain() {
	server := os.Getenv(childEnv)
	if server == "" {
		return
	}
	c, err := sdk.Open(context.Background(), sdk.Config{
		Service: "checkout", Version: "2.0.0", Servers: []string{server},
		SessionTimeout: time.Second, Lease: 1500 * time.Millisecond,
	})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	ctx, release := c.Pin(context.Background())
	defer release()
	accept, hold, stop := c.Bool("accept", false), c.Bool("hold", false), c.Bool("stop", false)
	last := time.Now()
	fmt.Println("uses", accept.Stage(ctx), hold.Stage(ctx), stop.Stage(ctx))
	for until := last.Add(time.Minute); last.Before(until); {
		before := time.Now()
		if pause := before.Sub(last); pause < time.Millisecond {
			continue // so that a stop rarely falls within a use
		}
		enabled := accept.Enabled(context.Background())
		held, err, ready := hold.Enabled(ctx), ctx.Err(), c.Ready()
		after := time.Now()
		switch {
		case before.Sub(last) > gap*9/10:
			fmt.Printf("first use enabled: accept %t, hold %t, stop %t; the request: %v, %t; ready: %t\n",
				enabled, held, stop.Enabled(ctx), err, errors.Is(context.Cause(ctx), sdk.ErrFenced), ready == nil)
			os.Exit(0)
		case after.Sub(before) > gap*9/10:
			fmt.Println("stopped within a use") // nothing can be said
			os.Exit(0)
		}
		last = after
	}
	fmt.Println("was not stopped")
	os.Exit(1)
}

// With a real process and a real SIGSTOP, for twice its session timeout.
func TestCase26FencedAtTheFirstUseAfterAStop(t *testing.T) {
	t.Parallel()
	for range 5 {
		if said := stopped(t); said != "stopped within a use" {
			const want = "first use enabled: accept false, hold true, stop false; the request: context canceled, true; ready: false"
			if said != want {
				t.Errorf("it says %q, want %q", said, want)
			}
			return
		}
	}
	t.Error("five stops fell within a use")
}

func stopped(t *testing.T) (said string) {
	server := zkservertest.Start(t, zkserver.Config{Addr: "127.0.0.1:0", MinSessionTimeout: 500 * time.Millisecond})
	zk, err := zoo.Dial(t.Context(), zoo.Config{Servers: []string{server.Addr()}})
	if err != nil {
		t.Fatal(err)
	}
	defer zk.Close()
	newSheet(t, zk, "checkout").policed(sdk.On, muster.FallToAccept, muster.Hold, muster.Stop)

	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+server.Addr())
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	lines := bufio.NewScanner(out)
	if lines.Scan(); lines.Text() != "uses on on on" {
		t.Fatalf("the child says %q, want that all are on", lines.Text())
	}
	for _, signal := range []os.Signal{syscall.SIGSTOP, syscall.SIGCONT} {
		if err := cmd.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
		if signal == syscall.SIGSTOP {
			time.Sleep(gap) // this is how long it is stopped
		}
	}
	lines.Scan()
	return strings.TrimSpace(lines.Text())
}
