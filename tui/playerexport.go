package tui

import (
	"context"
	"strings"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"

	"github.com/sallyport/sallyport/access"
)

// An ExportFormat is a form in which a recording leaves; the names are those
// of the command.
type ExportFormat string

const (
	ExportBundle ExportFormat = "tar"
	ExportText   ExportFormat = "txt"
	ExportV3     ExportFormat = "v3"
)

// exports are those that are offered, by their keys.
var exports = []struct {
	key, about, suffix string
	format             ExportFormat
}{
	{"1", "all of it: the recording, its proof, what is known of it", ".tar", ExportBundle},
	{"2", "text: each line that stood on the screen once", ".txt", ExportText},
	{"3", "asciicast v3, for asciinema and its like", ".cast", ExportV3},
}

// ExportFile is the name that an exported session goes by.
func ExportFile(s access.Session, f ExportFormat) string {
	for _, e := range exports {
		if e.format == f {
			return string(s.ID) + e.suffix
		}
	}
	return string(s.ID)
}

// openExport offers to take the recording along.
func (p *player) openExport() tea.Cmd {
	switch {
	case p.cfg.ExportCommand == nil && p.cfg.Export == nil:
		p.found = "nothing can be exported here"
	case p.live():
		return say(failed{access.Refuse(access.ReasonNotFound, "this session still runs, its recording is not closed", "Export it when it is over")})
	default:
		p.exporting = true
	}
	return nil
}

// pressExport chooses.
func (p *player) pressExport(k tea.KeyPressMsg) tea.Cmd {
	p.exporting = false
	for _, e := range exports {
		if k.String() != e.key {
			continue
		}
		if p.cfg.Export != nil {
			p.exportAs = e.format
			p.openLine(lineFile, "write to: ", "a new file")
			p.line.setValue(ExportFile(p.session, e.format))
			return nil
		}
		command := p.cfg.ExportCommand(p.session, e.format)
		return tea.Batch(tea.SetClipboard(command), say(notice{"copied, to be typed where you sit: " + command}))
	}
	return nil
}

// export writes the recording to a file of this machine.
func (p *player) export(file string) tea.Cmd {
	session, format := p.session, p.exportAs
	p.doing = "writing…"
	return p.do(func(ctx context.Context) tea.Msg {
		if err := p.cfg.Export(ctx, session, format, file); err != nil {
			return failed{err}
		}
		return notice{"written to " + access.Plain(file, 200)}
	})
}

var exportKeys = keyList{[]key.Binding{
	binding([]string{"1"}, "1-3", "choose"), binding([]string{"esc"}, "other keys", "close"),
}, nil}

// exportBox draws the choice.
func (p *player) exportBox(below string) string {
	cols, rows := p.pane()
	width := min(cols-4, 92)
	lines := []string{p.look.Strong.Render("Take this recording along"), ""}
	for _, e := range exports {
		lines = append(lines, p.look.Key.Render(e.key)+"  "+p.look.Text.Render(e.about))
		if p.cfg.Export == nil {
			for _, part := range wrapWords(p.cfg.ExportCommand(p.session, e.format), width-9) {
				lines = append(lines, "     "+p.look.Dim.Render(part))
			}
		}
	}
	if p.cfg.Export == nil {
		lines = append(lines, "", p.look.Dim.Render("A key copies its command, to be typed where you sit."))
	}
	box := lipgloss.NewStyle().Border(lipgloss.RoundedBorder()).BorderForeground(p.look.Accent.GetForeground()).
		Padding(0, 1).Width(width).Render(strings.Join(lines, "\n"))
	return overlay(below, box, cols, rows)
}
