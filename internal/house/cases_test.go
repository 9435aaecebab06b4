package house

import (
	"go/ast"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// A row of the table of cases: | 14 | what happens | `TestCase14…` in `integration`, … |
var (
	caseRow  = regexp.MustCompile(`^\| (\d+) \|.*\|(.*)\|$`)
	caseTest = regexp.MustCompile("`(Test[A-Za-z0-9]+)` in `([a-z/]+)`")
)

// Every situation that must come out right is tried by a test that exists: what
// docs/safety.md says is true.
func TestCasesAreTried(t *testing.T) {
	tests := make(map[string]bool) // room:name
	eachSource(t, func(s source) {
		for _, d := range s.file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && s.test && f.Recv == nil {
				tests[path.Dir(s.name)+":"+f.Name.Name] = true
			}
		}
	})
	tried := casesOf(t, "docs/safety.md")
	for _, n := range wanted() {
		if len(tried[n]) == 0 {
			t.Errorf("docs/safety.md names no test of case %d", n)
		}
		for _, name := range tried[n] {
			if !tests[name] {
				t.Errorf("docs/safety.md, case %d: there is no test %s", n, name)
			}
		}
	}
}

// wanted lists the cases that are muster's today; Consul's are not.
func wanted() []int {
	var cases []int
	for n := 1; n <= 36; n++ {
		if n < 31 || n > 33 {
			cases = append(cases, n)
		}
	}
	return cases
}

// casesOf reads which tests, room:name, a document names for each case.
func casesOf(t *testing.T, name string) map[int][]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(top, name))
	if err != nil {
		t.Fatal(err)
	}
	cases := make(map[int][]string)
	for line := range strings.Lines(string(text)) {
		row := caseRow.FindStringSubmatch(strings.TrimSpace(line))
		if row == nil {
			continue
		}
		n, err := strconv.Atoi(row[1])
		if err != nil {
			t.Fatal(err)
		}
		for _, test := range caseTest.FindAllStringSubmatch(row[2], -1) {
			cases[n] = append(cases[n], test[2]+":"+test[1])
		}
	}
	return cases
}
