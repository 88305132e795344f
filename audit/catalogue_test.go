package audit_test

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strconv"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the catalogue in docs/audit.md anew")

// The catalogue in the documents is the one in the code.
func TestCatalogueIsDocumented(t *testing.T) {
	const file = "../docs/audit.md"
	const begin, end = "<!-- catalogue: go test ./audit -update -->\n", "<!-- end of the catalogue -->\n"
	doc, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok := strings.Cut(string(doc), begin)
	_, tail, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s has no place for the catalogue", file)
	}
	want := head + begin + catalogue(t) + end + tail
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if want != string(doc) {
		t.Errorf("%s is not the catalogue of kind.go: go test ./audit -update", file)
	}
}

// catalogue is the table of kind.go: a heading for each group, a row for each
// kind.
func catalogue(t *testing.T) string {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), "kind.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, d := range parsed.Decls {
		group, ok := d.(*ast.GenDecl)
		if !ok || group.Tok != token.CONST {
			continue
		}
		for _, s := range group.Specs {
			v := s.(*ast.ValueSpec)
			about, own := strings.CutPrefix(v.Doc.Text(), v.Names[0].Name+": ")
			if v.Doc != nil && !own {
				fmt.Fprintf(&b, "\n**%s**\n\n| kind | what it tells |\n|---|---|\n", strings.TrimSuffix(strings.TrimSpace(v.Doc.Text()), "."))
			}
			kind, err := strconv.Unquote(v.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			if !own {
				about = v.Comment.Text()
			}
			text := strings.ReplaceAll(strings.Join(strings.Fields(about), " "), "|", `\|`)
			fmt.Fprintf(&b, "| `%s` | %s |\n", kind, text)
		}
	}
	return b.String() + "\n"
}
