package vt_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/sallyport/sallyport/internal/vt"
)

func TestStyles(t *testing.T) {
	for _, c := range []struct {
		sgr  string
		want vt.Style
	}{
		{"", vt.Style{}},
		{"1;31", vt.Style{Attr: vt.Bold, Fg: vt.Indexed(1)}},
		{"95;106", vt.Style{Fg: vt.Indexed(13), Bg: vt.Indexed(14)}},
		{"38;5;200;4", vt.Style{Fg: vt.Indexed(200), Underline: vt.SingleUnderline}},
		{"38:5:200;1", vt.Style{Fg: vt.Indexed(200), Attr: vt.Bold}},
		{"48;2;1;2;3;7", vt.Style{Bg: vt.RGB(1, 2, 3), Attr: vt.Reverse}},
		{"48:2:1:2:3;7", vt.Style{Bg: vt.RGB(1, 2, 3), Attr: vt.Reverse}},
		{"48:2::1:2:3;7", vt.Style{Bg: vt.RGB(1, 2, 3), Attr: vt.Reverse}},
		{"58;2;1;2;3;3", vt.Style{Attr: vt.Italic}}, // the underline's own colour must not become attributes
		{"58:5:1;3", vt.Style{Attr: vt.Italic}},
		{"4:3", vt.Style{Underline: vt.CurlyUnderline}},
		{"4:3;4:0", vt.Style{}},
		{"21", vt.Style{Underline: vt.DoubleUnderline}},
		{"53;9", vt.Style{Attr: vt.Overline | vt.Strike}},
		{"1;2;22", vt.Style{}},
		{"31;;1", vt.Style{Attr: vt.Bold}}, // an empty parameter is 0
		{"38;5;256;1", vt.Style{Attr: vt.Bold}},
	} {
		s := screenAfter(10, 1, []byte("\x1b["+c.sgr+"mx"))
		if got := s.Cell(0, 0).Style; got != c.want {
			t.Errorf("SGR %q: %+v, want %+v", c.sgr, got, c.want)
		}
	}
}

func TestColor(t *testing.T) {
	if n, ok := vt.Indexed(200).Index(); !ok || n != 200 {
		t.Error(n, ok)
	}
	if r, g, b, ok := vt.RGB(1, 2, 3).RGB(); !ok || r != 1 || g != 2 || b != 3 {
		t.Error(r, g, b, ok)
	}
	if _, _, _, ok := vt.Indexed(1).RGB(); ok || vt.Indexed(0).IsDefault() || !vt.Color(0).IsDefault() {
		t.Error("kinds of colour are mixed up")
	}
}

func TestRuns(t *testing.T) {
	s := screenAfter(12, 2, []byte("a\x1b[1m漢\x1b[mb\x1b[44m\x1b[K"))
	want := []vt.Run{
		{"a", 1, vt.Style{}},
		{"漢", 2, vt.Style{Attr: vt.Bold}},
		{"b", 1, vt.Style{}},
		{"        ", 8, vt.Style{Bg: vt.Indexed(4)}},
	}
	if got := s.Runs(0); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v", got)
	}
	if got := s.Runs(2); got != nil {
		t.Errorf("a row outside has runs: %+v", got)
	}
}

func TestTitle(t *testing.T) {
	for stream, want := range map[string]string{
		"\x1b]2;a b\a":                                 "a b",
		"\x1b]0;日本\x1b\\":                              "日本",
		"\x1b]1;icon\a":                                "",
		"\x1b]2;kept\a\x1b]2;cut\x18":                  "kept",
		"\x1b]2;a\x01\u202eb\u009b\xffc\u2028\a":       "ab\ufffdc",
		"\x1b]2;" + strings.Repeat("é", 600) + "\a":    strings.Repeat("é", 256),
		"\x1b]2;one\a\x1b[22;0t\x1b]2;two\a\x1b[23;0t": "one",
		"\x1b]52;c;aGk=\a\x1b]8;;http://x\a":           "",
	} {
		s := screenAfter(20, 2, []byte(stream))
		if s.Title() != want || s.Row(0) != "" {
			t.Errorf("%q: title %q, row %q", stream, s.Title(), s.Row(0))
		}
	}
}

func TestCursor(t *testing.T) {
	s := screenAfter(5, 2, []byte("abcde\x1b[?25l"))
	if x, y, visible := s.Cursor(); x != 4 || y != 0 || visible {
		t.Error(x, y, visible)
	}
}

// TestDeparting: with TakeDirty, it sees every line of a scrolling stream once.
func TestDeparting(t *testing.T) {
	var seen []string
	s := vt.New(20, 5)
	s.Departing = func(y int) { seen = append(seen, s.Row(y)) }
	take := func() {
		for _, y := range s.TakeDirty(nil) {
			seen = append(seen, s.Row(y))
		}
	}
	for i := range 100 {
		fmt.Fprintf(s, "line %d\r\n", i)
		if i%10 == 9 {
			take()
		}
	}
	s.Write([]byte("\x1b[2J\x1b[H"))
	for i := range 100 {
		if i >= len(seen) || seen[i] != fmt.Sprintf("line %d", i) {
			t.Fatalf("line %d missing or out of order: %q", i, seen)
		}
	}
	if len(seen) != 100 {
		t.Errorf("seen twice, or what was not written: %q", seen[100:])
	}
}

func TestDepartingWithTheScreen(t *testing.T) {
	for name, stream := range map[string]string{
		"erased":        "secret\x1b[2J",
		"line erased":   "secret\x1b[2K",
		"line deleted":  "secret\x1b[M",
		"pushed down":   "\x1b[3;1Hsecret\x1b[1;1H\x1b[L",
		"hidden by alt": "secret\x1b[?1049h",
		"left on alt":   "\x1b[?1049hsecret\x1b[?1049l",
		"reset":         "secret\x1bc",
		"aligned":       "secret\x1b#8",
	} {
		var seen []string
		s := vt.New(20, 3)
		s.Departing = func(y int) { seen = append(seen, s.Row(y)) }
		s.Write([]byte(stream))
		if len(seen) != 1 || seen[0] != "secret" {
			t.Errorf("%s: seen %q", name, seen)
		}
	}
}

func TestResize(t *testing.T) {
	for name, c := range map[string]struct {
		stream     string
		cols, rows int
		after      string
		want       string
	}{
		"wider":                      {"one\r\ntwo", 30, 4, "\x1b[1;30Hx", "one" + strings.Repeat(" ", 26) + "x|two||"},
		"narrower":                   {"a long line\r\ntwo", 6, 4, "!", "a long|two!||"},
		"narrower, through wide":     {"abc漢d", 4, 4, "", "abc|||"},
		"taller":                     {"one\r\ntwo", 20, 6, "\x1b[6;1Hx", "one|two||||x"},
		"shorter, below empty":       {"one\r\ntwo", 20, 2, "!", "one|two!"},
		"shorter, cursor at the end": {"1\r\n2\r\n3\r\n4", 20, 2, "!", "3|4!"},
		"region forgotten":           {"\x1b[2;3r1", 20, 5, "\x1b[5;1H\nx", "||||x"},
		"pending wrap, taller":       {strings.Repeat("x", 20), 20, 5, "y", strings.Repeat("x", 20) + "|y|||"},
		"pending wrap, wider":        {strings.Repeat("x", 20), 25, 4, "y", strings.Repeat("x", 20) + "y|||"},
		"pending wrap, narrower":     {strings.Repeat("x", 20), 10, 4, "y", strings.Repeat("x", 9) + "y|||"},
		"saved cursor kept inside":   {"\x1b[4;20H\x1b7\x1b[H", 5, 2, "\x1b8y", "|    y"},
		"main under alt":             {"one\r\ntwo\x1b[?1049halt", 20, 3, "\x1b[?1049l!", "one|two!|"},
		"cut to the least":           {"one", 0, -1, "", "o"},
	} {
		t.Run(name, func(t *testing.T) {
			s := screenAfter(20, 4, []byte(c.stream))
			s.Resize(c.cols, c.rows)
			s.Write([]byte(c.after))
			check(t, s)
			if got := strings.ReplaceAll(strings.TrimSuffix(s.String(), "\n"), "\n", "|"); got != c.want {
				t.Errorf("\n got  %q\n want %q", got, c.want)
			}
		})
	}
	s := vt.New(1<<30, 1<<30)
	if cols, rows := s.Size(); cols != vt.MaxCols || rows != vt.MaxRows {
		t.Errorf("size %dx%d", cols, rows)
	}
}

func TestWrapped(t *testing.T) {
	s := screenAfter(5, 3, []byte("abcdefg\r\nx"))
	if !s.Wrapped(0) || s.Wrapped(1) || s.Wrapped(-1) {
		t.Error("only the first row goes on in the next")
	}
}
