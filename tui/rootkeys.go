package tui

import (
	tea "charm.land/bubbletea/v2"
)

func (r *root) press(k tea.KeyPressMsg) tea.Cmd {
	r.status, r.bad = "", false
	switch {
	case pressed(k, rootKeys.Interrupt):
		return tea.Quit
	case r.front().Typing():
		return r.front().Update(k)
	case r.helping:
		r.helping = false
		return nil
	case pressed(k, rootKeys.Help):
		r.helping = true
		return nil
	case pressed(k, rootKeys.Quit):
		return r.pop()
	case len(r.stack) > 0:
		return r.front().Update(k)
	case pressed(k, rootKeys.Next):
		r.show((r.at + 1) % len(r.tabs))
		return nil
	case pressed(k, rootKeys.Previous):
		r.show((r.at + len(r.tabs) - 1) % len(r.tabs))
		return nil
	}
	if n := int(k.Code - '1'); k.Mod == 0 && n >= 0 && n < len(r.tabs) && len(r.tabs) > 1 {
		r.show(n)
		return nil
	}
	return r.front().Update(k)
}
