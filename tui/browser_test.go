package tui_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/tui"
)

// From a text to the frame that shows it: the filter finds the session, Enter
// opens it at the moment, n goes on to the next.
func TestFindByText(t *testing.T) {
	w := testWorld(t)
	cfg := w.config()
	var asked []access.SearchQuery // in one command at a time
	cfg.Search = func(_ context.Context, q access.SearchQuery) (access.Found, error) {
		asked = append(asked, q)
		hit := access.Hit{Session: access.SessionID(id(40)), Line: access.TextLine{At: 34200 * time.Millisecond, Text: "root@db1:~# DROP TABLE scratch;\x1b[6n"}}
		early := hit
		early.Line.At = 33 * time.Second
		return access.Found{Hits: []access.Hit{hit, early}}, nil
	}
	p := sit(t, cfg, 120, 40)
	p.sees("postgres@db2")
	p.press("/", `user:alice text:"DROP TABLE"`)
	p.sees("20 sessions") // typing alone searches nothing
	p.press("\r")
	p.sees("1 session\n", "found", "0:33 root@db1:~# DROP TABLE scratch;")
	if len(asked) != 1 || asked[0].Text != "DROP TABLE" || asked[0].Person != "alice" {
		t.Errorf("searched for %+v", asked)
	}
	p.press("\r")
	p.sees("⏸ paused  0:33 / 0:36")
	p.press("n")
	p.sees("found “drop table”", "root@db1:~# DROP TABLE")
}

func TestFlags(t *testing.T) {
	w := testWorld(t)
	w.sessions[2].Approvers = []access.PersonName{"break-glass:alice"}
	p := sit(t, w.config(), 80, 24)
	p.sees("postgres@db2")
	p.press("/", "flag:break-glass", "\r")
	p.sees("1 session\n")
	p.press("/", "x")
	p.sees("one of break-glass or auto")
}

// The details tell what a session did to files and what verifying it came to.
func TestDetails(t *testing.T) {
	cfg := testWorld(t).config()
	cfg.Files = func(_ context.Context, s access.SessionID) (list []access.Transfer, _ error) {
		for i := range 30 {
			list = append(list, access.Transfer{Session: s, Action: access.FilePut, Path: fmt.Sprintf("/srv/app\u202e-%d.tar", i), Bytes: 3 << 20, Result: access.FileOK})
		}
		return list, nil
	}
	cfg.Verify = func(_ context.Context, s access.Session) (tui.Verdict, error) {
		return tui.Verdict{Intact: s.ID == access.SessionID(id(40)), Text: "said of " + string(s.ID)}, nil
	}
	p := sit(t, cfg, 120, 40)
	p.sees("postgres@db2")
	p.press("v")
	p.sees("✗ refused: this session still runs")
	p.press("j")
	p.sees("INC-4702", "8123471203 (0x1e4325563)", `put "/srv/app\u202e-0.tar" 3.0 MiB`, "more")
	p.press("v")
	p.sees("✓ said of "+id(40), "verified  said of "+id(40))
	p.press("j", "v")
	p.sees("✗ said of " + id(30))
}
