package house

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// shelf is all that may lie at the top, beside Go files.
const shelf = "agent client sdk cmd proto examples integration internal docs " +
	"go.mod go.sum Makefile Dockerfile docker-compose.yml README.md CHANGELOG.md ARCHITECTURE.md LICENSE " +
	".ci .github .gitignore .gitattributes .dockerignore .golangci.yml"

func TestTopLevelIsFixed(t *testing.T) {
	names, err := files()
	if err != nil {
		t.Fatal(err)
	}
	allowed := make(map[string]bool)
	for name := range strings.FieldsSeq(shelf) {
		allowed[name] = true
	}
	for _, name := range names {
		first, _, below := strings.Cut(name, "/")
		if !allowed[first] && (below || !strings.HasSuffix(first, ".go")) {
			t.Errorf("%s does not belong at the top level", name)
		}
	}
}

// traces are what only the machine knows on which a file was written: its paths,
// and where it happens to get packages from. They are put together here so that
// this file holds none.
func traces() []string {
	return []string{
		"/wo" + "rk/", "/fa" + "rm/", "/ro" + "ot/", "/bash" + "_jobs", "/ho" + "me/",
		"proxy.gol" + "ang", "sum.gol" + "ang", "deb.deb" + "ian", "registry.npm" + "js", "py" + "pi.org",
	}
}

func TestNoTracesOfTheMachine(t *testing.T) {
	names, err := files()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		content, err := os.ReadFile(filepath.Join(top, name))
		if err != nil {
			t.Fatal(err)
		}
		for i, line := range bytes.Split(content, []byte("\n")) {
			for _, trace := range traces() {
				if bytes.Contains(line, []byte(trace)) {
					t.Errorf("%s:%d holds %q", name, i+1, trace)
				}
			}
		}
	}
}
