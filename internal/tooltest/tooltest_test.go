package tooltest_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/sallyport/sallyport/internal/tooltest"
)

// verdict is a test that notes how it ended, first of all.
type verdict struct {
	testing.TB
	said string
}

func (v *verdict) Helper()           {}
func (v *verdict) Skip(args ...any)  { v.note("skipped", args) }
func (v *verdict) Fatal(args ...any) { v.note("failed", args) }

func (v *verdict) note(how string, args []any) {
	if v.said == "" {
		v.said = how + ": " + fmt.Sprint(args...)
	}
}

func TestPath(t *testing.T) {
	for ci, want := range map[string]string{"": "skipped: ", "1": "failed: "} {
		t.Setenv("CI", ci)
		v := &verdict{TB: t}
		tooltest.Need(v, "sh", "no-such-program")
		if !strings.HasPrefix(v.said, want) || !strings.Contains(v.said, "no-such-program") {
			t.Errorf("with CI=%q: %q, want %q", ci, v.said, want)
		}
	}
	v := &verdict{TB: t}
	if path := tooltest.Path(v, "sh"); path == "" || v.said != "" {
		t.Errorf("sh: %q, %q", path, v.said)
	}
}
