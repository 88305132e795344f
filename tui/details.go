package tui

import (
	"context"
	"fmt"
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

// loadRequest looks up why the session under the cursor was allowed.
func (b *browser) loadRequest(gen generation) tea.Cmd {
	s, ok := b.selected()
	if !ok || s.RequestID == "" || b.cfg.Requests == nil {
		return nil
	}
	return b.do(func(ctx context.Context) tea.Msg {
		r, err := b.cfg.Requests.Request(ctx, s.RequestID)
		if err != nil {
			return failed{err}
		}
		return requestLoaded{gen, r}
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
		put("cert", fmt.Sprintf("%d · %s", s.Certificate.Serial, s.Certificate.KeyID))
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
	return head + "\n" + factsView(b.look, facts(s, b.request, b.now()), cols, rows-1)
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
