package zkserver_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/go-zookeeper/zk"

	"github.com/musterhq/muster/internal/zkserver"
	"github.com/musterhq/muster/internal/zkserver/zkservertest"
)

// BenchmarkFanOut is one change of a node that so many clients watch, until the
// last of them has its event; reading the node again and leaving the watch anew
// is in it too.
func BenchmarkFanOut(b *testing.B) {
	for _, n := range []int{100, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			s := zkservertest.Start(b, zkserver.Config{})
			writer := zkservertest.Connect(b, s, timeout)
			if _, err := writer.Create("/n", nil, 0, everyone); err != nil {
				b.Fatal(err)
			}
			clients := make([]*zk.Conn, n)
			for i := range clients {
				clients[i] = zkservertest.Connect(b, s, timeout)
			}
			b.ResetTimer()
			for b.Loop() {
				var watching, told sync.WaitGroup
				watching.Add(n)
				for _, c := range clients {
					told.Go(func() {
						_, _, changed, err := c.GetW("/n")
						watching.Done()
						if err != nil {
							b.Error(err)
							return
						}
						<-changed
					})
				}
				watching.Wait()
				if _, err := writer.Set("/n", nil, -1); err != nil {
					b.Fatal(err)
				}
				told.Wait()
			}
		})
	}
}

// BenchmarkWrites is 64 clients that write as fast as they are answered.
func BenchmarkWrites(b *testing.B) {
	for _, on := range []string{"memory", "disk"} {
		b.Run(on, func(b *testing.B) {
			cfg := zkserver.Config{}
			if on == "disk" {
				cfg.DataDir = b.TempDir()
			}
			s := zkservertest.Start(b, cfg)
			c := zkservertest.Connect(b, s, timeout)
			if _, err := c.Create("/n", nil, 0, everyone); err != nil {
				b.Fatal(err)
			}
			b.SetParallelism(32)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if _, err := c.Set("/n", []byte("x"), -1); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}
