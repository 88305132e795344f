// Package sallyport_test keeps the architecture: what docs/architecture.md says
// of floors and importers is checked here, against the source.
package sallyport_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/sallyport/sallyport"

// floors: a package imports only what is on a lower floor.
var floors = map[string]int{
	"cmd/sallyport":       4,
	"bastion":             3,
	"console":             3,
	"approvals":           3,
	"approvals/slackbot":  3,
	"tui":                 3,
	"store":               3,
	"recorder":            2,
	"recorder/screens":    2,
	"vaultclient":         2,
	"vaultclient/setup":   2,
	"certs":               2,
	"policy":              2,
	"audit":               2,
	"audit/forward":       2,
	"internal/transfer":   2,
	"access":              1,
	"internal/vt":         1,
	"internal/strictyaml": 1,
	"internal/oncall":     1,
	"internal/player":     1,
	"internal/handover":   1,
	// What the demo needs, and nothing else may.
	"internal/demohost":  1,
	"internal/slacktest": 1,
}

// sideways are the imports on one floor that are allowed, each with its reason.
var sideways = map[[2]string]string{
	{"vaultclient", "certs"}:             "it implements certs.Issuer",
	{"vaultclient", "vaultclient/setup"}: "its doctor examines a plan",
	{"audit/forward", "audit"}:           "it sends rows of the chain as they are",
	{"recorder/screens", "recorder"}:     "it reads recordings; the recorder writes them and knows nothing of it",
}

// onlyImporters: who alone may import a library.
var onlyImporters = map[string]string{
	"github.com/gliderlabs/ssh":      "bastion",
	"github.com/spf13/cobra":         "console",
	"github.com/slack-go/slack":      "approvals/slackbot",
	"charm.land/":                    "tui",
	"github.com/mattn/go-sqlite3":    "store",
	"github.com/hashicorp/vault/api": "vaultclient",
	"go.yaml.in/yaml":                "internal/strictyaml",
	"filippo.io/age":                 "recorder",
	"github.com/klauspost/compress":  "recorder",
	"cel.dev/cel-go":                 "policy",
}

// access is on the standard library only.
const standardOnly = "access"

// file is a source file that is no test.
type file struct {
	path string // of the package, from the root
	name string
	ast  *ast.File
}

// isModule reports whether the folder is a module of its own, and none of the
// product's.
func isModule(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "go.mod"))
	return err == nil
}

func sources(t *testing.T) []file {
	t.Helper()
	var files []file
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && path != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || path == "bin" || path == "scripts" || isModule(path)) {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly|parser.ParseComments)
		if err != nil {
			return err
		}
		files = append(files, file{filepath.ToSlash(filepath.Dir(path)), path, f})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 50 {
		t.Fatalf("only %d files found: this test looks at the wrong place", len(files))
	}
	return files
}

func imports(f file) []string {
	var list []string
	for _, i := range f.ast.Imports {
		path, err := strconv.Unquote(i.Path.Value)
		if err != nil {
			panic(err)
		}
		list = append(list, path)
	}
	return list
}

// Imports point down only, and floor 3 does not know itself.
func TestFloors(t *testing.T) {
	for _, f := range sources(t) {
		from, known := floors[f.path]
		if !known {
			if !strings.HasSuffix(f.path, "test") {
				t.Errorf("%s: %s is on no floor", f.name, f.path)
			}
			continue
		}
		for _, path := range imports(f) {
			below, ours := strings.CutPrefix(path, module+"/")
			if !ours {
				continue
			}
			to, known := floors[below]
			switch {
			case !known:
				t.Errorf("%s imports %s, which is for tests", f.name, below)
			case to == from && sideways[[2]string{f.path, below}] == "":
				t.Errorf("%s imports %s on its own floor", f.name, below)
			case to > from:
				t.Errorf("%s imports %s, which is above it", f.name, below)
			case strings.HasPrefix(below, "internal/demohost") || strings.HasPrefix(below, "internal/slacktest"):
				if f.path != "cmd/sallyport" {
					t.Errorf("%s imports %s, which is for the demo", f.name, below)
				}
			}
		}
	}
}

// A library has one importer, so that it can be replaced there.
func TestOnlyImporters(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range sources(t) {
		for _, path := range imports(f) {
			for library, owner := range onlyImporters {
				if !strings.HasPrefix(path, library) {
					continue
				}
				seen[library] = true
				if f.path != owner && !strings.HasSuffix(f.path, "test") {
					t.Errorf("%s imports %s, which is %s's to know", f.name, library, owner)
				}
			}
			if f.path == standardOnly && strings.Contains(strings.SplitN(path, "/", 2)[0], ".") {
				t.Errorf("%s imports %s: %s is on the standard library only", f.name, path, standardOnly)
			}
		}
	}
	for library := range onlyImporters {
		if !seen[library] {
			t.Errorf("nobody imports %s: is the table wrong?", library)
		}
	}
}

// Each package says what it owns, what it refuses, and where to start reading.
func TestPackageDocs(t *testing.T) {
	docs := map[string]string{}
	for _, f := range sources(t) {
		docs[f.path] += f.ast.Doc.Text()
	}
	paths := make([]string, 0, len(docs))
	for path := range docs {
		paths = append(paths, path)
	}
	slices.Sort(paths)
	for _, path := range paths {
		if doc := docs[path]; len(doc) < 150 || !strings.Contains(strings.ToLower(doc), "start reading") {
			t.Errorf("%s: the package doc does not say where to start reading", path)
		}
	}
}
