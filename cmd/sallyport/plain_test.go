package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// lines runs the program with what somebody types.
func (p *place) lines(typed string, args ...string) (stdout string, status int) {
	var out, err bytes.Buffer
	status = run(append([]string{"--config", p.file}, args...), stdio{strings.NewReader(typed), &out, &err})
	return out.String() + err.String(), status
}

// The console in lines reads the data directory without a server, or a folder
// that was copied from one.
func TestPlain(t *testing.T) {
	p := newPlace(t)
	p.record(2)
	archive := filepath.Join(t.TempDir(), "one.tar")
	for _, args := range [][]string{
		{"tui", "--plain"},
		{"tui", "--plain", "--trust", p.config.keys(), p.config.recordings()},
	} {
		typed := "sessions\nreplay 1\nverify 2\nverify\nsearch /x --in file\nexport 1 --to " + archive + "\nexport 1 --to " + archive + "\nkill 1 --reason x\nid 2\n"
		out, status := p.lines(typed, args...)
		if status != 0 {
			t.Errorf("%q: status %d", args, status)
		}
		for _, want := range []string{
			"Nothing awaits you, and no session runs.", "1  sealed  alice   root@db1", "2  sealed  alice   root@db1", "intact  ", "2 recordings, 2 intact",
			"written to " + archive, "file exists", "kill is not for what is only read here", "sallyport> " + string(p.sessions()[1].ID) + "\n",
		} {
			if !strings.Contains(out, want) {
				t.Errorf("%q lacks %q:\n%s", args, want, out)
			}
		}
		if info, err := os.Stat(archive); err != nil || info.Size() < 1000 {
			t.Errorf("%q: %v", args, err)
		}
		if err := os.Remove(archive); err != nil {
			t.Fatal(err)
		}
	}
	if out, _ := p.lines("verify\nreplay 1\n", "tui", "--plain", p.config.recordings()); !strings.Contains(out, "opened without --trust") || !strings.Contains(out, "nothing was listed here with the number 1") {
		t.Errorf("without keys:\n%s", out)
	}
	t.Setenv("TERM", "dumb")
	if out, _ := p.lines("", "tui"); !strings.Contains(out, "Sallyport, in lines.") {
		t.Errorf("at a dumb terminal:\n%s", out)
	}
}
