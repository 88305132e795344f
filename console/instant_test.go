package console_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A replay begins and ends where it is told to, with what stood on the screen.
func TestReplayPart(t *testing.T) {
	w := newWorld(t)
	folder := filepath.Join(w.dir, "2026", "11", "22", sealedID)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	cast := `{"version":2,"width":20,"height":3}
[0.0, "o", "zero\r\n"]
[10.0, "o", "ten\r\n"]
[60.0, "o", "sixty\r\n"]
[90.5, "o", "ninety\r\n"]
[200.0, "o", "end\r\n"]
`
	if err := os.WriteFile(filepath.Join(folder, "session.cast"), []byte(cast), 0o600); err != nil {
		t.Fatal(err)
	}
	w.sessions[0].Terminal = true
	for options, want := range map[string]string{
		"":                         "zero ten sixty ninety end",
		"--at 1m":                  "zero ten sixty ninety end", // the screen has three rows, the last one empty
		"--at 1:30":                "ten sixty ninety end",
		"--at 90.5":                "ten sixty ninety end",
		"--at 100":                 "sixty ninety end",
		"--at 100%":                "sixty ninety end",
		"--at 0:00:10 --until 60s": "zero ten sixty",
		"--until 20%":              "zero ten",
		"--at 100 --until 100":     "sixty ninety",
	} {
		got := w.as(t, "carol", "replay "+sealedID+" "+options)
		words := strings.Join(strings.Fields(got.out), " ")
		if got.exit != 0 || words != want {
			t.Errorf("%s: %q, want %q (%+v)", options, words, want, got)
		}
	}
	for options, want := range map[string]string{
		"--at 4m":             "the recording ends at 3:20",
		"--at 2m --until 1m":  "--until is before --at",
		"--at never":          "it is no moment",
		"--at 101%":           "it is no moment",
		"--at -5s":            "it is no moment",
		"--at 1:99":           "it is no moment",
		"--at 1:1:1:1":        "it is no moment",
		"--at NaN":            "it is no moment",
		"--at Inf":            "it is no moment",
		"--until 1e300":       "it is no moment",
		"--input":             "nothing of what went in was kept",
		"--input --at xxx -v": "it is no moment",
	} {
		if got := w.as(t, "carol", "replay "+sealedID+" "+options); got.exit == 0 || !strings.Contains(got.err, want) {
			t.Errorf("%s: %+v, want %q", options, got, want)
		}
	}
}

// What was typed is printed with its moments, and nothing of it raw; that
// somebody looked is kept.
func TestReplayInput(t *testing.T) {
	w := newWorld(t)
	folder := filepath.Join(w.dir, "2026", "11", "22", sealedID)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	input := `[1.0, "i", "l"]
[1.2, "i", "s"]
[1.4, "i", "x"]
[1.5, "i", "\u007f"]
[2.0, "i", "\r"]
[75.0, "i", "\u001b[A\u0003\u202e\u009b31mä\t"]
this is no event
[80.0, "b", "/8M="]
[81.0, "b", "qQ=="]
[90.0, "i", "\r\n****\n"]
[3700.0, "i", "exit"]
`
	if err := os.WriteFile(filepath.Join(folder, "stdin.ndjson"), []byte(input), 0o600); err != nil {
		t.Fatal(err)
	}
	got := w.as(t, "carol", "replay --input "+sealedID)
	if want := "0:01  lsx<Backspace>\n1:15  <Up><Ctrl-C><U+202E><U+009B>31mä<Tab><ff>é\n1:30  ****\n1:01:40  exit\n"; got.exit != 0 || got.out != want {
		t.Errorf("%q, want %q", got.out, want)
	}
	if !strings.Contains(got.err, "1 lines of the input cannot be read") {
		t.Errorf("%q", got.err)
	}
	if e := w.events[len(w.events)-1]; e.Session != sealedID || e.Detail["input"] != "true" || e.Detail["command"] != "replay" {
		t.Errorf("%+v", e)
	}
	if got := w.as(t, "carol", "replay --input --at 1:20 --until 2:00 "+sealedID); got.out != "1:20  <ff>é\n1:30  ****\n" {
		t.Errorf("%q", got.out)
	}
	if got := w.as(t, "alice", "replay --input "+sealedID); got.exit == 0 || got.out != "" {
		t.Errorf("%+v", got)
	}
}
