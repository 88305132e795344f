package tui

import (
	"strings"

	tea "charm.land/bubbletea/v2"
)

// pane is the size of what the screen is drawn in.
func (p *player) pane() (cols, rows int) {
	rows = p.rows - 4
	if p.zoom {
		rows = p.rows - 1
	}
	if p.typedOn {
		rows--
	}
	return p.cols, max(rows, 1)
}

// corner is the recorded cell that stands in the pane's top left corner: it
// follows the recorded cursor until the person pans.
func (p *player) corner() (x, y int) {
	cols, rows := p.pane()
	x, y = p.panX, p.panY
	if !p.panned {
		if p.frame.x < x || p.frame.x >= x+cols {
			x = p.frame.x - cols/2
		}
		if p.frame.y < y || p.frame.y >= y+rows {
			y = p.frame.y - rows + 1
		}
		if p.frame.x < cols {
			x = 0
		}
		if p.frame.y < rows {
			y = 0
		}
	}
	return min(max(x, 0), max(p.frame.cols-cols, 0)), min(max(y, 0), max(p.frame.rows-rows, 0))
}

// screenView draws the recorded cells, in a frame if there is room for one.
func (p *player) screenView(cols, rows int) string {
	f := p.frame
	left, top := p.corner()
	w, h := min(f.cols, cols), min(f.rows, rows)
	lines := make([]string, 0, h+2)
	framed := p.deck.head.Terminal && f.cols+2 <= cols && f.rows+2 <= rows
	rule := p.look.Rule.Render
	for y := top; y < top+h; y++ {
		cursor := -1
		if f.visible && y == f.y {
			cursor = f.x
		}
		line := ""
		if y < len(f.lines) {
			line = cut(f.lines[y], left, left+w, cursor)
		}
		line = fit(line, w)
		if framed {
			line = rule("│") + line + rule("│")
		}
		lines = append(lines, line)
	}
	if framed {
		bar := strings.Repeat("─", w)
		lines = append([]string{rule("╭" + bar + "╮")}, append(lines, rule("╰"+bar+"╯"))...)
		w += 2
	}
	margin := 0
	if p.deck.head.Terminal {
		margin = (cols - w) / 2
		above := make([]string, max((rows-len(lines))/2, 0))
		lines = append(above, lines...)
	}
	for i, line := range lines {
		lines[i] = strings.Repeat(" ", margin) + line
	}
	return block(strings.Join(lines, "\n"), cols, rows)
}

// pressPan is the keys that move the view over a recording that is larger.
func (p *player) pressPan(k tea.KeyPressMsg) bool {
	by := 1
	if k.Mod.Contains(tea.ModShift) {
		by = 10
	}
	switch {
	case pressed(k, playerKeys.PanUp):
		p.pan(0, -by)
	case pressed(k, playerKeys.PanDown):
		p.pan(0, by)
	case pressed(k, playerKeys.PanLeft):
		p.pan(-4*by, 0)
	case pressed(k, playerKeys.PanRight):
		p.pan(4*by, 0)
	case pressed(k, playerKeys.PanFree):
		p.panned = false
	default:
		return false
	}
	return true
}

// wheel moves the facts, or the view.
func (p *player) wheel(by int) {
	if !p.facts {
		p.pan(0, by)
		return
	}
	_, top, _ := p.factsPart()
	p.factsTop = max(top+by, 0)
}

func (p *player) pan(x, y int) {
	p.panX, p.panY = p.corner()
	p.panX, p.panY = p.panX+x, p.panY+y
	p.panned = true
	p.panX, p.panY = p.corner()
}
