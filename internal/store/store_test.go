package store_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/internal/plan"
	"github.com/musterhq/muster/internal/store"
	"github.com/musterhq/muster/internal/store/storetest"
	"github.com/musterhq/muster/internal/zkserver"
	"github.com/musterhq/muster/internal/zoo"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestContract runs the contract on the embedded server, over in-memory pipes.
func TestContract(t *testing.T) {
	server := serve(t)
	var serial atomic.Int64
	storetest.Run(t, func(testing.TB) storetest.Site {
		return storetest.Site{
			Root: fmt.Sprintf("/root%d", serial.Add(1)),
			Open: func(t testing.TB) (store.Tree, func()) {
				s := dial(t, server)
				return s, func() {
					if err := s.Close(); err != nil {
						t.Errorf("end session: %v", err)
					}
				}
			},
		}
	})
}

// serve runs an embedded server until the test ends.
func serve(t testing.TB) *zkserver.Server {
	t.Helper()
	server, err := zkserver.New(zkserver.Config{})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := server.Run(context.Background()); err != nil {
			t.Errorf("server: %v", err)
		}
	})
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Errorf("close server: %v", err)
		}
		wg.Wait()
	})
	return server
}

// dial opens a session until the test ends.
func dial(t testing.TB, server *zkserver.Server) *zoo.Session {
	t.Helper()
	s, err := zoo.Dial(t.Context(), zoo.Config{
		Servers:        []string{"embedded:2181"},
		SessionTimeout: 30 * time.Second,
		Dial:           func(ctx context.Context, _, _ string) (net.Conn, error) { return server.Dial(ctx) },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close session: %v", err)
		}
	})
	return s
}

// Many apply at once through one agent: none undoes another's work, which on a
// large fleet would be much of it and end in conflicts.
func TestAppliesTakeTurns(t *testing.T) {
	t.Parallel()
	tree := &refusals{Tree: dial(t, serve(t))}
	st := store.New(tree, "/muster")
	if err := st.Init(t.Context()); err != nil {
		t.Fatal(err)
	}
	agent, err := st.Enroll(t.Context(), "agent")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			key := fmt.Sprintf("feature-%d", i)
			_, changed, err := st.Command(t.Context(), agent, key, plan.Command{
				Action: muster.ActionApply, Spec: &muster.Spec{Feature: key}, By: "operator", Operation: key, Now: time.Now(),
			})
			if err != nil || !changed {
				t.Errorf("apply %s: changed %t, %v", key, changed, err)
			}
		})
	}
	wg.Wait()
	if n := tree.refused.Load(); n > 0 {
		t.Errorf("%d transactions were refused because of one another", n)
	}
}

// Whoever waits for a turn waits no longer than it likes, and a kill for nobody.
func TestKillTakesNoTurn(t *testing.T) {
	t.Parallel()
	tree := &stuck{Tree: dial(t, serve(t)), reached: make(chan struct{}), on: make(chan struct{})}
	st := store.New(tree, "/muster")
	if err := st.Init(t.Context()); err != nil {
		t.Fatal(err)
	}
	agent, err := st.Enroll(t.Context(), "agent")
	if err != nil {
		t.Fatal(err)
	}
	command := func(ctx context.Context, action muster.Action) error {
		cmd := plan.Command{Action: action, By: "operator", Operation: string(action), Now: time.Now()}
		if action == muster.ActionApply {
			cmd.Spec = &muster.Spec{Feature: "f"}
		}
		_, _, err := st.Command(ctx, agent, "f", cmd)
		return err
	}
	for _, action := range []muster.Action{muster.ActionApply, muster.ActionActivate} {
		if err := command(t.Context(), action); err != nil {
			t.Fatal(err)
		}
	}
	tree.armed.Store(true)
	var wg sync.WaitGroup
	wg.Go(func() { _ = command(t.Context(), muster.ActionDeactivate) })
	<-tree.reached
	short, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := command(short, muster.ActionDelete); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want that it gives up", err)
	}
	if err := command(t.Context(), muster.ActionKill); err != nil {
		t.Errorf("kill: %v", err)
	}
	close(tree.on)
	wg.Wait()
}

// refusals counts the transactions that were refused.
type refusals struct {
	store.Tree
	refused atomic.Int64
}

func (r *refusals) Commit(ctx context.Context, txn zoo.Txn) ([]zoo.Result, error) {
	results, err := r.Tree.Commit(ctx, txn)
	if err != nil {
		r.refused.Add(1)
	}
	return results, err
}

// stuck is a session whose next transaction, once it is armed, waits.
type stuck struct {
	store.Tree
	armed       atomic.Bool
	reached, on chan struct{}
}

func (s *stuck) Commit(ctx context.Context, txn zoo.Txn) ([]zoo.Result, error) {
	if s.armed.Swap(false) {
		close(s.reached)
		<-s.on
	}
	return s.Tree.Commit(ctx, txn)
}
