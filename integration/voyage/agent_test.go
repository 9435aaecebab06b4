package voyage_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"time"

	"google.golang.org/grpc/test/bufconn"

	"github.com/musterhq/muster/agent"
	"github.com/musterhq/muster/client"
)

// A helm is an agent: the real one, with its API, on a network of its own.
type helm struct {
	name    string
	address string // of its API: a successor has the same
	network *network
	cancel  context.CancelFunc
}

// A door is where an agent's API listens.
type door struct{ *bufconn.Listener }

// addresses are those of the agents' API.
var addresses = []string{"agent-1:7420", "agent-2:7420", "agent-3:7420"}

// startAgent starts an agent at an address that is free.
func (w *world) startAgent() {
	address := w.freeAddress()
	if address == "" {
		return
	}
	w.slots++
	a := &helm{name: fmt.Sprintf("agent%d", w.slots), address: address}
	a.network = newNetwork(w, a.name, w.variant.agent)
	listener := bufconn.Listen(64 << 10)
	g, err := agent.New(agent.Config{
		Name: a.name, ZooKeeper: []string{"zk:2181"}, Dial: a.network.dial, Quarantine: w.variant.quarantine,
		GRPC: address, Listen: func(string, string) (net.Listener, error) { return listener, nil },
	})
	if err != nil {
		w.t.Error(err)
		return
	}
	var ctx context.Context
	ctx, a.cancel = context.WithCancel(context.Background())
	w.mu.Lock()
	w.doors[address] = door{listener}
	w.noteLocked("%s starts", a.name)
	w.mu.Unlock()
	w.agents = append(w.agents, a)
	w.spawn(func() {
		defer a.network.end()
		if err := g.Run(ctx); err != nil {
			w.fail("G7", "%s has ended: %v", a.name, err)
		}
	})
}

func (w *world) freeAddress() string {
	for _, address := range addresses {
		taken := false
		for _, a := range w.agents {
			taken = taken || a.address == address
		}
		if !taken {
			return address
		}
	}
	return ""
}

// killAgent ends an agent without a word to ZooKeeper: another succeeds it when
// its session is over.
func (w *world) killAgent(a *helm, reset bool) {
	a.network.kill(reset)
	a.cancel()
	w.mu.Lock()
	if d, there := w.doors[a.address]; there {
		delete(w.doors, a.address)
		_ = d.Close()
	}
	w.noteLocked("%s is killed", a.name)
	w.mu.Unlock()
	rest := w.agents[:0:0]
	for _, o := range w.agents {
		if o != a {
			rest = append(rest, o)
		}
	}
	w.agents = rest
}

// operator returns a client of all agents.
func (w *world) operator() *client.Client {
	dice, lock := w.draw(), new(sync.Mutex)
	from := w.dice.IntN(len(addresses))
	c, err := client.New(client.Config{
		Addrs:   append(append([]string{}, addresses[from:]...), addresses[:from]...),
		Timeout: 4 * time.Second,
		Dial: func(ctx context.Context, addr string) (net.Conn, error) {
			w.mu.Lock()
			d, there := w.doors[addr]
			w.mu.Unlock()
			if !there {
				return nil, errors.New("connection refused")
			}
			conn, err := d.DialContext(ctx)
			if err != nil {
				return nil, err
			}
			return &frail{Conn: conn, w: w, dice: dice, lock: lock}, nil
		},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

// A frail connection of an operator breaks when it is used, in a storm.
type frail struct {
	net.Conn
	w    *world
	dice *rand.Rand
	lock *sync.Mutex // guards dice
}

// Write breaks the connection before what is written, or a moment after it, so
// that a command is lost, or its answer.
func (f *frail) Write(b []byte) (int, error) {
	f.lock.Lock()
	n, after := f.dice.IntN(100), time.Duration(f.dice.IntN(60))*time.Millisecond
	f.lock.Unlock()
	switch {
	case !f.w.stormy():
	case n < 3:
		f.w.count("operator cut off before")
		_ = f.Close()
	case n < 8:
		f.w.count("operator cut off after")
		time.AfterFunc(after, func() { _ = f.Close() })
	}
	return f.Conn.Write(b)
}
