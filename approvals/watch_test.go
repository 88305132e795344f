package approvals_test

import (
	"context"
	"testing"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/audit"
)

// told gives what a session was told of who watches it.
func told(p *access.Pass) (list []access.Warning) {
	for {
		select {
		case w := <-p.Warnings:
			if w.Watcher != "" {
				list = append(list, w)
			}
		default:
			return list
		}
	}
}

// Who watches is in the audit chain, and the person at the terminal knows.
func TestWatch(t *testing.T) {
	w := newWorld(t)
	w.reload(w.edited("admins:", "auditors: {groups: [platform]}\nadmins:"))
	var id access.SessionID
	atTerminal := func(a *access.Application) {
		id = a.Session
		a.AskReason = func(context.Context) (string, error) { return "because", nil }
	}
	p := w.open("alice", "root@web1", access.KindShell, atTerminal).admitted()

	_, err := w.Watch(t.Context(), w.by("bob"), id, true)
	w.refusal(err, access.ReasonNotAllowed)
	if len(told(p)) != 0 || len(w.events(audit.DecisionRefused)) != 1 {
		t.Error("who may not watch: the person was told, or the chain was not")
	}
	watching, err := w.Watch(t.Context(), w.by("erin"), id, true)
	if err != nil {
		t.Fatal(err)
	}
	if got := told(p); len(got) != 1 || got[0].Watcher != "erin" || got[0].Gone {
		t.Errorf("told %+v", got)
	}
	watching.Leave()
	watching.Leave()
	if got := told(p); len(got) != 1 || got[0].Watcher != "erin" || !got[0].Gone {
		t.Errorf("told %+v", got)
	}
	for _, kind := range []audit.Kind{audit.SessionWatched, audit.SessionUnwatched} {
		if got := w.events(kind); len(got) != 1 || got[0].Actor != "erin" || got[0].Person != "alice" || got[0].Session != string(id) {
			t.Errorf("%s: %+v", kind, got)
		}
	}

	// Of a session without a terminal nobody is told: its stderr is a program's.
	quiet := w.open("alice", "root@web1", access.KindExec, func(a *access.Application) { id = a.Session }).admitted()
	if watching, err = w.Watch(t.Context(), local, id, true); err != nil {
		t.Fatal(err)
	}
	watching.Leave()
	if got := told(quiet); len(got) != 0 {
		t.Errorf("told %+v", got)
	}
	quiet.Done()
	_, err = w.Watch(t.Context(), local, id, true)
	w.refusal(err, access.ReasonNotFound)
}

// A rule may have its people watched unseen; the audit chain says so.
func TestWatchQuietly(t *testing.T) {
	w := newWorld(t)
	w.reload(w.edited("  - name: test\n", "  - name: test\n    watch: quiet\n"))
	var id access.SessionID
	p := w.open("alice", "root@web1", access.KindShell, func(a *access.Application) {
		id = a.Session
		a.AskReason = func(context.Context) (string, error) { return "because", nil }
	}).admitted()
	watching, err := w.Watch(t.Context(), local, id, true)
	if err != nil {
		t.Fatal(err)
	}
	watching.Leave()
	if got := told(p); len(got) != 0 {
		t.Errorf("told %+v", got)
	}
	if got := w.events(audit.SessionWatched); len(got) != 1 || got[0].Detail["told"] != "no" {
		t.Errorf("%+v", got)
	}
}
