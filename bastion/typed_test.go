package bastion_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sallyport/sallyport/access"
)

// Where a rule has what is typed kept, the person is told so in one line, and
// it is there; elsewhere neither. Without a terminal nothing changes.
func TestTypedInput(t *testing.T) {
	l := newLab(t)
	for _, keep := range []bool{false, true} {
		l.admitBy(func(_ context.Context, a access.Application) (*access.Pass, error) {
			pass, err := l.pass(context.Background(), a)
			if err == nil {
				pass.Input = keep
			}
			return pass, err
		})
		got := l.runAs("alice", strings.NewReader("hello\n"), "ssh", "-tt", l.target("db1"), "head -n 1")
		if said := strings.Count(got.err, "sallyport: what you type in this session is recorded"); got.code != 0 || said != map[bool]int{true: 1}[keep] {
			t.Errorf("input %v: %+v", keep, got)
		}
		_, err := os.Stat(filepath.Join(l.folder(l.lastSession()), "stdin.ndjson"))
		if (err == nil) != keep {
			t.Errorf("input %v: %v", keep, err)
		}
		if got := l.runAs("alice", strings.NewReader("hello\n"), "ssh", l.target("db1"), "cat"); got != (result{out: "hello\n"}) {
			t.Errorf("without a terminal: %+v", got)
		}
	}
}
