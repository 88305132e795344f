package tui

import (
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"
)

// mostCopied bounds what goes to a clipboard, in bytes: terminals drop more.
const mostCopied = 64 << 10

// copyScreen puts the text of the recorded screen, all of it, on the clipboard
// of whoever looks: with an OSC 52 of our own, about the text of cells as they
// are drawn, in which there is nothing that a terminal would act on.
func (p *player) copyScreen() tea.Cmd {
	if !p.ready {
		return nil
	}
	text, rows := p.frame.text(mostCopied)
	if rows == 0 {
		return say(notice{"there is nothing on the screen"})
	}
	said := fmt.Sprintf("copied %s, if your terminal takes it (OSC 52)", linesText(rows))
	if rows < len(p.frame.lines) && len(text) >= mostCopied/2 {
		said = fmt.Sprintf("copied the first %s, more is too much; if your terminal takes it (OSC 52)", linesText(rows))
	}
	return tea.Batch(tea.SetClipboard(text), say(notice{said}))
}

func linesText(n int) string {
	if n == 1 {
		return "1 line"
	}
	return fmt.Sprintf("%d lines", n)
}

// text is the frame's lines without styles and without blanks at their ends,
// whole ones up to most bytes, and how many they are. Empty lines at the end
// are left out.
func (f frame) text(most int) (text string, rows int) {
	var all strings.Builder
	for i, pieces := range f.lines {
		var line strings.Builder
		for _, p := range pieces {
			line.WriteString(p.text)
		}
		said := strings.TrimRight(line.String(), " ")
		if all.Len()+len(said)+i-rows+1 > most {
			break
		}
		if said == "" {
			continue // unless something follows
		}
		all.WriteString(strings.Repeat("\n", i-rows))
		all.WriteString(said)
		all.WriteByte('\n')
		rows = i + 1
	}
	return all.String(), rows
}
