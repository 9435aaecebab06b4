package house

import (
	"go/ast"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

// longest is the length at which a file stops the build; aim for 400 lines.
const longest = 600

func TestFilesAreShort(t *testing.T) {
	eachSource(t, func(s source) {
		if lines := s.fset.File(s.file.FileStart).LineCount(); lines > longest {
			t.Errorf("%s has %d lines, more than %d: which two ideas are in it?", s.name, lines, longest)
		}
	})
}

// Importing a package must have no effect.
func TestNoInit(t *testing.T) {
	eachSource(t, func(s source) {
		for _, decl := range s.file.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
				t.Errorf("%s: an init function", s.at(f.Pos()))
			}
		}
	})
}

// Who starts a goroutine waits for it: a WaitGroup's or errgroup's Go says by
// whom, and so does a channel that the goroutine closes as it ends. Any other go
// statement does not.
func TestNoStrayGoroutines(t *testing.T) {
	eachSource(t, func(s source) {
		if s.test {
			return
		}
		for n := range ast.Preorder(s.file) {
			if g, ok := n.(*ast.GoStmt); ok && !awaited(g) {
				t.Errorf("%s: a go statement: start it with a WaitGroup's or errgroup's Go, and wait for it", s.at(g.Pos()))
			}
		}
	})
}

// awaited says whether a goroutine begins by promising to tell that it has
// ended: with defer close(…), or defer ….Done() where a WaitGroup is joined under
// a lock.
func awaited(g *ast.GoStmt) bool {
	f, ok := g.Call.Fun.(*ast.FuncLit)
	if !ok || len(f.Body.List) == 0 {
		return false
	}
	d, ok := f.Body.List[0].(*ast.DeferStmt)
	if !ok {
		return false
	}
	switch fun := d.Call.Fun.(type) {
	case *ast.Ident:
		return fun.Name == "close"
	case *ast.SelectorExpr:
		return fun.Sel.Name == "Done"
	default:
		return false
	}
}

// Every package says once what it is for.
func TestPackagesAreDocumented(t *testing.T) {
	docs := make(map[string][]string) // by folder: what its package comments begin with
	code := make(map[string]string)   // by folder: the package's name
	eachSource(t, func(s source) {
		if s.test {
			return
		}
		dir := path.Dir(s.name)
		code[dir] = s.file.Name.Name
		if s.file.Doc != nil {
			docs[dir] = append(docs[dir], s.file.Doc.Text())
		}
	})
	for dir, name := range code {
		if len(docs[dir]) != 1 {
			t.Errorf("%s has %d package comments, want exactly one", dir, len(docs[dir]))
			continue
		}
		want := "Package " + name + " "
		if name == "main" {
			want = "Command " + path.Base(dir) + " "
		}
		if !strings.HasPrefix(docs[dir][0], want) {
			t.Errorf("%s: the package comment begins %.40q, want %q", dir, docs[dir][0], want+"…")
		}
	}
}

// A reader finds their way: ARCHITECTURE.md names each package, or the folder
// above it.
func TestArchitectureNamesEveryPackage(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(top, "ARCHITECTURE.md"))
	if err != nil {
		t.Fatal(err)
	}
	eachPackage(t, func(t *testing.T, p pkg) {
		name := p.room()
		for ; name != "."; name = path.Dir(name) {
			if strings.Contains(string(text), "| `"+name+"` |") {
				return
			}
		}
		if p.room() != "." {
			t.Errorf("ARCHITECTURE.md has no row for %s", p.room())
		}
	})
}
