package zkserver_test

import (
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/musterhq/muster/internal/zkserver"
	"github.com/musterhq/muster/internal/zkserver/zkservertest"
)

// BenchmarkFanOut is one change of a node that so many clients watch, until the
// last of them has its event.
func BenchmarkFanOut(b *testing.B) {
	for _, n := range []int{100, 1000, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			s := zkservertest.Start(b, zkserver.Config{MaxSessionTimeout: time.Hour})
			writer := zkservertest.Connect(b, s, timeout)
			if _, err := writer.Create("/n", nil, 0, everyone); err != nil {
				b.Fatal(err)
			}
			var told, readers sync.WaitGroup
			b.Cleanup(readers.Wait) // after open's connections are closed
			for range n {
				nc := open(b, s, time.Hour)
				opened(b, nc)
				addWatch := []byte{0, 0, 0, 18, 0, 0, 0, 1, 0, 0, 0, 106, 0, 0, 0, 2, '/', 'n', 0, 0, 0, 0}
				if _, err := nc.Write(addWatch); err != nil {
					b.Fatal(err)
				}
				readFull(b, nc, 24)
				readers.Go(func() { // ends when the connection does
					event := make([]byte, 34)
					for {
						if _, err := io.ReadFull(nc, event); err != nil {
							return
						}
						told.Done()
					}
				})
			}
			for b.Loop() {
				told.Add(n)
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
