package zkserver_test

import (
	"testing"

	"github.com/musterhq/muster/internal/zkserver"
	"github.com/musterhq/muster/internal/zkserver/zkconformance"
	"github.com/musterhq/muster/internal/zkserver/zkservertest"
)

func TestConforms(t *testing.T) {
	s := zkservertest.Start(t, zkserver.Config{Addr: "127.0.0.1:0"})
	zkconformance.Run(t, []string{s.Addr()}, "/conformance")
}

func TestConformsOnDisk(t *testing.T) {
	s := zkservertest.Start(t, zkserver.Config{Addr: "127.0.0.1:0", DataDir: t.TempDir(), SnapshotEvery: 50})
	zkconformance.Run(t, []string{s.Addr()}, "/conformance")
}
