package audit_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

// Every kind of the catalogue is written somewhere, and nobody has kinds of
// their own: readers of the chain rely on the catalogue.
func TestCatalogueIsWhatIsWritten(t *testing.T) {
	unused := map[string]bool{}
	files := token.NewFileSet()
	catalogue, err := parser.ParseFile(files, "kind.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(catalogue, func(n ast.Node) bool {
		if v, ok := n.(*ast.ValueSpec); ok {
			unused[v.Names[0].Name] = true
		}
		return true
	})
	err = filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() && d.Name() == ".git" {
			return err
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if v, ok := n.(*ast.ValueSpec); ok && isKind(v.Type) && len(v.Values) > 0 {
				t.Errorf("%s: %s belongs in the catalogue", files.Position(v.Pos()), v.Names[0].Name)
			}
			if s, ok := n.(*ast.SelectorExpr); ok && named(s.X, "audit") {
				delete(unused, s.Sel.Name)
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for name := range unused {
		t.Errorf("%s is never written", name)
	}
}

// isKind reports whether a type is audit.Kind.
func isKind(e ast.Expr) bool {
	s, ok := e.(*ast.SelectorExpr)
	return ok && s.Sel.Name == "Kind" && named(s.X, "audit")
}

func named(e ast.Expr, name string) bool {
	id, ok := e.(*ast.Ident)
	return ok && id.Name == name
}
