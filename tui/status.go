package tui

import (
	"slices"

	"charm.land/bubbles/v2/key"
	"charm.land/lipgloss/v2"
)

// statusLine is the last line: what just happened, or else the keys.
func (r *root) statusLine() string {
	l := r.shared.look
	switch {
	case r.status != "" && r.bad:
		return fit(l.Error.Render("✗ "+r.status), r.cols)
	case r.status != "":
		return fit(l.Notice.Render("✓ "+r.status), r.cols)
	case r.helping:
		return fit(l.Dim.Render("any key closes the help"), r.cols)
	}
	own := r.front().Keys().ShortHelp()
	if r.front().Typing() {
		return fit(r.shortHelp(own, r.cols), r.cols)
	}
	window := []key.Binding{rootKeys.Help, r.quitKey()}
	if len(r.stack) == 0 && len(r.tabs) > 1 {
		window = slices.Insert(window, 0, rootKeys.Next)
	}
	right := r.shortHelp(window, r.cols)
	return spread(r.shortHelp(own, r.cols-lipgloss.Width(right)-2), right, r.cols)
}

// shortHelp is a line of keys, of which those that do not fit are left out.
func (r *root) shortHelp(keys []key.Binding, cols int) string {
	h := r.help
	h.SetWidth(cols)
	return h.ShortHelpView(keys)
}

func (r *root) helpView(cols, rows int) string {
	l := r.shared.look
	text := r.help.FullHelpView(r.keys())
	text = l.Strong.Render("Keys") + "\n\n" + text
	if p, ok := r.front().(explained); ok {
		text += "\n\n" + p.Legend()
	}
	return block(text, cols, rows)
}

// keys are the groups of the front page's keys, and the window's own.
func (r *root) keys() [][]key.Binding {
	window := []key.Binding{rootKeys.Help, r.quitKey(), rootKeys.Interrupt}
	if len(r.stack) == 0 && len(r.tabs) > 1 {
		window = append([]key.Binding{rootKeys.Next, rootKeys.Previous}, window...)
	}
	return append(slices.Clone(r.front().Keys().FullHelp()), window)
}

// quitKey is q with what it does now.
func (r *root) quitKey() key.Binding {
	if len(r.stack) > 0 && r.shared.cfg.Only == nil {
		return rootKeys.Quit
	}
	return rootKeys.Exit
}
