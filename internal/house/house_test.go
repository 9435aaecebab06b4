package house

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

const (
	module = "github.com/musterhq/muster"
	top    = "../.." // the module, seen from here
)

// pkg is what `go list` says of one package.
type pkg struct {
	Dir, Name, ImportPath              string
	Imports, TestImports, XTestImports []string
	GoFiles, IgnoredGoFiles            []string
	TestGoFiles, XTestGoFiles          []string
}

// room names the package as the table does: "." for the root, else its path.
func (p pkg) room() string { return room(p.ImportPath) }

func room(importPath string) string {
	if importPath == module {
		return "."
	}
	return strings.TrimPrefix(importPath, module+"/")
}

// ours says whether an import path belongs to this module.
func ours(importPath string) bool {
	return importPath == module || strings.HasPrefix(importPath, module+"/")
}

// std says whether an import path is the standard library's.
func std(importPath string) bool {
	first, _, _ := strings.Cut(importPath, "/")
	return !strings.Contains(first, ".")
}

// packages lists the module, once for all tests.
var packages = sync.OnceValues(func() ([]pkg, error) {
	cmd := exec.Command("go", "list", "-e", "-json", "./...")
	cmd.Dir = top
	out, err := cmd.Output()
	if err != nil {
		return nil, err
	}
	var all []pkg
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
})

// eachPackage runs a subtest for every package of the module.
func eachPackage(t *testing.T, check func(*testing.T, pkg)) {
	t.Helper()
	all, err := packages()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range all {
		t.Run(p.room(), func(t *testing.T) { check(t, p) })
	}
}

// source is one parsed Go file that somebody wrote.
type source struct {
	name string // relative to the module
	fset *token.FileSet
	file *ast.File
	test bool
}

func (s source) at(pos token.Pos) string {
	p := s.fset.Position(pos)
	p.Filename = s.name
	return p.String()
}

// sources parses the Go files of the module, generated ones and the tools left
// out, once for all tests.
var sources = sync.OnceValues(func() ([]source, error) {
	names, err := files()
	if err != nil {
		return nil, err
	}
	var all []source
	for _, name := range names {
		if !strings.HasSuffix(name, ".go") {
			continue
		}
		s := source{name: name, fset: token.NewFileSet(), test: strings.HasSuffix(name, "_test.go")}
		s.file, err = parser.ParseFile(s.fset, filepath.Join(top, name), nil, parser.ParseComments)
		if err != nil {
			return nil, err
		}
		if !ast.IsGenerated(s.file) {
			all = append(all, s)
		}
	}
	return all, nil
})

// eachSource calls check for every Go file that somebody wrote.
func eachSource(t *testing.T, check func(source)) {
	t.Helper()
	all, err := sources()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
		check(s)
	}
}

// files lists what the project consists of, as slash paths relative to the
// module: what lies there, without what git ignores.
//
// It walks, although git could list as well: what a test opens, folders too, is
// what go test goes by when it decides that a former result still holds.
var files = sync.OnceValues(func() ([]string, error) {
	cmd := exec.Command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	cmd.Dir = top
	kept := make(map[string]bool)
	out, gitErr := cmd.Output() // fails outside a clone: then everything counts
	for name := range strings.SplitSeq(string(out), "\x00") {
		kept[name] = true
	}
	var names []string
	err := filepath.WalkDir(top, func(name string, entry os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && (entry.Name() == ".git" || entry.Name() == "bin") {
			return filepath.SkipDir
		}
		rel, err := filepath.Rel(top, name)
		rel = filepath.ToSlash(rel)
		if entry.Type().IsRegular() && (gitErr != nil || kept[rel]) {
			names = append(names, rel)
		}
		return err
	})
	return names, err
})
