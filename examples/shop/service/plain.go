package service

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// pollPlain is how often a plain flag is asked for: kinder than the 15 to 120
// seconds of common clients.
const pollPlain = 100 * time.Millisecond

// plainFlag is a flag as common flag services offer it: one value for all, that
// knows nothing of versions.
type plainFlag struct{ on atomic.Bool }

func (f *plainFlag) Enabled(context.Context) bool { return f.on.Load() }

// Accepts is true: code that knows the feature understands both forms.
func (f *plainFlag) Accepts(context.Context) bool { return true }

func openPlain(ctx context.Context, url string) *source {
	ctx, cancel := context.WithCancel(ctx)
	f := &plainFlag{}
	f.poll(ctx, url)
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(pollPlain)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				f.poll(ctx, url)
			}
		}
	})
	return &source{
		address: f,
		guard: func(h http.Handler) http.Handler {
			mux := http.NewServeMux()
			mux.HandleFunc("GET /ready", func(http.ResponseWriter, *http.Request) {})
			mux.Handle("/", h)
			return mux
		},
		close: func() {
			cancel()
			wg.Wait()
		},
	}
}

// poll asks once; without an answer the flag keeps its value.
func (f *plainFlag) poll(ctx context.Context, url string) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 16))
	if err == nil && resp.StatusCode == http.StatusOK {
		f.on.Store(strings.TrimSpace(string(body)) == "on")
	}
}
