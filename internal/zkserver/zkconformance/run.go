package zkconformance

import (
	"embed"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

//go:embed testdata
var golden embed.FS

// Run runs all cases, each as a parallel subtest, against the first of the
// servers, which are host:port. Everything is done below root, a path that no
// other test uses and that is not there yet.
func Run(t *testing.T, servers []string, root string) {
	for _, c := range cases() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newScript(t, servers, root+"-"+c.name)
			c.run(s)
			s.compare(c.name)
		})
	}
}

// compare holds the transcript against the golden one, or replaces it.
func (s *script) compare(name string) {
	s.t.Helper()
	if s.t.Failed() {
		return
	}
	file := "testdata/" + name + ".txt"
	if os.Getenv("MUSTER_UPDATE_GOLDEN") != "" {
		_, here, _, _ := runtime.Caller(0)
		if err := os.WriteFile(filepath.Join(filepath.Dir(here), file), []byte(s.transcript()), 0o644); err != nil {
			s.t.Fatal(err)
		}
		return
	}
	want, err := golden.ReadFile(file)
	if err != nil {
		s.t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(s.transcript(), "\n")); diff != "" {
		s.t.Errorf("differs from ZooKeeper 3.8 (-ZooKeeper +this server):\n%s", diff)
	}
}
