package console_test

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/console"
	"github.com/sallyport/sallyport/internal/vt"
)

// film puts a cast where the recording of the sealed session is. Each event is
// "o" and its text, or "r" and a size; they are a tenth of a second apart.
func (w *world) film(t *testing.T, terminal bool, events ...[2]string) {
	t.Helper()
	for i := range w.sessions {
		if w.sessions[i].ID == sealedID {
			w.sessions[i].Terminal = terminal
		}
	}
	b := []byte(`{"version":2,"width":20,"height":5,"timestamp":1}` + "\n")
	for i, e := range events {
		text, err := json.Marshal(e[1])
		if err != nil {
			t.Fatal(err)
		}
		b = fmt.Appendf(b, "[%d.%d, %q, %s]\n", i/10, i%10, e[0], text)
	}
	w.folder(t, map[string]string{"session.cast": string(b)})
}

func (w *world) folder(t *testing.T, files map[string]string) {
	t.Helper()
	dir := filepath.Join(w.dir, "2026", "11", "22", sealedID)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTranscript(t *testing.T) {
	for name, c := range map[string]struct {
		terminal bool
		events   [][2]string
		want     string
	}{
		"a shell":          {true, [][2]string{{"o", "$ ls\r\n"}, {"o", "\x1b[31mred\x1b[0m\r\n"}, {"o", "$ exit\r\n"}}, "$ ls\nred\n$ exit\n"},
		"scrolled":         {true, [][2]string{{"o", "1\r\n2\r\n3\r\n4\r\n5\r\n6\r\n7"}}, "1\n2\n3\n4\n5\n6\n7\n"},
		"wrapped":          {true, [][2]string{{"o", "abcdefghijklmnopqrstuvwxyz\r\nend"}}, "abcdefghijklmnopqrstuvwxyz\nend\n"},
		"cleared":          {true, [][2]string{{"o", "before\r\n"}, {"o", "\x1b[2J\x1b[Hafter"}}, "before\nafter\n"},
		"full screen":      {true, [][2]string{{"o", "$ vi\r\n"}, {"o", "\x1b[?1049h\x1b[Htext~"}, {"o", "\x1b[?1049l$ "}}, "$ vi\ntext~\n$\n"},
		"overwritten":      {true, [][2]string{{"o", "passwd\r\x1b[Kgone"}}, "gone\n"},
		"resized":          {true, [][2]string{{"o", "one"}, {"r", "40x10"}, {"o", " two, on a line that is longer"}}, "one two, on a line that is longer\n"},
		"gap":              {true, [][2]string{{"o", "top\x1b[4;1Hbottom"}}, "top\n\n\nbottom\n"},
		"without terminal": {false, [][2]string{{"o", "a\nb\n"}, {"o", "c"}}, "a\nb\nc\n"},
		"bad resize":       {true, [][2]string{{"r", "9999999999x-1"}, {"r", "x"}, {"o", "here"}}, "here\n"},
		"nothing":          {true, nil, ""},
	} {
		w := newWorld(t)
		w.film(t, c.terminal, c.events...)
		got := w.as(t, "carol", "replay "+sealedID)
		if got.exit != 0 || got.out != c.want || got.err != "" {
			t.Errorf("%s: %+v; want %q", name, got, c.want)
		}
		if len(w.events) != 1 || w.events[0].Kind != "recording.viewed" || w.events[0].Session != sealedID || w.events[0].Actor != "carol" {
			t.Errorf("%s: audit events %v", name, w.events)
		}
	}
}

// hostileOutput is what a host may have sent to act on whoever replays it.
var hostileOutput = []string{
	"\x1b]0;title\a\x1b]52;c;b3duZWQ=\a", "\x1b[c\x1b[6n\x1b[>q\x1bZ\x05", "\x1bP$q\"p\x1b\\", "\x1b_G\x1b\\\x1b^x\x1b\\",
	"\u009b31m\u009d0;x\u009c", "\xff\xfe\x9b2J", "a\u202eb\u2066c\u200f", "\x1b[?1049h\x1b[?1000h\x1b[?2004h", "\x0e\x0f\a\b\v\f\x7f", "\x1b[20;20r\x1b[5i", "\U000e0041\ue000\ufeff",
	strings.Repeat("e\u0301", 5000), "\x1b[" + strings.Repeat("9", 5000) + "X", "\x1b]8;;file:///etc/passwd\alink\x1b]8;;\a",
}

// Invariant 10: a transcript holds nothing but characters that print.
func TestTranscriptIsPlain(t *testing.T) {
	for _, terminal := range []bool{true, false} {
		for _, hostile := range hostileOutput {
			w := newWorld(t)
			w.film(t, terminal, [2]string{"o", hostile}, [2]string{"o", hostile + "\r\nend"})
			got := w.as(t, "carol", "replay "+sealedID)
			if got.exit != 0 || !strings.Contains(got.out, "end") {
				t.Errorf("%.20q: %+v", hostile, got)
			}
			checkSafe(t, fmt.Sprintf("%.20q", hostile), got.out)
		}
	}
}

func onTerminal(cols, rows int) func(*console.Call) {
	return func(c *console.Call) { c.Terminal, c.Color = &console.Size{Cols: cols, Rows: rows}, true }
}

// What is drawn on a terminal is what was seen, by way of our own sequences:
// places, styles, erasing to the end of the line, and the alternate screen.
func TestReplayOnATerminal(t *testing.T) {
	w := newWorld(t)
	w.film(t, true, [2]string{"o", "$ \x1b[1;31mls\x1b[0m\r\n"}, [2]string{"o", "\x1b]0;own\a日本 file\r\n"}, [2]string{"o", "\x1b[38;2;1;2;3;48;5;17mx\x1b[m"})
	got := w.as(t, "carol", "replay "+sealedID+" --speed 1000", onTerminal(20, 5))
	if got.exit != 0 {
		t.Fatalf("%+v", got)
	}
	body, ok := strings.CutPrefix(got.out, "\x1b[?1049h")
	body, still, ok2 := strings.Cut(body, "\x1b[0m\x1b[?25h\x1b[?1049l")
	if !ok || !ok2 {
		t.Fatalf("%q", got.out)
	}
	if left := stripOurs(still); left != "$ ls\n日本 file\nx\n" {
		t.Errorf("left on the terminal: %q", left)
	}
	want, have := vt.New(20, 5), vt.New(20, 5)
	want.Write([]byte("$ \x1b[1;31mls\x1b[0m\r\n日本 file\r\n\x1b[38;2;1;2;3;48;5;17mx\x1b[m"))
	have.Write([]byte(body))
	for y := range 5 {
		for x := range 20 {
			if want.Cell(x, y) != have.Cell(x, y) {
				t.Errorf("cell %d,%d: %+v, want %+v", x, y, have.Cell(x, y), want.Cell(x, y))
			}
		}
	}
}

// Invariant 10, on a terminal: of the escape sequences only our own few come
// out, and no other control character.
func TestReplayIsDrawn(t *testing.T) {
	for _, hostile := range hostileOutput {
		w := newWorld(t)
		w.film(t, true, [2]string{"o", hostile + hostile}, [2]string{"o", "\r\nend"})
		got := w.as(t, "carol", "replay "+sealedID+" --speed 1000", onTerminal(60, 24))
		if got.exit != 0 {
			t.Errorf("%.20q: %+v", hostile, got)
		}
		if rest := stripOurs(got.out); strings.ContainsFunc(rest, func(r rune) bool {
			return r != '\n' && (unicode.IsControl(r) || r != '\u200d' && unicode.In(r, unicode.Cf, unicode.Co, unicode.Zl, unicode.Zp))
		}) {
			t.Errorf("%.20q came out: %.300q", hostile, rest)
		}
	}
}

// stripOurs removes the sequences that a replay may write.
func stripOurs(s string) string {
	for _, own := range []string{"\x1b[?1049h", "\x1b[?1049l", "\x1b[?25h", "\x1b[?25l", "\x1b[2J", "\x1b[K"} {
		s = strings.ReplaceAll(s, own, "")
	}
	var b strings.Builder
	for {
		before, after, found := strings.Cut(s, "\x1b[")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		end := strings.TrimLeft(after, "0123456789;")
		if end == "" || (end[0] != 'm' && end[0] != 'H') {
			b.WriteString("\x1b[")
			s = after
			continue
		}
		s = end[1:]
	}
}

// A recording that is larger than the terminal is cut to it, and says so.
func TestReplayOnASmallTerminal(t *testing.T) {
	w := newWorld(t)
	w.film(t, true, [2]string{"o", "0123456789abcdef\r\n2\r\n3\r\n4\r\n日本日本日本"})
	got := w.as(t, "carol", "replay "+sealedID, onTerminal(9, 2))
	small := vt.New(9, 2)
	body, rest, _ := strings.Cut(got.out, "\x1b[?25h")
	small.Write([]byte(body))
	if small.String() != "4\n日本日本…\n" || !strings.Contains(rest, "cut to your 9×2") {
		t.Errorf("%q, %q", small.String(), rest)
	}
}

// Keys end it, and so does the caller's going.
func TestReplayEnds(t *testing.T) {
	for _, key := range []string{"q", "\x03"} {
		w := newWorld(t)
		var events [][2]string
		for range 5000 {
			events = append(events, [2]string{"o", "x"})
		}
		w.film(t, true, events...)
		got := w.as(t, "carol", "replay "+sealedID, onTerminal(20, 5), func(c *console.Call) { c.Stdin = strings.NewReader("abc" + key) })
		if got.exit != 0 || !strings.Contains(got.out, "\x1b[?1049l") {
			t.Errorf("%q: exit %d, %q", key, got.exit, got.out)
		}
	}
}

// One damaged line does not hide the others.
func TestReplaySkipsDamage(t *testing.T) {
	w := newWorld(t)
	w.film(t, true)
	w.folder(t, map[string]string{"session.cast": `{"version":2,"width":20,"height":5,"timestamp":1}` + "\n" + `[0.1, "o", "one\r\n"]` + "\nrubbish\x1b[2J\n" + `[0.2, "o", "two"]` + "\n"})
	if got := w.as(t, "carol", "replay "+sealedID); got.exit != 0 || got.out != "one\ntwo\n" || !strings.Contains(got.err, "1 lines of the recording cannot be read") {
		t.Errorf("%+v", got)
	}
}

func TestReplayRefuses(t *testing.T) {
	for line, want := range map[string]string{
		"replay " + liveID:                    "sallyport: refused: this session still runs",
		"replay " + nowhereID:                 "sallyport: refused: there is no such session",
		"replay " + sealedID:                  "sallyport: failed: the recording cannot be read",
		"export " + liveID:                    "sallyport: refused: this session still runs",
		"export " + sealedID:                  "sallyport: failed: the recording cannot be read",
		"replay " + sealedID + " --speed NaN": "is not between",
		"replay " + sealedID + " --speed 0":   "is not between",
		"replay " + strings.ToLower(sealedID): "is not the ID of a session",
		"replay ../../../../etc/passwd":       "is not the ID of a session",
	} {
		w := newWorld(t)
		if got := w.as(t, "carol", line); got.exit == 0 || got.out != "" || !strings.Contains(got.err, want) {
			t.Errorf("%s: %+v; want %q", line, got, want)
		}
	}
}

func TestExport(t *testing.T) {
	w := newWorld(t)
	w.folder(t, map[string]string{"session.cast": "cast", "manifest.json": "manifest"})
	dir := filepath.Join(w.dir, "2026", "11", "22", sealedID)
	if err := os.Symlink("/etc/passwd", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	got := w.as(t, "carol", "export "+sealedID)
	files := map[string]string{}
	for r := tar.NewReader(bytes.NewReader([]byte(got.out))); ; {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		files[h.Name] = string(data)
	}
	if _, linked := files[sealedID+"/link"]; got.exit != 0 || linked || files[sealedID+"/session.cast"] != "cast" || files[sealedID+"/manifest.json"] != "manifest" {
		t.Errorf("exit %d, %s, %v", got.exit, got.err, files)
	}
	if len(w.events) != 1 || w.events[0].Kind != "recording.viewed" {
		t.Errorf("audit events %v", w.events)
	}
	if got := w.as(t, "carol", "export "+sealedID, onTerminal(80, 24)); got.exit != 2 || got.out != "" {
		t.Errorf("onto a terminal: exit %d", got.exit)
	}
	// A row that points elsewhere leads nowhere.
	for i := range w.sessions {
		w.sessions[i].Recording, w.sessions[i].State = "../../etc", access.SessionSealed
	}
	if got := w.as(t, "carol", "export "+sealedID); got.exit != 1 || got.out != "" {
		t.Errorf("out of the directory: %+v", got)
	}
}
