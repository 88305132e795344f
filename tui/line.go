package tui

import (
	"strings"
	"unicode"

	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"
)

const lineLimit = 500 // characters

// line is one line of input. It is not the one of bubbles, which on ctrl+v
// reads the clipboard of the machine it runs on: that is the bastion's here.
// A terminal's own paste arrives as a message.
type line struct {
	look        *look
	prompt      string
	placeholder string
	text        []rune
	at          int // cursor
	width       int // of text that is shown
	focused     bool
}

func newLine(l *look, prompt, placeholder string) line {
	return line{look: l, prompt: prompt, placeholder: placeholder, width: 40}
}

func (l *line) value() string { return string(l.text) }

func (l *line) setValue(s string) {
	l.text = l.text[:0]
	l.at = 0
	l.insert(s)
}

// insert puts in what can be seen; all else of a paste is dropped.
func (l *line) insert(s string) {
	for _, r := range s {
		if unicode.IsSpace(r) {
			r = ' '
		}
		if len(l.text) >= lineLimit || !unicode.IsPrint(r) {
			continue
		}
		l.text = append(l.text[:l.at], append([]rune{r}, l.text[l.at:]...)...)
		l.at++
	}
}

// edit takes a key or a paste.
func (l *line) edit(msg tea.Msg) {
	switch msg := msg.(type) {
	case tea.PasteMsg:
		l.insert(msg.Content)
	case tea.KeyPressMsg:
		l.press(msg)
	}
}

func (l *line) press(k tea.KeyPressMsg) {
	switch k.String() {
	case "left", "ctrl+b":
		l.at = max(l.at-1, 0)
	case "right", "ctrl+f":
		l.at = min(l.at+1, len(l.text))
	case "home", "ctrl+a":
		l.at = 0
	case "end", "ctrl+e":
		l.at = len(l.text)
	case "backspace", "ctrl+h":
		l.cut(l.at-1, l.at)
	case "delete", "ctrl+d":
		l.cut(l.at, l.at+1)
	case "ctrl+u":
		l.cut(0, l.at)
	case "ctrl+k":
		l.cut(l.at, len(l.text))
	case "ctrl+w", "alt+backspace":
		l.cut(l.wordStart(), l.at)
	default:
		l.insert(k.Text)
	}
}

func (l *line) wordStart() int {
	i := l.at
	for i > 0 && l.text[i-1] == ' ' {
		i--
	}
	for i > 0 && l.text[i-1] != ' ' {
		i--
	}
	return i
}

// cut takes out characters [from, to), as far as there are such.
func (l *line) cut(from, to int) {
	from, to = max(from, 0), min(to, len(l.text))
	if from >= to {
		return
	}
	l.text = append(l.text[:from], l.text[to:]...)
	l.at = from
}

// from is the first character that is shown.
func (l *line) from() (from int) {
	for lipgloss.Width(string(l.text[from:l.at])) >= l.width {
		from++
	}
	return from
}

// column is where a character is drawn, as far as it is.
func (l *line) column(i int) int {
	from := l.from()
	i = min(max(i, from), len(l.text))
	return lipgloss.Width(l.prompt) + min(lipgloss.Width(string(l.text[from:i])), l.width)
}

// view draws the prompt and the part of the text around the cursor.
func (l *line) view() string {
	prompt := l.look.Dim
	if l.focused {
		prompt = l.look.Accent
	}
	if len(l.text) == 0 {
		hint := []rune(l.placeholder + " ")
		if !l.focused {
			return prompt.Render(l.prompt) + l.look.Faint.Render(string(hint))
		}
		return prompt.Render(l.prompt) + l.look.Faint.Reverse(true).Render(string(hint[0])) + l.look.Faint.Render(string(hint[1:]))
	}
	from := l.from()
	to := l.at
	for to < len(l.text) && lipgloss.Width(string(l.text[from:to+1])) < l.width {
		to++
	}
	before, under, after := string(l.text[from:l.at]), " ", ""
	if l.at < to {
		under, after = string(l.text[l.at]), string(l.text[l.at+1:to])
	}
	if !l.focused {
		return prompt.Render(l.prompt) + l.look.Text.Render(strings.TrimRight(before+under+after, " "))
	}
	return prompt.Render(l.prompt) + l.look.Text.Render(before) + l.look.Text.Reverse(true).Render(under) + l.look.Text.Render(after)
}
