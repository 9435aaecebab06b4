package store_test

import (
	"context"
	"fmt"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/internal/store"
)

// BenchmarkService reads a service of 1,000 members: for the first time, and
// again.
func BenchmarkService(b *testing.B) {
	server := serve(b)
	session := dial(b, server)
	st := store.New(session, "/muster")
	var g errgroup.Group
	g.SetLimit(64)
	for n := range 1000 {
		inst := muster.Instance{Service: "shop", ID: fmt.Sprintf("host-%d", n), Incarnation: "abcdef", Version: "1.0.0"}
		g.Go(func() error {
			_, err := st.Join(context.Background(), inst, func(s muster.Sheet) muster.Ack { return muster.Ack{Revision: s.Revision, Applied: s.Revision} })
			return err
		})
	}
	if err := g.Wait(); err != nil {
		b.Fatal(err)
	}
	b.Run("first", func(b *testing.B) {
		for b.Loop() {
			load(b, st, nil)
		}
	})
	b.Run("again", func(b *testing.B) {
		bodies := store.NewBodies(nil)
		load(b, st, bodies)
		for b.Loop() {
			load(b, st, bodies)
		}
	})
}

func load(b *testing.B, st *store.Store, bodies *store.Bodies) {
	svc, err := st.Service(context.Background(), "shop", bodies)
	if err != nil || len(svc.Members) != 1000 {
		b.Fatalf("%d members, error %v", len(svc.Members), err)
	}
}
