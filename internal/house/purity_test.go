package house

import (
	"go/ast"
	"path"
	"strings"
	"testing"
)

// pure are the rooms in which time, ids and randomness are arguments: only they
// can be proved by exhaustion.
var pure = map[string]bool{".": true, "internal/plan": true}

// impure are the packages, with all below them, that would bring the world in.
var impure = []string{"context", "crypto/rand", "io", "log", "math/rand", "net", "os", "runtime", "sync", "syscall", "unsafe"}

// clock is what of package time asks a clock.
var clock = map[string]bool{
	"Now": true, "Since": true, "Until": true, "Sleep": true, "After": true, "AfterFunc": true,
	"Tick": true, "NewTimer": true, "NewTicker": true,
}

func TestWordsAndPlannerArePure(t *testing.T) {
	eachPackage(t, func(t *testing.T, p pkg) {
		if !pure[p.room()] {
			return
		}
		for _, name := range p.Imports {
			for _, bad := range impure {
				if name == bad || strings.HasPrefix(name, bad+"/") {
					t.Errorf("%s is pure and may not import %s", p.room(), name)
				}
			}
		}
	})
	eachSource(t, func(s source) {
		if s.test || !pure[path.Dir(s.name)] {
			return
		}
		for n := range ast.Preorder(s.file) {
			if sel, ok := n.(*ast.SelectorExpr); ok && clock[sel.Sel.Name] {
				if of, ok := sel.X.(*ast.Ident); ok && of.Name == "time" {
					t.Errorf("%s: time.%s in a pure package: make the time an argument", s.at(sel.Pos()), sel.Sel.Name)
				}
			}
		}
	})
}
