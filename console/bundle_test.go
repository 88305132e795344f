package console_test

import (
	"archive/tar"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sallyport/sallyport/console"
)

// unpack unpacks an archive and gives the names in it.
func unpack(t *testing.T, archive string) (dir string, names []string) {
	t.Helper()
	dir = t.TempDir()
	in := tar.NewReader(strings.NewReader(archive))
	for {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			return dir, names
		}
		must(t, err)
		path := filepath.Join(dir, filepath.FromSlash(h.Name))
		must(t, os.MkdirAll(filepath.Dir(path), 0o700))
		data, err := io.ReadAll(in)
		must(t, err)
		must(t, os.WriteFile(path, data, 0o600))
		names = append(names, h.Name)
	}
}

// What export writes stands for itself elsewhere: verify takes it, and it says
// what it is.
func TestExportIsABundle(t *testing.T) {
	w := newWorld(t)
	w.record(t, 2)
	s := w.sessions[0]
	got := w.as(t, "carol", "export "+string(s.ID))
	if got.exit != 0 || len(w.events) != 1 || w.events[0].Kind != "recording.viewed" || w.events[0].Detail["format"] != "tar" {
		t.Fatalf("exit %d, %s, %v", got.exit, got.err, w.events)
	}
	dir, _ := unpack(t, got.out)
	root := filepath.Join(dir, string(s.ID))
	for _, name := range []string{"session.cast", "manifest.json", "README.txt", "player.html", "about/session.json", "about/audit.ndjson", "about/recording-keys.pub", "about/certificate.json"} {
		if _, err := os.Stat(filepath.Join(root, name)); err != nil {
			t.Error(err)
		}
	}
	p := console.Program{}
	if got := program(t, p, "verify", root, "--trust", w.publicKeys); got.exit != 0 || !strings.HasPrefix(got.out, "intact") {
		t.Errorf("verify: %+v", got)
	}
	if got := program(t, p, "replay", root); got.exit != 0 || !strings.Contains(got.out, "hello") {
		t.Errorf("replay: %+v", got)
	}
	page, err := os.ReadFile(filepath.Join(root, "player.html"))
	must(t, err)
	if !strings.Contains(string(page), `\"hello\\r\\n\"`) || !strings.Contains(string(page), "AsciinemaPlayer.create") {
		t.Error("the page does not play the recording")
	}
	// A bundle is exported again as it is.
	again := program(t, p, "export", root)
	if _, names := unpack(t, again.out); again.exit != 0 || !strings.Contains(strings.Join(names, " "), "/about/session.json") {
		t.Errorf("again: %d %s %v", again.exit, again.err, names)
	}
}

func TestExportFormats(t *testing.T) {
	w := newWorld(t)
	w.record(t, 1)
	id := string(w.sessions[0].ID)
	for format, want := range map[string]string{
		"cast": `"o", "hello\r\n"]`, "v3": `{"version":3,"term":{"cols":80,"rows":24}`, "txt": "hello\n",
	} {
		if got := w.as(t, "carol", "export "+id+" --format "+format); got.exit != 0 || !strings.Contains(got.out, want) {
			t.Errorf("%s: %+v", format, got)
		}
		folder := filepath.Join(w.dir, filepath.FromSlash(w.sessions[0].Recording))
		if got := program(t, console.Program{}, "export", folder, "--format", format); got.exit != 0 || !strings.Contains(got.out, want) {
			t.Errorf("%s of a path: %+v", format, got)
		}
	}
	if got := w.as(t, "carol", "export "+id+" --format gif"); got.exit != 2 {
		t.Errorf("%+v", got)
	}
}
