package slackbot

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/slack-go/slack"

	"github.com/sallyport/sallyport/access"
)

// The action IDs are contract; their value is the request ID.
const (
	actionApprove = "approve"
	actionDeny    = "deny"
)

// maxAsked bounds how many approvers one card calls by name.
const maxAsked = 15

// card shows a request as it stands: title, where it stands, the facts, the reason in quotes, and
// while it waits the buttons. It stays far below Slack's limits whatever the request holds.
func card(n Notice, now time.Time) []slack.Block {
	r := n.Request
	blocks := []slack.Block{
		slack.NewHeaderBlock(plain(access.Plain(r.Target.String()+" for "+string(r.Person), maxTitle))),
		slack.NewRichTextBlock("standing", standing(n, now)...),
		slack.NewRichTextBlock("facts", facts(r)...),
	}
	if !r.State.Final() {
		blocks = append(blocks, slack.NewActionBlock("decide",
			button(actionApprove, "Approve", slack.StylePrimary, r.ID),
			button(actionDeny, "Deny", slack.StyleDanger, r.ID)))
	}
	return append(blocks, slack.NewContextBlock("reference", plain(reference(r))))
}

func button(action, label string, style slack.Style, id access.RequestID) *slack.ButtonBlockElement {
	b := slack.NewButtonBlockElement(action, string(id), plain(label))
	b.Style = style
	return b
}

// reference is the ID to quote, and how those who live in a terminal decide there.
func reference(r access.Request) string {
	if r.State.Final() {
		return "Request " + string(r.ID)
	}
	return "In a terminal: ssh bastion approve " + string(r.ID)
}

func line(parts ...slack.RichTextSectionElement) slack.RichTextElement {
	return slack.NewRichTextSection(parts...)
}

// standing says where the request stands: who is asked and until when, or who decided and when, and
// what became of the grant.
func standing(n Notice, now time.Time) []slack.RichTextElement {
	r := n.Request
	var out []slack.RichTextElement
	switch r.State {
	case access.RequestPending:
		out = append(out, line(bold("⏳ Waiting for approval"), run(", until "), moment(r.WaitUntil)))
		if by := r.ApprovedBy(); len(by) > 0 {
			out = append(out, line(run(fmt.Sprintf("Approved by %s, %d more needed", names(by), n.Missing))))
		} else if n.Missing > 1 {
			out = append(out, line(run(fmt.Sprintf("%d approvals needed", n.Missing))))
		}
		return append(out, asked(n.Asked))
	case access.RequestApproved:
		out = append(out, approval(r)...)
	case access.RequestDenied:
		d, ok := denial(r)
		out = append(out, line(bold("⛔ Denied by "+access.Plain(string(d.Person), maxName)), run(", "), moment(r.DecidedAt)))
		if reason := access.Plain(d.Reason, maxReason); ok && reason != "" {
			out = append(out, quote(reason))
		}
	case access.RequestCancelled:
		out = append(out, line(bold("↩️ Cancelled"), run(", "), moment(r.DecidedAt)))
	case access.RequestLapsed:
		out = append(out, line(bold("⌛ Lapsed: nobody decided in time"), run(", "), moment(r.DecidedAt)))
	}
	if cause := access.Plain(n.Cause, maxReason); cause != "" && r.State == access.RequestCancelled {
		out = append(out, line(run(sentence(cause))))
	}
	return append(out, grant(n)...)
}

// approval says who approved; break-glass, which no rule limits, as loudly as
// there are words for it, and with its reason.
func approval(r access.Request) []slack.RichTextElement {
	if i := slices.IndexFunc(r.Decisions, brokeGlass); i >= 0 {
		d := r.Decisions[i]
		by := access.Plain(string(d.Person), maxName)
		return []slack.RichTextElement{
			line(bold("🚨 Approved by break-glass (" + by + "): " + access.Plain(d.Reason, maxReason))),
			line(run("Somebody approved this on the bastion itself, past the rule, "), moment(r.DecidedAt)),
		}
	}
	return []slack.RichTextElement{line(bold("✅ Approved by "+names(r.ApprovedBy())), run(", "), moment(r.DecidedAt))}
}

// brokeGlass reports whether a decision is an approval over the unix socket,
// where nobody is an approver.
func brokeGlass(d access.Decision) bool {
	return d.Verdict == access.VerdictApprove && d.Via == access.ViaSocket
}

func denial(r access.Request) (access.Decision, bool) {
	i := slices.IndexFunc(r.Decisions, func(d access.Decision) bool { return d.Verdict == access.VerdictDeny })
	if i < 0 {
		return access.Decision{Person: "somebody"}, false
	}
	return r.Decisions[i], true
}

func asked(people []access.Person) slack.RichTextElement {
	if len(people) == 0 {
		return line(bold("Nobody can approve this. "), run("No eligible approver is in the access file."))
	}
	parts := []slack.RichTextSectionElement{run("Asked: ")}
	for i, p := range people {
		if i == maxAsked {
			parts = append(parts, run(fmt.Sprintf(" and %d more", len(people)-i)))
			break
		}
		if i > 0 {
			parts = append(parts, run(", "))
		}
		parts = append(parts, mention(p))
	}
	return line(parts...)
}

// grant says what became of the right that the approval gave.
func grant(n Notice) []slack.RichTextElement {
	g := n.Request.Grant
	if g == nil {
		return nil
	}
	var text []slack.RichTextSectionElement
	switch g.State {
	case access.GrantReady:
		text = append(text, run("Ready to be used until "), moment(g.UseBy))
	case access.GrantActive:
		text = append(text, run("In use since "), moment(g.StartedAt), run(", until "), moment(g.NotAfter))
	default:
		text = append(text, run("Access "+string(g.State)+", "), moment(g.EndedAt))
		if why := access.Plain(n.EndedWhy, maxReason); why != "" {
			text = append(text, run(": "+why))
		}
	}
	return []slack.RichTextElement{line(text...)}
}

// facts are what an approver needs to know. Command and reason are another's words: plain runs of
// rich text, one line each, capped.
func facts(r access.Request) []slack.RichTextElement {
	out := []slack.RichTextElement{line(bold("Who  "), run(access.Plain(string(r.Person), maxName))),
		line(bold("What  "), code(access.Plain(r.Target.String(), maxTitle)), run(what(r)+" for "+length(r)))}
	if command := access.Plain(r.Command, maxCommand); command != "" {
		out = append(out, line(bold("Command  "), code(command)))
	}
	if rule := access.Plain(r.Rule, maxName); rule != "" {
		out = append(out, line(bold("Rule  "), run(rule)))
	}
	if source := access.Plain(address(r.Source), maxName); source != "" {
		out = append(out, line(bold("From  "), run(source)))
	}
	if reason := access.Plain(r.Reason, maxReason); reason != "" {
		out = append(out, line(bold("Why")), quote(reason))
	}
	return out
}

// length is for how long; of an extension, beyond what was granted.
func length(r access.Request) string {
	if r.Extends != "" {
		return span(r.For) + " more"
	}
	return span(r.For)
}

// address leaves out the port, which says nothing to a person.
func address(source string) string {
	if from, err := netip.ParseAddrPort(source); err == nil {
		return from.Addr().Unmap().String()
	}
	return source
}

func what(r access.Request) string {
	if r.Kind == "" {
		return ""
	}
	return ", " + access.Plain(string(r.Kind), maxName)
}

func quote(s string) slack.RichTextElement {
	return &slack.RichTextQuote{Type: slack.RTEQuote, Elements: []slack.RichTextSectionElement{run(s)}}
}

// fallback is what notifications and screen readers get: names and the state, no words of anybody.
func fallback(n Notice) string {
	r := n.Request
	who := access.Plain(string(r.Person), maxName)
	target := access.Plain(r.Target.String(), maxTitle)
	if r.State == access.RequestPending {
		return fmt.Sprintf("%s asks for %s for %s", who, target, length(r))
	}
	if slices.ContainsFunc(r.Decisions, brokeGlass) {
		return fmt.Sprintf("BREAK-GLASS: the request of %s for %s is %s", who, target, r.State)
	}
	return fmt.Sprintf("The request of %s for %s is %s", who, target, r.State)
}
