package e2e

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/sallyport/sallyport/internal/player"
	"github.com/sallyport/sallyport/internal/vt"
)

// browse opens the page of an exported bundle at the end of the recording,
// keeps a picture of it, and holds it to the screen that it should show.
func (w *town) browse(ts *testscript.TestScript, picture string, end *vt.Screen, stated string) {
	page := w.path("player.html")
	ts.Check(w.exportPage(ts.Getenv("SESSION"), page))
	c, err := startChromium(w.path("chromium"), 1200, 1400)
	ts.Check(err)
	shows, err := c.page("file://" + page + "#t=99:59:59")
	if err == nil {
		err = c.picture(picture)
	}
	ts.Check(errors.Join(err, c.close()))
	fmt.Fprintln(ts.Stdout(), "picture:", picture)
	var want []string
	for line := range strings.Lines(stated) {
		if !strings.HasPrefix(line, "#") && strings.TrimSpace(line) != "" {
			want = append(want, strings.TrimSuffix(line, "\n"))
		}
	}
	if got := shows.differs(end); strings.Join(got, "\n") != strings.Join(want, "\n") {
		ts.Fatalf("asciinema-player shows another screen than our emulator, or than is stated.\ndifferences:\n%s\nstated:\n%s",
			strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// exportPage exports a bundle as carol and takes the page out of it.
func (w *town) exportPage(session, to string) error {
	cmd := exec.Command(w.path(".bin", "carol", "ssh"), "bastion", "export", session)
	cmd.Stderr = os.Stderr
	bundle, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	for archive := tar.NewReader(bytes.NewReader(bundle)); ; {
		h, err := archive.Next()
		if err != nil {
			return fmt.Errorf("the bundle has no page: %w", err)
		}
		if path.Base(h.Name) == "player.html" {
			page, err := io.ReadAll(archive)
			return errors.Join(err, os.WriteFile(to, page, 0o600))
		}
	}
}

// A link into the page opens at what was shown at that moment of the
// recording, however long a pause it lies in.
func TestPageLink(t *testing.T) {
	if os.Getenv("SALLYPORT_PLAYERS") == "" {
		t.Skip("needs Chromium: make players")
	}
	dir := t.TempDir()
	f, err := os.Create(dir + "/player.html")
	if err != nil {
		t.Fatal(err)
	}
	const cast = `{"version": 2, "width": 20, "height": 4}
[0.5, "o", "one"]
[100.0, "o", "\u001b[2J\u001b[Htwo"]
[100.000001, "o", "\u001b[2J\u001b[Hthree"]
[5000.25, "o", "\u001b[2J\u001b[Hfour"]
[5000.75, "o", "\u001b[2J\u001b[Hfive"]
`
	if err := errors.Join(player.Write(f, player.Page{Title: "link", Cast: strings.NewReader(cast)}), f.Close()); err != nil {
		t.Fatal(err)
	}
	c, err := startChromium(dir+"/chromium", 800, 600)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := c.close(); err != nil {
			t.Error(err)
		}
	}()
	for _, at := range []struct{ link, shows string }{
		{"#t=0.5", "one"}, {"#t=99.9", "one"}, {"#t=1:40", "two"}, {"#t=100.000001", "three"}, {"#t=83:19", "three"},
		{"#t=1:23:20.25", "four"}, {"#t=5000.74", "four"}, {"#t=9:00:00", "five"}, {"#t=5", "one"}, {"#t=0.4", ""},
	} {
		shows, err := c.page("file://" + f.Name() + at.link)
		if err != nil {
			t.Fatal(err)
		}
		if got := shows.row(0); got != at.shows {
			t.Errorf("%s opens at %q, not at %q", at.link, got, at.shows)
		}
	}
}
