package zoo_test

import (
	"context"
	"net"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/musterhq/muster/internal/zkserver"
	"github.com/musterhq/muster/internal/zoo"
)

func benchServer(b *testing.B) zoo.Config {
	server, err := zkserver.New(zkserver.Config{})
	if err != nil {
		b.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() { server.Run(context.Background()) })
	b.Cleanup(func() {
		server.Close()
		wg.Wait()
	})
	return zoo.Config{
		Servers: []string{"one:2181"},
		Dial:    func(ctx context.Context, _, _ string) (net.Conn, error) { return server.Dial(ctx) },
	}
}

// BenchmarkSessions gives what one of 1,000 sessions costs when both of its
// buffers are small; the server's half of the connection is in it.
func BenchmarkSessions(b *testing.B) {
	cfg := benchServer(b)
	cfg.MaxRequest, cfg.MaxReply = 16<<10, 16<<10
	for b.Loop() {
		const n = 1000
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		goroutines := runtime.NumGoroutine()
		var wg sync.WaitGroup
		sessions := make([]*zoo.Session, n)
		for i := range sessions {
			wg.Go(func() {
				s, err := zoo.Dial(b.Context(), cfg)
				if err != nil {
					b.Error(err)
					return
				}
				sessions[i] = s
			})
		}
		wg.Wait()
		if b.Failed() {
			return
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/n, "heap-B/session")
		b.ReportMetric(float64(after.StackInuse-before.StackInuse)/n, "stack-B/session")
		b.ReportMetric(float64(runtime.NumGoroutine()-goroutines)/n, "goroutines/session")
		for _, s := range sessions {
			wg.Go(func() { s.Close() })
		}
		wg.Wait()
	}
}

func BenchmarkGet(b *testing.B) {
	s, err := zoo.Dial(b.Context(), benchServer(b))
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	b.Run("one", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := s.Get(b.Context(), "/"); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("pipelined", func(b *testing.B) {
		b.ReportAllocs()
		b.SetParallelism(64)
		b.RunParallel(func(p *testing.PB) {
			for p.Next() {
				if _, err := s.Get(b.Context(), "/"); err != nil {
					b.Fatal(err)
				}
			}
		})
	})
}

func BenchmarkSilent(b *testing.B) {
	s, err := zoo.Dial(b.Context(), benchServer(b))
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	b.ReportAllocs()
	for b.Loop() {
		if s.Silent(time.Hour) {
			b.Fatal("silent")
		}
	}
}
