package screens_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/recorder/screens"
)

const s1 = time.Second

// What stood on the screen is found with its moment: whole words where the
// bytes had cursor moves between them, each line once though it was redrawn,
// and one that was typed as it was when it was complete.
func TestText(t *testing.T) {
	w := newTown(t)
	long := strings.Repeat("a long line that wraps ", 6) + "to its end"
	for name, c := range map[string]struct {
		moments []moment
		want    []string
	}{
		"plain":                  {[]moment{{s1, "one line\r\nand another\r\n", 0, 0}}, []string{"1.0 one line", "1.0 and another"}},
		"broken by cursor moves": {[]moment{{s1, "pass\x1b[10Cthere\x1b[1;5Hword \x1b[1mis\x1b[m ", 0, 0}}, []string{"1.0 password is   there"}},
		"typed": {[]moment{{s1, "$ r", 0, 0}, {s1, "m", 0, 0}, {s1, " x1y2", 0, 0}, {s1, "\r\nremoved\r\n", 0, 0}},
			[]string{"3.0 $ rm x1y2", "4.0 removed"}},
		"redrawn": {[]moment{{s1, "\x1b[Hstatus ok", 0, 0}, {s1, "\x1b[H\x1b[2Jstatus ok", 0, 0}, {s1, "\x1b[Hstatus ok", 0, 0}}, []string{"1.0 status ok"}},
		"again, later": {[]moment{{s1, "\x1b[Hstatus ok", 0, 0}, {60 * s1, "\x1b[H\x1b[2J", 0, 0}, {s1, "status ok", 0, 0}},
			[]string{"1.0 status ok", "62.0 status ok"}},
		"wrapped":         {[]moment{{s1, long + "\r\n", 0, 0}}, []string{"1.0 " + long}},
		"wrapped, typed":  {[]moment{{s1, long[:100], 0, 0}, {s1, long[100:], 0, 0}, {s1, "\r\n", 0, 0}}, []string{"2.0 " + long}},
		"scrolled away":   {[]moment{{s1, "first\r\n" + strings.Repeat("\r\n", 40), 0, 0}, {s1, "last", 0, 0}}, []string{"1.0 first", "2.0 last"}},
		"alternate":       {[]moment{{s1, "\x1b[?1049hin the editor", 0, 0}, {s1, "\x1b[?1049lback", 0, 0}}, []string{"1.0 in the editor", "2.0 back"}},
		"cleared at once": {[]moment{{s1, "secret word\x1b[2J\x1b[Hnothing", 0, 0}}, []string{"1.0 secret word", "1.0 nothing"}},
		"spinner": {[]moment{{s1, "working |", 0, 0}, {s1 / 10, "\b/", 0, 0}, {s1 / 10, "\b-", 0, 0}, {s1 / 10, "\r\x1b[Kdone", 0, 0}},
			[]string{"1.0 working |", "1.3 done"}},
		"resized":          {[]moment{{s1, "before the resize", 0, 0}, {s1, "", 40, 10}, {s1, "\r\nafter it", 0, 0}}, []string{"1.0 before the resize", "3.0 after it"}},
		"hostile":          {[]moment{{s1, "a\u202eb\u200bc\x1b]0;title\a \x1b]52;c;eHg=\a漢字", 0, 0}}, []string{"1.0 abc 漢字"}},
		"nothing to find":  {[]moment{{s1, "-----\r\n  ~\r\n|\r\n*", 0, 0}}, nil},
		"a character torn": {[]moment{{s1, "x\xe6\xbc", 0, 0}, {s1, "\xa2字", 0, 0}}, []string{"2.0 x漢字"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := w.read(t, w.record(t, w.session(), c.moments...))[access.TextScreen]
			if !reflect.DeepEqual(got, c.want) {
				t.Errorf("got\n%q\nwant\n%q", got, c.want)
			}
		})
	}
}

// Commands are known where the shell marks them, and guessed at a prompt
// elsewhere.
func TestCommands(t *testing.T) {
	w := newTown(t)
	for name, c := range map[string]struct {
		out         string
		said, guess []string
	}{
		"marked":         {"\x1b]133;A\a$ \x1b]133;B\alsx -l\r\n\x1b]133;C\atotal 0\r\n\x1b]133;D;0\a\x1b]133;A\a$ \x1b]133;B\a", []string{"lsx -l"}, nil},
		"marked with ST": {"\x1b]133;B\x1b\\id -u\r\n\x1b]133;C\x1b\\0\r\n", []string{"id -u"}, nil},
		"wrapped":        {"$ \x1b]133;B\aecho " + strings.Repeat("0123456789", 12) + "\r\n\x1b]133;C\a", []string{"echo " + strings.Repeat("0123456789", 12)}, nil},
		"edited":         {"$ \x1b]133;B\alsx\b\x1b[K -a\r\n\x1b]133;C\a", []string{"ls -a"}, nil},
		"stated":         {"$ \x1b]633;B\a\x1b]633;E;echo\\x3b a\\\\b;nonce\a\r\n\x1b]633;C\a", []string{`echo; a\b`}, nil},
		"fish":           {"> \x1b]133;C;cmdline_url=rm%20x1\a", []string{"rm x1"}, nil},
		"endless mark":   {"\x1b]133;" + strings.Repeat("x", 10000) + "\aafter\r\n", nil, nil},
		"cut mark":       {"\x1b]133;B\x18root@db1:~# uptime\r\n", nil, []string{"uptime"}},
		"debian":         {"root@db1:~# psql -c 'select 1'\r\n", nil, []string{"psql -c 'select 1'"}},
		"fedora":         {"[root@db1 ~]# dnf update\r\n", nil, []string{"dnf update"}},
		"sh":             {"sh-5.2$ cat x1\r\n", nil, []string{"cat x1"}},
		"virtual env":    {"(venv) alice@web1:/srv$ make all\r\n", nil, []string{"make all"}},
		"a comment":      {"# this is no command\r\n50 % of it\r\n", nil, nil},
		"in an editor":   {"\x1b[?1049hroot@db1:~# not typed", nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			for n, moments := range [][]moment{{{s1, c.out, 0, 0}}, bytewise(c.out)} {
				got := w.read(t, w.record(t, w.session(), moments...))
				if said := texts(got[access.TextCommand]); !reflect.DeepEqual(said, c.said) {
					t.Errorf("%d: marked %q, want %q", n, said, c.said)
				}
				if guess := texts(got[access.TextPrompt]); !reflect.DeepEqual(guess, c.guess) {
					t.Errorf("%d: guessed %q, want %q", n, guess, c.guess)
				}
			}
		})
	}
}

// bytewise is output that arrives byte by byte.
func bytewise(out string) (list []moment) {
	for i := range len(out) {
		list = append(list, moment{time.Microsecond, out[i : i+1], 0, 0})
	}
	return list
}

func texts(lines []string) (list []string) {
	for _, l := range lines {
		_, text, _ := strings.Cut(l, " ")
		list = append(list, text)
	}
	return list
}

// Sessions without a terminal: their command line, and output whose lines end
// in \n alone.
func TestTextOfExec(t *testing.T) {
	w := newTown(t)
	s := w.record(t, w.session(func(s *access.Session) { s.Kind, s.Terminal, s.Command = access.KindExec, false, "cat /etc/motd" }),
		moment{s1, "line one\nline two\n", 0, 0})
	got := w.read(t, s)
	want := map[access.TextSource][]string{access.TextExec: {"0.0 cat /etc/motd"}, access.TextScreen: {"1.0 line one", "1.0 line two"}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// However much a recording holds, segments are small, and MaxText ends it.
func TestTextIsBounded(t *testing.T) {
	w := newTown(t)
	var moments []moment
	for i := range 200 {
		var b strings.Builder
		for j := range 200 {
			fmt.Fprintf(&b, "entry %d of block %d, not like any other\r\n", j, i)
		}
		moments = append(moments, moment{s1 / 100, b.String(), 0, 0})
	}
	s := w.record(t, w.session(), moments...)
	var segments, largest, total int
	take := func(g access.TextSegment) error {
		n := 0
		for _, l := range g.Lines {
			n += len(l.Text)
		}
		segments++
		largest, total = max(largest, n), total+n
		return nil
	}
	out, err := screens.Reading{Text: take}.Play(t.Context(), w.folder(s), s)
	if err != nil || out.Cut || largest > 128<<10 || total < 1<<20 || int64(total) != out.Text {
		t.Errorf("%d segments, the largest of %d bytes, %d in all: %+v, %v", segments, largest, total, out, err)
	}
	total = 0
	out, err = screens.Reading{Text: take, MaxText: 300_000}.Play(t.Context(), w.folder(s), s)
	if err != nil || !out.Cut || total > 300_000 || total < 100_000 {
		t.Errorf("%d bytes: %+v, %v", total, out, err)
	}
	fail := errors.New("the disk is full")
	if _, err := (screens.Reading{Text: func(access.TextSegment) error { return fail }}).Play(t.Context(), w.folder(s), s); !errors.Is(err, fail) {
		t.Error(err)
	}
}
