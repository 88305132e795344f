package recorder_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sallyport/sallyport/recorder"
)

func writeCast(t testing.TB, lines ...string) *recorder.Reader {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.cast")
	check(t, os.WriteFile(path, []byte(strings.Join(lines, "\n")), 0o600))
	r, err := recorder.Open(path)
	check(t, err)
	t.Cleanup(func() { _ = r.Close() })
	return r
}

const plainHeader = `{"version": 2, "width": 80, "height": 24}`

// Casts of other recorders are read too, and a bad line hides no good one.
func TestReadOddCasts(t *testing.T) {
	long := strings.Repeat("0123456789", 1_000_000)
	r := writeCast(t, plainHeader,
		`[0.5, "o", "plain"]`,
		`[1,"o","no space"]`,
		`  [ 1.5 , "o" , "wide \ud83d\ude00 \u00e9 \/ \b" ]`,
		`[2e0, "o", "exponent"]`,
		`[2.5, "o", "lone \ud83d surrogate"]`,
		`not json`,
		`[3, "o"]`,
		`[3, "o", {"a": 1}]`,
		`[3, "o", "a"b"]`,
		`[3.25, "m", ""]`,
		`[4, "o", "`+long+`"]`,
		`[5, "r", "100x40"]`,
		`[6, "o", "torn`)
	var got []string
	bad := 0
	for ev, err := range r.Events() {
		var line *recorder.LineError
		if errors.As(err, &line) {
			bad++
			continue
		}
		check(t, err)
		data := ev.Data
		if len(data) > 100 {
			data = data[:10] + "…"
		}
		got = append(got, ev.At.String()+string(ev.Code)+data)
	}
	want := []string{"500msoplain", "1sono space", "1.5sowide 😀 é / \b", "2soexponent", "2.5solone \uFFFD surrogate", "3.25sm", "4so0123456789…", "5sr100x40"}
	if strings.Join(got, "|") != strings.Join(want, "|") || bad != 4 {
		t.Errorf("%q, %d bad", got, bad)
	}
	if d, err := r.Duration(); err != nil || d != 5*time.Second {
		t.Errorf("duration %v %v", d, err)
	}
}

func TestOpenRefuses(t *testing.T) {
	for _, text := range []string{"", "\n", "{}\n", `{"version": 3, "term": {}}` + "\n", "[1]\n", plainHeader} {
		path := filepath.Join(t.TempDir(), "x.cast")
		check(t, os.WriteFile(path, []byte(text), 0o600))
		if r, err := recorder.Open(path); err == nil {
			_ = r.Close()
			t.Errorf("%q was opened", text)
		}
	}
}

// Seek finds the first event at or after any time.
func TestSeek(t *testing.T) {
	now := time.Now()
	b := newBench(t, func(c *recorder.Config) { c.Now = func() time.Time { return now } })
	rec := b.start(t, true)
	var times []time.Duration
	start := now
	for i := range 2000 {
		if i%3 == 0 {
			now = now.Add(time.Duration(i) * time.Millisecond)
		}
		check(t, rec.Stdout([]byte(strings.Repeat("x", 1+i%777))))
		times = append(times, now.Sub(start).Truncate(time.Microsecond))
	}
	r, err := recorder.Open(b.folder(seal(t, rec)))
	check(t, err)
	defer r.Close()
	end, err := r.Duration()
	check(t, err)
	if end != times[len(times)-1] {
		t.Errorf("duration %v, want %v", end, times[len(times)-1])
	}
	for at := time.Duration(0); at <= end+time.Second; at += end / 97 {
		want := 0
		for want < len(times) && times[want] < at {
			want++
		}
		n := 0
		for ev, err := range r.From(at) {
			check(t, err)
			if n == 0 && ev.At != times[want] {
				t.Fatalf("seek %v: first at %v, want %v", at, ev.At, times[want])
			}
			n++
		}
		if n != len(times)-want {
			t.Fatalf("seek %v: %d events follow, want %d", at, n, len(times)-want)
		}
	}
}

// A live recording is followed from where the last reading ended.
func TestFollow(t *testing.T) {
	b := newBench(t)
	rec := b.start(t, true)
	r, err := recorder.Open(b.folder(rec.Session()))
	check(t, err)
	defer r.Close()
	var next int64
	for _, text := range []string{"one", "two", "three"} {
		check(t, rec.Stdout([]byte(text)))
		var got string
		for ev, err := range r.EventsAt(next) {
			check(t, err)
			got, next = got+ev.Data, ev.Next
		}
		if got != text {
			t.Errorf("followed %q, want %q", got, text)
		}
	}
}
