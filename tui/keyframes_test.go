package tui_test

import (
	"crypto/sha256"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/recorder/screens"
)

// keyframed gives the recording in a folder a manifest, and a session.kf made
// from what would be its cast.
func keyframed(t testing.TB, folder string, cast []byte) {
	t.Helper()
	file := filepath.Join(folder, "session.cast")
	own, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	manifest := fmt.Sprintf("{\"sallyport\":\"manifest\",\"version\":1,\"files\":[{\"name\":\"session.cast\",\"bytes\":%d,\"sha256\":\"%x\"}],\n\"signature\":\"AAAA\"}\n",
		len(own), sha256.Sum256(own))
	for name, data := range map[string][]byte{"manifest.json": []byte(manifest), "session.cast": cast} {
		if err := os.WriteFile(filepath.Join(folder, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out, err := screens.Reading{Keyframes: true}.Play(t.Context(), folder, access.Session{Terminal: true})
	if err != nil || out.KeyframeFault != nil {
		t.Fatal(out, err)
	}
	if err := os.WriteFile(file, own, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(folder, "session.kf")); err != nil {
		t.Fatal(err)
	}
}

// lines is a writer whose lines are waited for.
type lines chan string

func (l lines) Write(p []byte) (int, error) {
	select {
	case l <- string(p):
	default:
	}
	return len(p), nil
}

func (l lines) waits(t *testing.T, text string) {
	t.Helper()
	late := time.NewTimer(patience)
	defer late.Stop()
	for {
		select {
		case line := <-l:
			if strings.Contains(line, text) {
				return
			}
		case <-late.C:
			t.Fatalf("nobody says %q", text)
		}
	}
}

// Seeking begins at the keyframes beside a recording. Those that show something
// else than the recording are found out, told of, and not used.
func TestStoredKeyframes(t *testing.T) {
	for _, forged := range []bool{false, true} {
		t.Run(fmt.Sprintf("forged=%v", forged), func(t *testing.T) {
			w := testWorld(t)
			c := newCast(80, 24, true)
			c.out(0, "\x1b[Htrue head\x1b[2;24r\x1b[2;1H") // which stays while the rest scrolls
			for i := range 30_000 {
				c.out(100*time.Millisecond, fmt.Sprintf("\x1b[3%dmline %06d %s\x1b[m\r\n", i%7+1, i, strings.Repeat("x", 60)))
			}
			folder := filepath.Join(w.dir, "shell")
			if err := c.save(folder); err != nil {
				t.Fatal(err)
			}
			cast, err := os.ReadFile(filepath.Join(folder, "session.cast"))
			if err != nil {
				t.Fatal(err)
			}
			if forged {
				cast = []byte(strings.ReplaceAll(string(cast), "true head", "fake head"))
			}
			keyframed(t, folder, cast)
			told := make(lines, 100)
			w.log = slog.New(slog.NewTextHandler(told, nil))
			p := replay(t, w, 1, " / 50:0")
			if forged {
				told.waits(t, "not its own")
			}
			for _, at := range []struct{ key, sees string }{{"9", "line 0269"}, {"5", "line 0149"}} {
				p.press(at.key)
				p.sees(at.sees, "true head")
				p.gone("fake")
			}
		})
	}
}
