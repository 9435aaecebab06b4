package sdk_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/musterhq/muster"
	"github.com/musterhq/muster/internal/zkserver"
	"github.com/musterhq/muster/internal/zkserver/zkservertest"
	"github.com/musterhq/muster/internal/zoo"
	"github.com/musterhq/muster/sdk"
)

// benchClient is a member whose sheet says on for three features: accept and
// hold by their policies, and accepted, which stands where the fence is.
func benchClient(b *testing.B) *sdk.Client {
	b.Helper()
	server := zkservertest.Start(b, zkserver.Config{})
	dial := new(network).dial(server)
	zk, err := zoo.Dial(b.Context(), zoo.Config{Servers: []string{"zk:2181"}, Dial: dial})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { zk.Close() })
	hold := entry(sdk.On, 1)
	hold.OnDisconnect = muster.Hold
	newSheet(b, zk, "checkout").putAll(map[string]muster.Entry{
		"accept": entry(sdk.On, 1), "hold": hold, "accepted": entry(sdk.Accept, 1),
	})
	c, err := sdk.Open(b.Context(), sdk.Config{Service: "checkout", Version: "2.0.0", Servers: []string{"zk:2181"}, Dial: dial})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { c.Close() })
	return c
}

// BenchmarkEnabled asks flags whose fence needs a look at the clock (accept)
// and those for which one load is enough, beside that load alone.
func BenchmarkEnabled(b *testing.B) {
	c := benchClient(b)
	ctx := context.WithValue(b.Context(), benchKey{}, 1)
	type sheet struct{ stage [4]muster.Stage }
	var bare atomic.Pointer[sheet]
	bare.Store(&sheet{stage: [4]muster.Stage{2: sdk.On}})
	b.Run("bare atomic pointer", func(b *testing.B) {
		for b.Loop() {
			if bare.Load().stage[2] != sdk.On {
				b.Fatal("off")
			}
		}
	})
	for _, key := range []string{"hold", "accepted", "accept"} {
		f := c.Bool(key, false)
		b.Run(key, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if !f.Accepts(ctx) {
					b.Fatal("off")
				}
			}
		})
	}
	pinned, release := c.Pin(ctx)
	defer release()
	for _, key := range []string{"hold", "accept"} {
		f := c.Bool(key, false)
		b.Run("pinned "+key, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if !f.Enabled(pinned) {
					b.Fatal("off")
				}
			}
		})
		b.Run("beside pins "+key, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if !f.Enabled(ctx) {
					b.Fatal("off")
				}
			}
		})
	}
}

type benchKey struct{}

// BenchmarkPin pins and releases a request, with a flag read in between.
func BenchmarkPin(b *testing.B) {
	c := benchClient(b)
	f := c.Bool("hold", false)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			ctx, release := c.Pin(context.Background())
			if !f.Enabled(ctx) {
				b.Error("off")
			}
			release()
		}
	})
}
