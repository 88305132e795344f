package tui_test

import (
	"fmt"
	"testing"
)

// Each screen as it is, at the smallest usual size and at a large one, on dark
// and on light. Look at the files in testdata: they are what people see.
func TestScreens(t *testing.T) {
	screens := []struct {
		name string
		show func(p *person)
	}{
		{"sessions", func(p *person) { p.press("j"); p.sees("INC-4702") }},
		{"filtered", func(p *person) {
			p.press("/", "user:alice host:db* cause:exit")
			p.sees("/ user:alice host:db* cause:exit", "7 sessions")
			p.press("\r")
			p.sees("? help", "INC-4702")
		}},
		{"details", func(p *person) { p.press("j"); p.sees("INC-4702"); p.press("d"); p.sees("Activity", "0:36") }},
		{"sorted", func(p *person) { p.press("s"); p.sees("took ▼"); p.press("S"); p.sees("took ▲") }},
		{"filter-wrong", func(p *person) { p.press("/", "colour:red"); p.sees("colour:red", "keys: user host") }},
		{"filter-none", func(p *person) { p.press("/", "zzz", "\r"); p.sees("No session fits this filter") }},
		{"help", func(p *person) { p.press("?"); p.sees("any key closes") }},
		{"player", func(p *person) {
			p.press("j", "\r")
			p.sees("/ 0:36")
			p.press(" ", ":", "8", "\r")
			p.sees(" 0:08 /", "◆ grant")
		}},
		{"player-end", func(p *person) {
			p.press("j", "\r")
			p.sees("? help")
			p.press("G")
			p.sees("■ end", "0:36 / 0:36", "DROP TABLE")
		}},
		{"player-zoom", func(p *person) {
			p.press("j", "\r")
			p.press("G")
			p.sees("■ end", "0:36 / 0:36")
			p.press("z")
			p.sees("exit")
			p.gone("▲")
		}},
		{"player-facts", func(p *person) { p.press("j", "\r"); p.sees("/ 0:36"); p.press(" ", "f"); p.sees("INC-4702", "/ 0:36") }},
		{"player-help", func(p *person) { p.press("j", "\r"); p.sees("/ 0:36"); p.press("?"); p.sees("any key closes") }},
		{"player-text", func(p *person) {
			p.press("j", "j", "\r")
			p.sees("without a terminal")
			p.press("G")
			p.sees("Error 2", "0:09 / 0:09")
		}},
		{"player-hostile", func(p *person) {
			p.press("j", "j", "j", "\r")
			p.sees("mallory")
			p.press("G")
			p.sees("quiet", "■ end", "0:03 / 0:03")
		}},
		{"player-live", func(p *person) { p.press("\r"); p.sees("● LIVE", "checkpoint 39 complete") }},
		{"player-kill", func(p *person) {
			p.press("\r")
			p.sees("● LIVE", "checkpoint 39")
			p.press("X")
			p.sees("End dave's session")
		}},
		{"approvals", func(p *person) { p.press("\t"); p.sees("INC-4711", "asked ", "dan, bob, carol") }},
		{"approvals-deny", func(p *person) {
			p.press("\t")
			p.sees("dan, bob, carol")
			p.press("d")
			p.sees("Deny? alice wants root@db1")
		}},
		{"hosts", func(p *person) {
			p.press("\t", "\t")
			p.sees("standing", "must be asked")
			p.press("j", "j")
			p.sees("web3.example.com")
		}},
		{"hosts-login", func(p *person) {
			p.press("\t", "\t")
			p.sees("standing")
			p.press("\r", "j")
			p.sees("Which login on db1?")
		}},
		{"hosts-ask", func(p *person) { p.press("\t", "\t"); p.sees("pending"); p.press("j", "\r"); p.sees("joins it") }},
		{"mine", func(p *person) { p.press("\t", "\t", "\t"); p.sees("quarterly check") }},
		{"mine-denied", func(p *person) { p.press("\t", "\t", "\t", "j", "j"); p.sees("erin: not during the freeze") }},
		{"approvals-help", func(p *person) {
			p.press("\t")
			p.sees("dan, bob, carol")
			p.press("?")
			p.sees("any key closes")
		}},
		{"hosts-help", func(p *person) {
			p.press("\t", "\t")
			p.sees("must be asked")
			p.press("?")
			p.sees("any key closes")
		}},
		{"mine-help", func(p *person) {
			p.press("\t", "\t", "\t")
			p.sees("quarterly check")
			p.press("?")
			p.sees("any key closes")
		}},
	}
	for _, size := range [][2]int{{80, 24}, {120, 40}} {
		for _, s := range screens {
			name := fmt.Sprintf("%s-%dx%d", s.name, size[0], size[1])
			t.Run(name, func(t *testing.T) {
				p := sit(t, testWorld(t).config(), size[0], size[1])
				p.sees("postgres@db2", "Approvals 2", "Mine 2")
				s.show(p)
				p.goldens(name)
			})
		}
	}
}

// With 16 colours, and with none: the client's environment says how many.
func TestColours(t *testing.T) {
	tests := []struct {
		name string
		env  []string
	}{
		{"16", []string{"TERM=xterm"}},
		{"none", []string{"TERM=xterm-256color", "NO_COLOR=1"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := sit(t, testWorld(t).config(), 80, 24, tt.env...)
			p.background("dark")
			p.sees("postgres@db2", "Approvals 2", "Mine 2")
			p.press("j")
			p.sees("INC-4702", "activity")
			p.compare("colours-"+tt.name+".ansi", p.styled)
		})
	}
}
