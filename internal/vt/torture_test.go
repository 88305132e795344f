package vt_test

import (
	"encoding/json"
	"os"
	"sort"
	"strings"
	"testing"
)

// Torture runs on a screen this small so that everything is an edge.
const tortureCols, tortureRows = 20, 6

const ruler = "\x1b[2J\x1b[1;1Hrow one\r\nrow two\r\nrow three\r\nrow four\r\nrow five\r\nrow six"

// torture are sequences on which xterm and tmux agree.
var torture = map[string]string{
	"empty":                        "",
	"pending wrap, then return":    strings.Repeat("x", 20) + "\r\nnext",
	"pending wrap, then text":      strings.Repeat("x", 20) + "y",
	"pending wrap, then erase":     strings.Repeat("x", 20) + "\x1b[Ky",
	"pending wrap, erase below":    ruler + "\x1b[2;1H" + strings.Repeat("x", 20) + "\x1b[Jy",
	"pending wrap at the bottom":   "\x1b[6;1H" + strings.Repeat("x", 20) + "y",
	"pending wrap and tab":         strings.Repeat("x", 20) + "\ty",
	"no autowrap":                  "\x1b[?7l" + strings.Repeat("x", 25) + "y\x1b[?7h",
	"no autowrap, then again":      "\x1b[?7l" + strings.Repeat("x", 25) + "\x1b[?7hyz",
	"wide at the margin":           strings.Repeat("x", 19) + "漢y",
	"wide up to the margin":        strings.Repeat("x", 18) + "漢y",
	"wide in a full line":          strings.Repeat("漢", 12),
	"wide, odd start":              "x" + strings.Repeat("漢", 12),
	"wide at the bottom right":     "\x1b[6;20H漢",
	"wide, no autowrap":            "\x1b[?7l\x1b[2;19H漢\x1b[3;20H漢",
	"wide, left half overwritten":  "漢字\x1b[1;1Hx",
	"wide over two halves":         "漢字漢\x1b[1;2H字",
	"wide inserted":                "abcdef\x1b[1;3H\x1b[4h漢\x1b[4l",
	"wide pushed over the edge":    "\x1b[1;18H漢z\x1b[1;1H\x1b[@",
	"combining":                    "e\u0301a\u0300\u0308x",
	"combining at the margin":      strings.Repeat("x", 20) + "\u0301y",
	"combining on a wide one":      "漢\u0301x",
	"combining at the left edge":   "\u0301x",
	"combining on the margin wide": strings.Repeat("x", 18) + "漢\u0301y",
	"emoji":                        "👍🚀x\u2764\ufe0fy",
	"emoji flags":                  "🇩🇪x",
	"emoji joined":                 "👩\u200d💻x",
	"emoji joined at the margin":   "\x1b[1;19H👩\u200d💻x",
	"hangul":                       "한글\u1112\u1161\u11abx",
	"halfwidth":                    "ｱｲｳﾞx",
	"format characters":            "a\u200bb\u2060c\u00add",
	"private use":                  "\ue0b0x\uf8ffy",
	"scroll region":                ruler + "\x1b[2;4r\x1b[4;1H\n\nnew",
	"scroll region, from below":    ruler + "\x1b[2;4r\x1b[6;1H\n\nnew",
	"scroll region, reverse":       ruler + "\x1b[2;4r\x1b[2;1H\x1bM\x1bMnew",
	"scroll region, from above":    ruler + "\x1b[2;4r\x1b[1;1H\x1bM\x1bMnew",
	"scroll region, too large":     ruler + "\x1b[2;99r\x1b[6;1H\nnew",
	"scroll region, backwards":     ruler + "\x1b[4;2r\x1b[6;1H\nnew",
	"scroll region of one row":     ruler + "\x1b[3;3r\x1b[3;1H\nnew",
	"scroll region and wrap":       ruler + "\x1b[2;4r\x1b[4;1H" + strings.Repeat("x", 45),
	"scroll up and down":           ruler + "\x1b[2;5r\x1b[2S\x1b[1T",
	"scroll by too much":           ruler + "\x1b[2;5r\x1b[99S",
	"scroll in colour":             ruler + "\x1b[44m\x1b[2;5r\x1b[2Sx\x1b[m",
	"insert lines":                 ruler + "\x1b[2;5r\x1b[3;1H\x1b[2Lnew",
	"delete lines":                 ruler + "\x1b[2;5r\x1b[3;1H\x1b[2Mnew",
	"delete too many lines":        ruler + "\x1b[3;1H\x1b[99Mnew",
	"insert characters":            ruler + "\x1b[3;3H\x1b[3@",
	"insert characters in colour":  ruler + "\x1b[41m\x1b[3;3H\x1b[3@z\x1b[m",
	"delete characters":            ruler + "\x1b[3;3H\x1b[3P",
	"delete characters in colour":  ruler + "\x1b[41m\x1b[3;3H\x1b[30Pz\x1b[m",
	"erase characters":             ruler + "\x1b[42m\x1b[3;3H\x1b[3X\x1b[m",
	"insert mode":                  ruler + "\x1b[3;3H\x1b[4habc\x1b[4lX",
	"erase line":                   ruler + "\x1b[2;3H\x1b[K\x1b[3;3H\x1b[1K\x1b[4;3H\x1b[2K",
	"erase display below":          ruler + "\x1b[3;3H\x1b[J",
	"erase display above":          ruler + "\x1b[3;3H\x1b[1J",
	"erase display in colour":      ruler + "\x1b[45m\x1b[2Jx",
	"erase scrollback":             ruler + "\x1b[3J",
	"origin mode":                  ruler + "\x1b[2;4r\x1b[?6h\x1b[1;1HA\x1b[9;9HB\x1b[?6lC",
	"origin mode saved":            ruler + "\x1b[2;4r\x1b[?6h\x1b7\x1b[?6l\x1b8\x1b[1;5HA",
	"tabs":                         "a\tb\tc\td\x1b[2;1H\x1b[3g\x1b[2;5H\x1bH\x1b[2;1H\tx\ty",
	"tab cleared":                  "\x1b[1;9H\x1b[g\x1b[1;1H\tx",
	"back tab":                     "\x1b[1;18H\x1b[Zx\x1b[2Zy",
	"cursor at every edge":         "\x1b[99;99HA\x1b[99AB\x1b[99DC\x1b[99BD\x1b[99CE",
	"cursor and region":            ruler + "\x1b[2;4r\x1b[3;3H\x1b[9AA\x1b[9BB\x1b[6;1H\x1b[9AC",
	"cursor next and previous":     ruler + "\x1b[3;5H\x1b[2EA\x1b[3FB\x1b[7GC\x1b[4dD",
	"missing and zero parameters":  "\x1b[;5HA\x1b[3;HB\x1b[0;0HC\x1b[HD\x1b[0CE",
	"line drawing":                 "\x1b(0lqqqk\r\nx a x\r\nmqqqj\x1b(Bq",
	"line drawing by shift":        "\x1b)0\x0elqk\x0flqk",
	"line drawing saved":           "\x1b(0\x1b7\x1b(Bq\x1b8q",
	"alternate 1049":               ruler + "\x1b[3;3H\x1b[?1049halt\x1b[?1049lX",
	"alternate 1047":               ruler + "\x1b[3;3H\x1b[?1047halt\x1b[?1047l\x1b[4;4HX",
	"alternate 1049, seen":         ruler + "\x1b[3;3H\x1b[?1049h\x1b[Halt",
	"alignment":                    "\x1b#8\x1b[3;3Hx",
	"alignment and region":         "\x1b[2;3r\x1b#8\x1b[6;1H\nx",
	"repeat":                       "ab\x1b[5bc",
	"repeat after a control":       "ab\r\nc\x1b[3b",
	"colours of 16":                "\x1b[31;42mA\x1b[91;102mB\x1b[39mC\x1b[49mD\x1b[mE",
	"colours of 256":               "\x1b[38;5;200mA\x1b[48;5;17mB\x1b[38:5:100mC\x1b[0mD",
	"true colours":                 "\x1b[38;2;1;2;3mA\x1b[48:2::4:5:6mB\x1b[48:2:7:8:9mC\x1b[mD",
	"attributes":                   "\x1b[1mA\x1b[2mB\x1b[3mC\x1b[4mD\x1b[5mE\x1b[7mF\x1b[8mG\x1b[9mH\x1b[22;23;24;25;27;28;29mJ",
	"underlines":                   "\x1b[4:1mA\x1b[4:2mB\x1b[4:3mC\x1b[4:4mD\x1b[4:5mE\x1b[4:0mF\x1b[4mG\x1b[24mH",
	"link":                         "\x1b]8;id=1;https://example.com\x1b\\link\x1b]8;;\x1b\\ text",
	"strings":                      "a\x1bPq#0;2\x1b\\b\x1b_app\x1b\\c\x1b^pm\x1b\\d\x1bXsos\x1b\\e\x1bktitle\x1b\\f",
	"string cut by CAN":            "a\x1b]2;title\x18b\x1b[3\x1ac",
	"sequence cut by ESC":          "a\x1b[3\x1b[2Cb",
	"control in a sequence":        "ab\x1b[\r2Cc",
	"unknown sequences":            "a\x1b[?2004h\x1b[>4;1m\x1b[=1u\x1b[>1u\x1b[?1$pb\x1b[1;2 qc\x1b%Gd\x1b=e\x1b>f",
	"kitty keyboard":               "abc\x1b[<u\x1b[?ud",
	"next line and index":          "ab\x1bEcd\x1bDef\x1bMgh",
	"full reset":                   ruler + "\x1b[31m\x1b[2;3r\x1b[?6h\x1bcx",
	"vertical tab and form feed":   "a\vb\fc",
	"nulls and deletes":            "a\x00b\x7fc",
}

// TestTorture compares each sequence with what tmux showed, and with tmux.
func TestTorture(t *testing.T) {
	const file = "testdata/torture.golden"
	names := make([]string, 0, len(torture))
	for name := range torture {
		names = append(names, name)
	}
	sort.Strings(names)
	kept := map[string]golden{}
	if *update {
		for _, name := range names {
			w := tmuxShows(t, tortureCols, tortureRows, []byte(torture[name]))
			kept[name] = golden{len(torture[name]), w.X, w.Y, w.Rows, torture[name]}
		}
		b, err := json.MarshalIndent(kept, "", " ")
		if err == nil {
			err = os.WriteFile(file, append(b, '\n'), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	kept = goldens[map[string]golden](t, file)
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			s := screenAfter(tortureCols, tortureRows, []byte(torture[name]))
			g, ok := kept[name]
			if !ok {
				t.Fatal("no golden: run with -update")
			}
			compare(t, g.At, s, g.seen())
			t.Run("tmux", func(t *testing.T) {
				compare(t, g.At, s, tmuxShows(t, tortureCols, tortureRows, []byte(torture[name])))
			})
		})
	}
}

// TestXterm has the cases where tmux 3.3a goes its own way, with what xterm
// and xterm.js do.
func TestXterm(t *testing.T) {
	for name, c := range map[string]struct{ stream, want string }{
		"insert line returns":            {"a\r\nbc\x1b[Lx", "a|x|bc|||"},
		"delete line returns":            {"a\r\nbc\r\nd\x1b[2;2H\x1b[Mx", "a|x||||"},
		"insert line outside the region": {"a\r\nb\x1b[3;4r\x1b[1;2H\x1b[Lx", "ax|b||||"},
		"repeat wraps":                   {"\x1b[1;19Ha\x1b[3b", "                  aa|aa||||"},
		"repeat what is wide":            {"漢\x1b[2b", "漢漢漢|||||"},
		"repeat needs a character":       {"a\r\x1b[3b", "a|||||"},
		"line feed ends a pending wrap":  {strings.Repeat("x", 20) + "\ny", strings.Repeat("x", 20) + "|                   y||||"},
		"left from a pending wrap":       {strings.Repeat("x", 20) + "\x1b[Dy", strings.Repeat("x", 18) + "yx|||||"},
		"backspace stays in its row":     {strings.Repeat("x", 21) + "\b\by", strings.Repeat("x", 20) + "|y||||"},
		"region in origin mode":          {"\x1b[?6h\x1b[3;5rx", "||x|||"},
		"restore on the main screen":     {"ab\x1b7\r\n\x1b[?1049lc", "abc|||||"},
		"tab forward":                    {"\x1b[2Ix", "                x|||||"},
		"half a wide one erased":         {"漢x\r\x1b[1K", "  x|||||"},
		"combining without autowrap":     {"\x1b[?7l\x1b[1;20He\u0301", "                   e\u0301|||||"},
		"pending wrap saved":             {strings.Repeat("x", 20) + "\x1b7\x1b[3;3H\x1b8y", strings.Repeat("x", 20) + "|y||||"},
		"soft reset":                     {"a\x1b[2;3r\x1b[4h\x1b[31m\x1b[!p\x1b[6;1H\nx", "|||||x"},
		"wide, right half overwritten":   {"漢字\x1b[1;2Hx", " x字|||||"},
		"joiner and what is no emoji":    {"क\u200dष👩\u200dx\x1b[6Gy", "क\u200dष👩\u200dxy|||||"},
	} {
		t.Run(name, func(t *testing.T) {
			s := screenAfter(tortureCols, tortureRows, []byte(c.stream))
			if got := strings.ReplaceAll(strings.TrimSuffix(s.String(), "\n"), "\n", "|"); got != c.want {
				t.Errorf("%q\n got  %q\n want %q", c.stream, got, c.want)
			}
		})
	}
}
