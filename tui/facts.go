package tui

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"charm.land/lipgloss/v2"

	"github.com/sallyport/sallyport/access"
)

// stateOf is a session's state with its mark; the mark carries it without
// colour.
func stateOf(l *look, s access.Session) (string, lipgloss.Style) {
	switch s.State {
	case access.SessionLive:
		if s.Paused {
			return "◌ unwatched", l.Warn
		}
		return "● live", l.Good
	case access.SessionRecovered:
		return "! recovered", l.Warn
	}
	return "✓ " + string(s.State), l.Dim
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
	put("allowed", allowedBy(s))
	for _, d := range r.Decisions {
		if r.ID == s.RequestID && d.Reason != "" {
			add = append(add, wordFact(d))
		}
	}
	put("end", endOf(s))
	put("time", timesOf(s, now))
	put("bytes", movedText(s))
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

// wordFact is what somebody decided, and why.
func wordFact(d access.Decision) fact {
	text := string(d.Person)
	if d.Reason != "" {
		text += ": " + d.Reason
	}
	return fact{string(d.Verdict), access.Plain(text, 400)}
}

// movedText says how many bytes passed, which is known when all have.
func movedText(s access.Session) string {
	if s.State == access.SessionLive {
		return "counted when it ends"
	}
	return fmt.Sprintf("%s out · %s in", bytesText(s.BytesOut), bytesText(s.BytesIn))
}

// allowedBy says why a session was let in.
func allowedBy(s access.Session) string {
	switch {
	case s.RequestID == "":
		return "standing, rule " + s.Rule
	case len(s.Approvers) > 0:
		return "by " + names(s.Approvers) + ", rule " + s.Rule
	}
	return "rule " + s.Rule
}

// endOf says how it ended, and who and why where somebody ended it.
func endOf(s access.Session) string {
	end := cmp.Or(ending(s), "running")
	if s.EndDetail != "" {
		end += " · " + s.EndDetail
	}
	return end
}

// timesOf says when it began and how long it took.
func timesOf(s access.Session, now time.Time) string {
	return s.StartedAt.UTC().Format("2006-01-02 15:04:05Z") + " · " + span(age(s, now))
}

// Labels of facts that are not plain text.
const (
	unusualLabel  = "unusual"
	activityLabel = "activity"
)

func factStyle(l *look, f fact) lipgloss.Style {
	switch f.label {
	case unusualLabel:
		return l.Warn
	case activityLabel:
		return l.HeatPast
	}
	return l.Text
}

// labelCols is how wide the labels of facts are.
const labelCols = 10

// factLines are facts in a block of rows: long ones take what lines are left.
func factLines(l *look, all []fact, cols, rows int) string {
	var lines []string
	room := rows - len(all) // lines that long texts may take beyond their own
	for _, f := range all {
		of := linesOf(l, f, cols, max(min(room+1, 4), 1))
		room -= len(of) - 1
		lines = append(lines, of...)
	}
	return block(strings.Join(lines, "\n"), cols, rows)
}

// factLinesWhole are facts in as many lines as they take, about the first most
// of them: what is below the part of a long ledger is not even wrapped.
func factLinesWhole(l *look, all []fact, cols, most int) []string {
	var lines []string
	for _, f := range all {
		if len(lines) > most {
			break
		}
		lines = append(lines, linesOf(l, f, cols, 8)...)
	}
	return lines
}

// linesOf is one fact with its label, in at most so many lines.
func linesOf(l *look, f fact, cols, most int) []string {
	label := l.Label.Render(fit(f.label, labelCols))
	lines := wrap(f.text, cols-labelCols, most)
	for i, text := range lines {
		lines[i] = label + factStyle(l, f).Render(text)
		label = strings.Repeat(" ", labelCols)
	}
	return lines
}
