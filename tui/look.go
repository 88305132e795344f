package tui

import (
	"image/color"

	"charm.land/bubbles/v2/help"
	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/colorprofile"
)

// look is the one set of styles, made for a background and a colour profile.
// With 16 colours it uses the terminal's own palette, which its owner chose to
// be readable; without colour, weight and reverse carry the meaning.
type look struct {
	dark    bool
	profile colorprofile.Profile

	Text, Dim, Faint, Strong      lipgloss.Style
	Accent, Good, Warn, Bad, Info lipgloss.Style
	Brand, Tab, TabOn, Count      lipgloss.Style
	Head, Row, Selected           lipgloss.Style
	Rule, Label, Error, Notice    lipgloss.Style
	HeatPast, HeatAhead, Lane     lipgloss.Style
	Key, KeyText                  lipgloss.Style
}

func newLook(dark bool, profile colorprofile.Profile) *look {
	// pick chooses between the terminal's own palette and ours.
	pick := func(palette string, light, dim string) color.Color {
		if profile <= colorprofile.ANSI {
			if profile < colorprofile.ANSI {
				return lipgloss.NoColor{}
			}
			return lipgloss.Color(palette)
		}
		if dark {
			return lipgloss.Color(dim)
		}
		return lipgloss.Color(light)
	}
	var (
		text   = lipgloss.NewStyle()
		accent = pick("6", "#0B6E8A", "#5FC9E2")
		good   = pick("2", "#23773A", "#7BD88F")
		warn   = pick("3", "#96610A", "#F2C14E")
		bad    = pick("1", "#B3261E", "#FF7A75")
		info   = pick("4", "#3A55B4", "#8FA8FF")
		dim    = pick("8", "#5F6570", "#8B93A1")
		faint  = pick("8", "#A3A8B0", "#545B68")
		line   = pick("8", "#C9CDD3", "#3A404B")
		onBar  = pick("15", "#FFFFFF", "#0E1116")
		chosen = pick("", "#DCEBF0", "#22313A")
	)
	l := &look{dark: dark, profile: profile}
	l.Text = text
	l.Strong = text.Bold(true)
	l.Dim = text.Foreground(dim)
	l.Faint = text.Foreground(faint)
	l.Accent = text.Foreground(accent)
	l.Good = text.Foreground(good)
	l.Warn = text.Foreground(warn)
	l.Bad = text.Foreground(bad)
	l.Info = text.Foreground(info)
	l.Brand = text.Bold(true).Foreground(onBar).Background(accent)
	l.Tab = text.Foreground(dim)
	l.TabOn = text.Bold(true).Foreground(accent).Underline(true)
	l.Count = text.Bold(true).Foreground(warn)
	l.Head = text.Foreground(dim)
	l.Row = text
	l.Selected = text.Background(chosen).Bold(true)
	l.Rule = text.Foreground(line)
	l.Label = text.Foreground(dim)
	l.Error = text.Bold(true).Foreground(bad)
	l.Notice = text.Foreground(good)
	l.HeatPast = text.Foreground(accent)
	l.HeatAhead = text.Foreground(faint)
	l.Lane = text.Foreground(warn)
	l.Key = text.Foreground(accent)
	l.KeyText = text.Foreground(dim)
	if profile <= colorprofile.ANSI {
		// No shade of a 16-colour palette is sure to differ from the text.
		l.Selected = text.Reverse(true)
	}
	if profile < colorprofile.ANSI {
		l.Brand = text.Bold(true).Reverse(true)
	}
	return l
}

// helpStyles are the styles of the help bubble.
func (l *look) helpStyles() help.Styles {
	return help.Styles{
		Ellipsis: l.Faint, ShortKey: l.Key, ShortDesc: l.KeyText, ShortSeparator: l.Faint,
		FullKey: l.Key, FullDesc: l.KeyText, FullSeparator: l.Faint,
	}
}
