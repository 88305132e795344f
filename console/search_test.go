package console_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/console"
)

func TestSearch(t *testing.T) {
	w := newWorld(t)
	w.found = access.Found{More: true, Waiting: 2, Unread: 1, Hits: []access.Hit{
		{Session: sealedID, Person: "alice", Target: access.Target{Login: "root", Host: "db1"}, Kind: access.KindShell, Started: now.Add(-time.Hour),
			Source: access.TextScreen, Line: access.TextLine{At: 3723500 * time.Millisecond, Text: "drop table \x1b[31m\u202eusers"}},
		{Session: sealedID, Person: "alice", Target: access.Target{Login: "root", Host: "db1"}, Kind: access.KindShell, Started: now.Add(-time.Hour),
			Source: access.TextScreen, Line: access.TextLine{At: 5 * time.Second, Text: strings.Repeat("x", 300) + "DROP TABLE"}},
	}}
	got := w.as(t, "carol", "search 'drop table' --person Alice --host db1.example.com --kind shell --since 7d --in screen")
	if got.exit != 0 || !strings.Contains(got.out, "replay "+sealedID+" --at 1h2m3s") || !strings.Contains(got.out, "DROP TABLE") || strings.ContainsAny(got.out, "\x1b\u202e") ||
		!strings.Contains(got.out, "perhaps more") || !strings.Contains(got.err, "2 ended sessions are not indexed yet") {
		t.Errorf("%+v", got)
	}
	want := access.SearchQuery{Text: "drop table", Person: "alice", Host: "db1", Kind: access.KindShell, Since: now.Add(-7 * 24 * time.Hour), Source: access.TextScreen}
	if len(w.searches) != 1 || w.searches[0] != want {
		t.Errorf("asked for %+v, want %+v", w.searches, want)
	}
	// That somebody searched is kept, and not for what.
	if len(w.events) != 1 || w.events[0].Kind != "recordings.searched" || w.events[0].Actor != "carol" || w.events[0].Detail["hits"] != "2" ||
		w.events[0].Detail["of_person"] != "alice" || w.events[0].Detail["sessions"] != sealedID {
		t.Errorf("%+v", w.events)
	}
	if event, err := json.Marshal(w.events); err != nil || strings.Contains(strings.ToLower(string(event)), "drop") {
		t.Errorf("what was looked for is in the audit event: %s, %v", event, err)
	}

	got = w.as(t, "local", `search --json --regexp dr.p`)
	var hit struct {
		SessionID string  `json:"session_id"`
		AtSeconds float64 `json:"at_seconds"`
		Line      string  `json:"line"`
		Person    string  `json:"person"`
		Host      string  `json:"host"`
	}
	first, _, _ := strings.Cut(got.out, "\n")
	must(t, json.Unmarshal([]byte(first), &hit))
	if got.exit != 0 || strings.Count(got.out, "\n") != 2 || strings.ContainsAny(got.out, "\x1b\u202e") ||
		hit.SessionID != sealedID || hit.AtSeconds != 3723.5 || hit.Line != "drop table \x1b[31m\u202eusers" || hit.Person != "alice" || hit.Host != "db1" {
		t.Errorf("%+v: %+v", hit, got)
	}
	if q := w.searches[1]; q.Regexp != "dr.p" || q.Text != "" {
		t.Errorf("%+v", q)
	}

	// ssh joins its arguments with blanks, and the quotes are gone.
	if w.as(t, "carol", "search drop --kind shell table"); w.searches[2].Text != "drop table" {
		t.Errorf("%+v", w.searches[2])
	}

	w.found = access.Found{}
	if got := w.as(t, "carol", "search nothing"); got.exit != 0 || got.out != "nothing found\n" || got.err != "" {
		t.Errorf("%+v", got)
	}
	for _, line := range []string{"search", "search --regexp '('", "search x --since yesterday", "search x --in title", "search ''"} {
		if got := w.as(t, "carol", line); got.exit != 2 {
			t.Errorf("%s: %+v", line, got)
		}
	}
}

// A copied folder is searched here, without a server.
func TestSearchOfACopy(t *testing.T) {
	w := newWorld(t)
	w.record(t, 3)
	copied := filepath.Join(t.TempDir(), "recordings")
	must(t, os.CopyFS(copied, os.DirFS(w.dir)))
	p := console.Program{Socket: func(string) (string, error) { return "", errors.New("the server was looked for") }}
	if got := program(t, p, "search", "HELLO", copied, "--json"); got.exit != 0 || strings.Count(got.out, `"line":"hello"`) != 3 {
		t.Errorf("%+v", got)
	}
	one := filepath.Join(copied, filepath.FromSlash(w.sessions[0].Recording))
	if got := program(t, p, "search", "--regexp", "^h.l+o$", one); got.exit != 0 || !strings.Contains(got.out, "hello") {
		t.Errorf("%+v", got)
	}
	if got := program(t, p, "search", "hello", copied, "--host", "web1"); got.out != "nothing found\n" {
		t.Errorf("%+v", got)
	}
	if got := program(t, p, "search", "hello", copied, "--limit", "2"); strings.Count(got.out, "hello") != 2 || !strings.Contains(got.out, "perhaps more") {
		t.Errorf("%+v", got)
	}
	must(t, os.WriteFile(filepath.Join(one, "session.cast"), []byte("{"), 0o600))
	if got := program(t, p, "search", "hello", copied, "--json"); strings.Count(got.out, "\n") != 2 || !strings.Contains(got.err, "1 sessions are not indexed") {
		t.Errorf("%+v", got)
	}
	if got := program(t, p, "search", "hello", filepath.Join(copied, "nowhere")); got.exit != 1 {
		t.Errorf("%+v", got)
	}
	if got := program(t, p, "search", "hello"); got.exit != 1 || !strings.Contains(got.err, "the server was looked for") {
		t.Errorf("%+v", got)
	}
}
