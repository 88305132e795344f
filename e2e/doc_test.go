package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestThreatModel: each claim of the document has its script, and each script
// stands behind a claim.
func TestThreatModel(t *testing.T) {
	const file = "../docs/threat-model.md"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	linked := map[string]bool{}
	for _, m := range regexp.MustCompile(`\]\((\.\./[^)#]+)\)`).FindAllStringSubmatch(string(text), -1) {
		path := filepath.Join(filepath.Dir(file), m[1])
		if _, err := os.Stat(path); err != nil {
			t.Errorf("%s links to %s: %v", file, m[1], err)
		}
		linked[strings.TrimSuffix(filepath.Base(path), ".txtar")] = true
	}
	scripts, err := filepath.Glob("testdata/attacks/*.txtar")
	if err != nil || len(scripts) == 0 {
		t.Fatal("no scripts", err)
	}
	for _, script := range scripts {
		if name := strings.TrimSuffix(filepath.Base(script), ".txtar"); !linked[name] {
			t.Errorf("no claim of %s is behind %s", file, name)
		}
	}
}
