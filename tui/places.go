package tui

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"charm.land/lipgloss/v2"

	"github.com/sallyport/sallyport/access"
)

// place is a host and the ways on to it.
type place struct {
	host string
	ways []way
}

// way is one right on a host, and what stands of it.
type way struct {
	Right
	grant   *access.Grant   // live, and good for a shell
	pending *access.Request // waits for an answer
}

// placesOf groups rights by host, in their order, and adds what stands.
func placesOf(rights []Right, items []mineItem, id *access.Identity) []place {
	var out []place
	at := map[string]int{}
	for _, r := range rights {
		i, ok := at[r.Target.Host]
		if !ok {
			i = len(out)
			at[r.Target.Host] = i
			out = append(out, place{host: r.Target.Host})
		}
		out[i].ways = append(out[i].ways, standing(r, items, id))
	}
	return out
}

// standing finds what somebody has under a right, or has asked for.
func standing(r Right, items []mineItem, id *access.Identity) way {
	w := way{Right: r}
	for _, it := range items {
		of := it.request
		if of.Target != r.Target || of.Rule != r.Rule || r.Standing {
			continue
		}
		if g := it.grant; g != nil && g.State.Live() && (id == nil || g.Covers(*id, r.Target, r.Rule, access.KindShell)) {
			w.grant = g
		}
		if of.State == access.RequestPending && of.Extends == "" {
			w.pending = &of
		}
	}
	return w
}

// shell reports whether the right is good for a shell.
func (w way) shell() bool { return slices.Contains(w.May, access.MayShell) }

// atOnce reports whether nobody has to be asked.
func (w way) atOnce() bool { return w.Standing || w.grant != nil }

// sign is how it stands in one character.
func (w way) sign() string {
	switch {
	case w.atOnce():
		return "●"
	case w.pending != nil:
		return "…"
	}
	return "○"
}

// stands is how it stands in a few words.
func (w way) stands(l *look, now time.Time) (string, lipgloss.Style) {
	switch {
	case w.Standing:
		return "standing", l.Good
	case w.grant != nil && w.grant.State == access.GrantActive:
		return span(w.grant.NotAfter.Sub(now)) + " left", l.Good
	case w.grant != nil:
		return "use in " + span(w.grant.UseBy.Sub(now)), l.Good
	case w.pending != nil:
		return "pending", l.Warn
	}
	return "must ask", l.Warn
}

// fact tells all of it.
func (w way) fact(now time.Time) fact {
	text := ""
	switch {
	case w.Standing:
		text = "● standing access, at once"
	case w.grant != nil && w.grant.State == access.GrantActive:
		text = fmt.Sprintf("● granted until %s, %s left", moment(w.grant.NotAfter, now), span(w.grant.NotAfter.Sub(now)))
	case w.grant != nil:
		text = fmt.Sprintf("● granted for %s, to be used until %s", span(w.grant.For), moment(w.grant.UseBy, now))
	case w.pending != nil:
		text = fmt.Sprintf("… asked for at %s, lapses in %s", moment(w.pending.RequestedAt, now), span(w.pending.WaitUntil.Sub(now)))
	default:
		text = "○ must be asked for"
	}
	if !w.Standing && w.Approve != "" {
		text += "; approved by " + w.Approve
	}
	may := make([]string, len(w.May))
	for i, m := range w.May {
		may[i] = string(m)
	}
	text += " · " + strings.Join(may, " ") + " · rule " + w.Rule
	if w.Watched {
		text += ", watched"
	}
	if w.Elsewhere {
		text += " · by ssh -J only"
	}
	return fact{access.Plain(w.Target.Login, 32), access.Plain(text, 400)}
}

// logins lists the logins with their signs, those of a sign together.
func (p place) logins() string {
	var out []string
	for _, w := range p.ways {
		if text := w.sign() + " " + w.Target.Login; !slices.Contains(out, text) {
			out = append(out, text)
		}
	}
	return access.Plain(strings.Join(out, "  "), 200)
}

// stands says how the ways stand, each word once, the best first.
func (p place) stands(l *look, now time.Time) (string, lipgloss.Style) {
	ways := slices.Clone(p.ways)
	slices.SortStableFunc(ways, func(a, b way) int { return strings.Index("●…○", a.sign()) - strings.Index("●…○", b.sign()) })
	var words []string
	_, style := ways[0].stands(l, now)
	for _, w := range ways {
		if word, _ := w.stands(l, now); !slices.Contains(words, word) {
			words = append(words, word)
		}
	}
	return strings.Join(words, ", "), style
}

// labels writes labels as k=v, sorted.
func labels(m map[string]string) string {
	var out []string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		out = append(out, k+"="+m[k])
	}
	return strings.Join(out, " ")
}
