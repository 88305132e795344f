package tui

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/sallyport/sallyport/access"
)

// wants says who wants what.
func wants(r access.Request) string {
	switch {
	case r.BreakGlass:
		return access.Plain(fmt.Sprintf("BREAK-GLASS: %s let themselves in as %s for %s", r.Person, r.Target, span(r.For)), 150)
	case r.Extends != "":
		return access.Plain(fmt.Sprintf("%s wants %s more on %s", r.Person, span(r.For), r.Target), 150)
	}
	return access.Plain(fmt.Sprintf("%s wants %s for %s", r.Person, r.Target, span(r.For)), 150)
}

// noticeFacts are what a decision is made on, in the order of the card in
// Slack: why, what is unusual, what is to be done and where, who is asked. A
// Missing below zero says that only the request is known yet.
func noticeFacts(n access.Notice, now time.Time) []fact {
	r := n.Request
	var all []fact
	put := func(label, text string) {
		if text = access.Plain(text, 400); text != "" {
			all = append(all, fact{label, text})
		}
	}
	put("reason", cmp.Or(r.Reason, "none given"))
	var raised, other []string
	for _, risk := range n.Risks {
		if risk.Raised {
			raised = append(raised, risk.Text)
		} else {
			other = append(other, risk.Text)
		}
	}
	put(unusualLabel, strings.Join(raised, " · "))
	put("known", strings.Join(other, " · "))
	put("command", r.Command)
	put("opens", opens(r))
	put("host", hostWords(r.Target.Host, n.Host))
	put("from", r.Source)
	put("waits", waits(r, now))
	put("approved", seats(n))
	if by := r.UnconfirmedBy(); len(by) > 0 {
		put("clicked", names(by)+" in Slack; their key must follow: a confirms yours")
		put("digest", r.Digest())
	}
	if n.Missing >= 0 {
		put("asked", cmp.Or(askedPeople(n.Asked), "nobody can approve this: no eligible approver is in the access file"))
	}
	put("rule", r.Rule)
	put("request", string(r.ID))
	return all
}

// opens says what the grant would cover.
func opens(r access.Request) string {
	kinds := make([]string, len(r.Kinds))
	for i, k := range r.Kinds {
		kinds[i] = string(k)
	}
	covers := strings.Join(kinds, ", ")
	if r.Kind == "" || covers == string(r.Kind) {
		return covers
	}
	return string(r.Kind) + " now; the grant covers " + covers
}

func hostWords(name string, h access.Host) string {
	if len(h.Labels) == 0 {
		return name
	}
	return name + " · " + labels(h.Labels)
}

// waits says since when, until when, and who else is asked then.
func waits(r access.Request, now time.Time) string {
	if r.Owed() {
		return "let in " + coarse(now.Sub(r.RequestedAt)) + " ago; until it is reviewed they may not break glass again"
	}
	text := fmt.Sprintf("asked %s ago, lapses in %s, at %s UTC", coarse(now.Sub(r.RequestedAt)), coarse(r.WaitUntil.Sub(now)), r.WaitUntil.UTC().Format("15:04"))
	switch {
	case !r.EscalatedAt.IsZero():
		text += "; others were asked, too, " + coarse(now.Sub(r.EscalatedAt)) + " ago"
	case !r.EscalateAt.IsZero():
		text += "; others are asked, too, in " + coarse(r.EscalateAt.Sub(now))
	}
	return text
}

// seats says which approvals there are and how many are missing.
func seats(n access.Notice) string {
	by := n.Request.ApprovedBy()
	switch {
	case len(by) > 0 && n.Missing > 0:
		return fmt.Sprintf("by %s; %d more needed", names(by), n.Missing)
	case len(by) > 0:
		return "so far by " + names(by)
	case n.Missing > 1:
		return fmt.Sprintf("by nobody yet; %d needed", n.Missing)
	}
	return ""
}

// askedPeople names some of those who are asked.
func askedPeople(people []access.Person) string {
	const most = 8
	list := make([]access.PersonName, 0, most)
	for _, p := range people[:min(len(people), most)] {
		list = append(list, p.Name)
	}
	if n := len(people) - most; n > 0 {
		return fmt.Sprintf("%s and %d more", names(list), n)
	}
	return names(list)
}
