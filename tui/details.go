package tui

import (
	"math"
	"slices"
	"strings"
	"time"

	"charm.land/lipgloss/v2"

	"github.com/sallyport/sallyport/access"
)

// detailsView draws the dossier of the session under the cursor: beside the
// list all of it, below the list what an auditor asks first.
func (b *browser) detailsView(cols, rows int) string {
	s, ok := b.selected()
	if !ok {
		return block("", cols, rows)
	}
	d := b.dossier
	d.session = s
	if hit, ok := b.sessions.hits[s.ID]; ok {
		d.hit = &hit
	}
	title := b.look.Strong.Render(access.Plain(string(s.Person), 40)) + b.look.Dim.Render(" → ") + b.look.Strong.Render(access.Plain(s.Target.String(), 120))
	state, style := stateOf(b.look, s)
	head := spread(title, style.Render(state), cols)
	if !b.beside() {
		return head + "\n" + factLines(b.look, b.briefly(&d), cols, rows-1)
	}
	if bar := heatText(d.trail.Heat, cols); bar != "" {
		head += "\n" + b.look.HeatPast.Render(bar)
		rows--
	}
	all := facts(s, d.request, b.now())
	if d.hit != nil {
		all = slices.Insert(all, 1, hitFact(*d.hit))
	}
	all = append(all, b.verdictFact(s)...)
	room := rows - 1 - len(all) - 4 // long facts take a second line
	forwards, files := d.forwardFacts(), d.fileFacts()
	all = append(all, atMost(forwards, max(room/2, room-len(files)))...)
	all = append(all, atMost(files, max(room-min(len(forwards), room/2), 1))...)
	return head + "\n" + factLines(b.look, all, cols, rows-1)
}

// briefly is the dossier in a few lines.
func (b *browser) briefly(d *dossier) []fact {
	s := d.session
	var all []fact
	put := func(label, text string) {
		if text = access.Plain(text, 400); text != "" {
			all = append(all, fact{label, text})
		}
	}
	if d.hit != nil {
		all = append(all, hitFact(*d.hit))
	}
	put("command", s.Command)
	if d.request.ID == s.RequestID {
		put("reason", d.request.Reason)
	}
	put("allowed", allowedBy(s))
	put("time", timesOf(s, b.now())+" · "+endOf(s))
	if bar := heatText(d.trail.Heat, max(b.cols-labelCols, 1)); bar != "" {
		all = append(all, fact{activityLabel, bar})
	}
	moved := movedText(s)
	if n := len(d.files); n > 0 {
		moved += " · " + counted(n, "file entry", "file entries")
	}
	if n := len(d.trail.Forwards); n > 0 {
		moved += " · " + counted(n, "forward", "forwards")
	}
	put("bytes", moved)
	if v, ok := b.verdicts[s.ID]; ok {
		put("verified", v.Text)
	}
	put("from", s.Source)
	put("session", string(s.ID))
	return all
}

// dossierSections is all that is known, for a page of its own.
func dossierSections(s *shared, d *dossier, cols int) string {
	session := d.session
	all := facts(session, d.request, s.now())
	if d.hit != nil {
		all = slices.Insert(all, 1, hitFact(*d.hit))
	}
	lines := factLinesWhole(s.look, append(all, s.verdictFact(session)...), cols, math.MaxInt)
	section := func(title string, body []string) {
		lines = append(lines, "", s.look.Head.Render(title))
		lines = append(lines, body...)
	}
	switch {
	case d.trail.Missing != "":
		section("Activity", []string{s.look.Dim.Render(d.trail.Missing)})
	case len(d.trail.Heat) > 0:
		section("Activity", []string{s.look.HeatPast.Render(heatText(d.trail.Heat, cols)), heatScale(s.look, d.trail.Length, cols)})
	}
	if all := d.forwardFacts(); len(all) > 0 {
		section("Forwards", bare(s.look, all, cols))
	}
	if all := d.fileFacts(); len(all) > 0 {
		section("Files", bare(s.look, all, cols))
	} else if session.Kind == access.KindSFTP && s.cfg.Files != nil {
		section("Files", []string{s.look.Dim.Render("none")})
	}
	return strings.Join(lines, "\n")
}

// heatScale is the line below a heat line.
func heatScale(l *look, length time.Duration, cols int) string {
	tell := clock
	if length < 10*time.Second {
		tell = span
	}
	start, middle := tell(0), tell(length/2)
	gap := max((cols-lipgloss.Width(middle))/2-lipgloss.Width(start), 1)
	return spread(l.Faint.Render(start+strings.Repeat(" ", gap)+middle), l.Faint.Render(tell(length)), cols)
}

// bare writes facts without their labels.
func bare(l *look, all []fact, cols int) []string {
	var lines []string
	for _, f := range all {
		for i, p := range wrap(f.text, cols-2, 4) {
			if i > 0 {
				p = "  " + p
			}
			lines = append(lines, l.Text.Render(p))
		}
	}
	return lines
}
