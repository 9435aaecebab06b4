package integration_test

import (
	"testing"
	"time"

	"github.com/musterhq/muster/internal/ensemble"
	"github.com/musterhq/muster/internal/store"
	"github.com/musterhq/muster/internal/store/storetest"
	"github.com/musterhq/muster/internal/zoo"
)

// TestStoreContract runs the contract of package store on a real ensemble,
// where the sessions of one test are on different servers.
func TestStoreContract(t *testing.T) {
	t.Parallel()
	servers := ensemble.Shared(t).Servers()
	storetest.Run(t, func(t testing.TB) storetest.Site {
		return storetest.Site{
			Root: ensemble.Root(t),
			Open: func(t testing.TB) (store.Tree, func()) {
				s, err := zoo.Dial(t.Context(), zoo.Config{Servers: servers, SessionTimeout: 20 * time.Second})
				if err != nil {
					t.Fatal(err)
				}
				end := func() {
					if err := s.Close(); err != nil {
						t.Errorf("end session: %v", err)
					}
				}
				t.Cleanup(end)
				return s, end
			},
		}
	})
}
