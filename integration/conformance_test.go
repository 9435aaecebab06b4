package integration_test

import (
	"testing"

	"github.com/musterhq/muster/internal/ensemble"
	"github.com/musterhq/muster/internal/zkserver/zkconformance"
)

// TestRealZooKeeperConforms holds the transcripts, by which the embedded server
// is tested, against the servers they speak for.
func TestRealZooKeeperConforms(t *testing.T) {
	t.Parallel()
	zkconformance.Run(t, ensemble.Shared(t).Servers(), ensemble.Root(t))
}
