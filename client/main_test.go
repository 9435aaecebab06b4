package client_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/agent"
	"github.com/musterhq/muster/client"
	"github.com/musterhq/muster/internal/zkserver"
	"github.com/musterhq/muster/sdk"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A world is an embedded server, an agent and instances, on loopback.
type world struct {
	zookeeper string
	agent     string // address of its API
	instances []*sdk.Client
	stop      func()
}

// newWorld starts one, in which instances of checkout run these versions.
func newWorld(versions ...string) (*world, error) {
	server, err := zkserver.New(zkserver.Config{Addr: "127.0.0.1:0"})
	if err != nil {
		return nil, err
	}
	a, err := agent.New(agent.Config{Name: "a1", ZooKeeper: []string{server.Addr()}, GRPC: "127.0.0.1:0"})
	if err != nil {
		return nil, errors.Join(err, server.Close())
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { _ = server.Run(ctx) })
	agentCtx, stopAgent := context.WithCancel(ctx)
	var agentDone sync.WaitGroup
	agentDone.Go(func() { _ = a.Run(agentCtx) })
	w := &world{zookeeper: server.Addr(), agent: a.Addr()}
	w.stop = func() {
		for _, m := range w.instances {
			_ = m.Close()
		}
		stopAgent()
		agentDone.Wait()
		cancel()
		wg.Wait()
	}
	for _, version := range versions {
		m, err := sdk.Open(ctx, sdk.Config{Service: "checkout", ID: "c-" + version, Version: version, Servers: []string{w.zookeeper}})
		if err != nil {
			w.stop()
			return nil, err
		}
		w.instances = append(w.instances, m)
	}
	if err := w.seen(); err != nil {
		w.stop()
		return nil, err
	}
	return w, nil
}

// seen waits until the agent has seen all instances, which it does in its own
// time.
func (w *world) seen() error {
	if len(w.instances) == 0 {
		return nil
	}
	c, err := client.New(client.Config{Addrs: []string{w.agent}})
	if err != nil {
		return err
	}
	defer c.Close()
	for {
		members, err := c.Instances(context.Background(), "checkout")
		if len(members) == len(w.instances) || err != nil && !errors.Is(err, muster.ErrNotFound) {
			return err
		}
		time.Sleep(time.Millisecond)
	}
}
