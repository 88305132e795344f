package tui

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
)

// The strip below the screen shows what was typed, where a rule had that kept.
// The bastion guesses what of it is no secret and which key is which, and the
// strip says so.

const typedLabel = " typed, as far as can be told: "

// toggleTyped shows or hides the strip.
func (p *player) toggleTyped() tea.Cmd {
	if !p.ready || !p.deck.head.Typed {
		p.found = "what was typed was not kept"
		return nil
	}
	p.typedOn = !p.typedOn
	at := p.frame.at
	if p.ended {
		at = forever
	}
	// The frame that is shown knows nothing of it yet.
	return p.give(&order{what: seek, to: at, quiet: true})
}

// typedView is the strip: the end of what was typed up to the moment shown.
func (p *player) typedView() string {
	label := p.look.Dim.Render(ansi.Truncate(typedLabel, p.cols, ""))
	room := max(p.cols-ansi.StringWidth(typedLabel)-1, 0)
	return fit(label+p.look.Text.Render(lastColumns(keysText(p.frame.typed), room)), p.cols)
}

// lastColumns is the end of s, of at most so many columns.
func lastColumns(s string, cols int) string {
	over := ansi.StringWidth(s) - cols
	if over <= 0 {
		return s
	}
	return ansi.TruncateLeft(s, over+1, "…")
}

// namedKeys are keys that are no text.
var namedKeys = strings.NewReplacer(
	"\x1b[200~", "", "\x1b[201~", "", // around what was pasted
	"\x1b[A", "↑", "\x1b[B", "↓", "\x1b[C", "→", "\x1b[D", "←", "\x1bOA", "↑", "\x1bOB", "↓", "\x1bOC", "→", "\x1bOD", "←",
	"\r", "⏎", "\n", "⏎", "\t", "⇥", "\x7f", "⌫", "\b", "⌫",
)

// keysText makes keys readable, in characters of a width that no terminal
// doubts.
func keysText(keys string) string {
	const most = 2000 // bytes, far more than a line shows
	if len(keys) > most {
		keys = keys[len(keys)-most:]
		for len(keys) > 0 && !utf8.RuneStart(keys[0]) {
			keys = keys[1:]
		}
	}
	var b strings.Builder
	for _, r := range namedKeys.Replace(keys) {
		switch width := ansi.StringWidth(string(r)); {
		case r == 0x1b:
			b.WriteString("⎋")
		case r < ' ':
			fmt.Fprintf(&b, "^%c", r+'@')
		case !unicode.IsPrint(r) || width == 0:
			// combining marks, format characters
		case agreed(string(r), width):
			b.WriteRune(r)
		default:
			b.WriteByte('?')
		}
	}
	return b.String()
}
