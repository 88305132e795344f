package tui

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"

	"github.com/sallyport/sallyport/access"
)

// stateOf is a session's state with its mark; the mark carries it without
// colour.
func stateOf(l *look, s access.Session) (string, lipgloss.Style) {
	switch s.State {
	case access.SessionLive:
		return "● live", l.Good
	case access.SessionRecovered:
		return "! recovered", l.Warn
	}
	return "✓ " + string(s.State), l.Dim
}

// loadDetails looks up why the session under the cursor was allowed, and what
// it did to files.
func (b *browser) loadDetails(gen generation) tea.Cmd {
	s, ok := b.selected()
	if !ok {
		return nil
	}
	return b.do(func(ctx context.Context) tea.Msg {
		m := detailsLoaded{gen: gen}
		var err error
		if s.RequestID != "" && b.cfg.Requests != nil {
			if m.request, err = b.cfg.Requests.Request(ctx, s.RequestID); err != nil {
				return failed{err}
			}
		}
		if b.cfg.Files != nil {
			if m.files, err = b.cfg.Files(ctx, s.ID); err != nil {
				return failed{err}
			}
		}
		return m
	})
}

// fact is one line of details.
type fact struct{ label, text string }

// facts are what is known of a session and of the request behind it, in the
// order in which an auditor asks: what, why, who allowed it, how it ended.
func facts(s access.Session, r access.Request, now time.Time) []fact {
	add := make([]fact, 0, 16)
	put := func(label, text string) {
		if text = access.Plain(text, 400); text != "" {
			add = append(add, fact{label, text})
		}
	}
	put("session", string(s.ID))
	put("who", fmt.Sprintf("%s from %s", s.Person, s.Source))
	put("command", s.Command)
	if r.ID == s.RequestID && r.ID != "" {
		put("reason", r.Reason)
	}
	switch {
	case s.RequestID == "":
		put("allowed", "standing, rule "+s.Rule)
	case len(s.Approvers) > 0:
		put("allowed", "by "+names(s.Approvers)+", rule "+s.Rule)
	default:
		put("allowed", "rule "+s.Rule)
	}
	for _, d := range r.Decisions {
		if r.ID == s.RequestID && d.Reason != "" {
			put(string(d.Verdict), fmt.Sprintf("%s: %s", d.Person, d.Reason))
		}
	}
	end := ending(s)
	if end == "" {
		end = "running"
	}
	if s.EndDetail != "" {
		end += " · " + s.EndDetail
	}
	put("end", end)
	put("time", fmt.Sprintf("%s · %s", s.StartedAt.UTC().Format("2006-01-02 15:04:05Z"), span(age(s, now))))
	put("bytes", fmt.Sprintf("%s out · %s in", bytesText(s.BytesOut), bytesText(s.BytesIn)))
	put("request", string(s.RequestID))
	put("grant", string(s.GrantID))
	put("key", s.Fingerprint)
	if s.Certificate.Serial != 0 {
		put("cert", fmt.Sprintf("%d (%#x) · %s", s.Certificate.Serial, s.Certificate.Serial, s.Certificate.KeyID))
		put("signed by", s.Certificate.CAFingerprint)
		put("vault", s.Certificate.VaultRequestID)
	}
	put("file", s.Recording)
	return add
}

// detailsView draws the facts of the session under the cursor.
func (b *browser) detailsView(cols, rows int) string {
	s, ok := b.selected()
	if !ok {
		return block("", cols, rows)
	}
	title := b.look.Strong.Render(access.Plain(string(s.Person), 40)) + b.look.Dim.Render(" → ") + b.look.Strong.Render(access.Plain(s.Target.String(), 120))
	state, style := stateOf(b.look, s)
	head := spread(title, style.Render(state), cols)
	all := facts(s, b.request, b.now())
	if hit, ok := b.sessions.hits[s.ID]; ok {
		all = slices.Insert(all, 1, hitFact(hit))
	}
	if v, ok := b.verdicts[s.ID]; ok {
		all = append(all, fact{"verified", v.Text})
	}
	return head + "\n" + factsView(b.look, append(all, fileFacts(b.files, (rows-1-len(all))/2)...), cols, rows-1)
}

// fileFacts are the first entries of the ledger, as many as there is room for,
// since long facts above take several lines, and how many follow.
func fileFacts(files []access.Transfer, room int) []fact {
	all := make([]fact, 0, min(len(files), max(room, 1)))
	for i, f := range files {
		if i > 0 && i >= room-1 && i < len(files)-1 {
			return append(all, fact{"", fmt.Sprintf("… %d more", len(files)-i)})
		}
		label := ""
		if i == 0 {
			label = "files"
		}
		all = append(all, fact{label, f.String()})
	}
	return all
}

// factsView draws facts in lines, or where those are few, two side by side.
func factsView(l *look, all []fact, cols, rows int) string {
	const label = 10
	if rows < len(all) && cols >= 76 {
		half := (cols - 3) / 2
		n := min(rows, len(all))
		return beside(factLines(l, all[:n], half, rows, label), "   ", factLines(l, all[n:], cols-3-half, rows, label))
	}
	return factLines(l, all, cols, rows, label)
}

func factLines(l *look, all []fact, cols, rows, label int) string {
	var lines []string
	room := rows - len(all) // lines that long texts may take beyond their own
	for _, f := range all {
		name := l.Label.Render(fit(f.label, label))
		parts := wrap(f.text, cols-label, max(min(room+1, 4), 1))
		room -= len(parts) - 1
		for i, p := range parts {
			if i > 0 {
				name = strings.Repeat(" ", label)
			}
			lines = append(lines, name+l.Text.Render(p))
		}
	}
	return block(strings.Join(lines, "\n"), cols, rows)
}
