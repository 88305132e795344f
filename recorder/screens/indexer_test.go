package screens_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/recorder/screens"
)

func (w *town) indexer(every time.Duration) *screens.Indexer {
	return screens.NewIndexer(screens.Config{Index: w.Store, Folder: w.recorder.Folder, Every: every})
}

func (w *town) find(t testing.TB, q access.SearchQuery) access.Found {
	t.Helper()
	found, err := w.Search(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// A session that ended is found moments later, by the running indexer.
func TestIndexerRuns(t *testing.T) {
	w := newTown(t)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { w.indexer(10 * time.Millisecond).Run(ctx); close(done) }()
	s := w.record(t, w.session(), moment{2 * time.Second, "the needle in it\r\n", 0, 0})
	for deadline := time.Now().Add(time.Minute); ; {
		found := w.find(t, access.SearchQuery{Text: "NEEDLE"})
		if len(found.Hits) == 1 {
			if h := found.Hits[0]; h.Session != s.ID || h.Person != "alice" || h.Target != s.Target || h.Kind != access.KindShell ||
				h.Line != (access.TextLine{At: 2 * time.Second, Text: "the needle in it"}) || !h.Started.Equal(s.StartedAt) {
				t.Errorf("%+v", h)
			}
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("not found", found)
		}
	}
	stop()
	<-done
}

// What cannot be read is told apart from what can, is tried again, holds up
// nothing, and ends.
func TestIndexerPassesOverWhatIsDamaged(t *testing.T) {
	w := newTown(t)
	damaged := w.record(t, w.session(), moment{time.Second, "lost", 0, 0})
	gone := w.record(t, w.session(), moment{time.Second, "gone", 0, 0})
	good := w.record(t, w.session(), moment{time.Second, "needle", 0, 0})
	if err := os.WriteFile(filepath.Join(w.folder(damaged), "session.cast"), []byte("{not JSON\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(w.folder(gone), "session.cast")); err != nil {
		t.Fatal(err)
	}
	if found := w.find(t, access.SearchQuery{Text: "needle"}); found.Waiting != 3 || len(found.Hits) != 0 {
		t.Fatalf("before: %+v", found)
	}
	for i, want := range [][3]int{{1, 1, 1}, {1, 1, 1}, {0, 2, 1}, {0, 2, 1}} {
		if err := w.indexer(0).Drain(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		found := w.find(t, access.SearchQuery{Text: "needle"})
		if found.Waiting != want[0] || found.Unread != want[1] || len(found.Hits) != want[2] || found.Hits[0].Session != good.ID {
			t.Errorf("drain %d: %+v", i+1, found)
		}
	}
}

// An indexer that died half-way begins anew: nothing is there twice.
func TestIndexerBeginsAnew(t *testing.T) {
	w := newTown(t)
	s := w.record(t, w.session(), moment{time.Second, "needle", 0, 0})
	segment := []access.TextSegment{{Source: access.TextScreen, Lines: []access.TextLine{{At: 1, Text: "needle of before"}}}}
	if err := w.AddText(t.Context(), s.ID, segment); err != nil {
		t.Fatal(err)
	}
	if err := w.indexer(0).Drain(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if found := w.find(t, access.SearchQuery{Text: "needle"}); len(found.Hits) != 1 || found.Hits[0].Line.Text != "needle" {
		t.Errorf("%+v", found)
	}
}

// All that a session left is found: its screens, its command.
func TestSearchOfEverything(t *testing.T) {
	w := newTown(t)
	at := func(host, person string, kind access.Kind, command string) func(*access.Session) {
		return func(s *access.Session) {
			s.Target.Host, s.Person, s.Kind, s.Command, s.Terminal = host, access.PersonName(person), kind, command, kind == access.KindShell
		}
	}
	shell := w.record(t, w.session(at("db1", "alice", access.KindShell, "")), moment{time.Second, "root@db1:~# rm needle1\r\n", 0, 0})
	w.now = w.now.Add(time.Hour)
	exec := w.record(t, w.session(at("web1", "bob", access.KindExec, "cat needle2")), moment{time.Second, "of needle3\n", 0, 0})
	ids := func(q access.SearchQuery) string {
		var list []string
		for _, h := range w.find(t, q).Hits {
			name := "shell"
			if h.Session == exec.ID {
				name = "exec"
			}
			list = append(list, name+":"+string(h.Source))
		}
		return strings.Join(list, " ")
	}
	if err := w.indexer(0).Drain(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		q    access.SearchQuery
		want string
	}{
		{access.SearchQuery{Text: "needle"}, "exec:exec exec:screen shell:screen"},
		{access.SearchQuery{Regexp: `needle\d$`}, "exec:exec exec:screen shell:screen"},
		{access.SearchQuery{Regexp: `n.*\d`}, "exec:exec exec:screen shell:screen"}, // no trigrams
		{access.SearchQuery{Text: "NEEDLE", Limit: 1}, "exec:screen"},
		{access.SearchQuery{Regexp: "NEEDLE"}, ""},
		{access.SearchQuery{Text: "needle", Person: "alice"}, "shell:screen"},
		{access.SearchQuery{Text: "needle", Host: "web1", Source: access.TextExec}, "exec:exec"},
		{access.SearchQuery{Text: "needle", Kind: access.KindShell}, "shell:screen"},
		{access.SearchQuery{Text: "needle", Source: access.TextPrompt}, "shell:prompt"},
		{access.SearchQuery{Text: "needle", Since: shell.StartedAt.Add(time.Minute)}, "exec:exec exec:screen"},
		{access.SearchQuery{Text: "needle", Until: shell.StartedAt.Add(time.Minute)}, "shell:screen"},
		{access.SearchQuery{Text: "eed"}, "exec:exec exec:screen shell:screen"},
		{access.SearchQuery{Text: "ee"}, "exec:exec exec:screen shell:screen"},
		{access.SearchQuery{Text: `"' OR 1=1`}, ""},
	} {
		if got := ids(c.q); got != c.want {
			t.Errorf("%+v: %s, want %s", c.q, got, c.want)
		}
	}
	if found := w.find(t, access.SearchQuery{Text: "needle", Limit: 2}); !found.More {
		t.Error("nobody says that there is more")
	}
}
