package slackbot

import (
	"fmt"
	"slices"
	"strings"

	"github.com/slack-go/slack"

	"github.com/sallyport/sallyport/access"
)

// What a card is for, and so its order: an approver with a phone in hand decides from the first
// screen. So the title says who wants what, then comes why, then what is unusual, then the rest.
// Once decided, how it stands comes first and what helped to decide goes.

// maxAsked bounds how many people one card calls by name; maxLabels how much of a host it tells;
// maxRisks how many signals.
const (
	maxAsked  = 15
	maxLabels = 6
	maxRisks  = 8
)

// card shows a request as it stands. It stays far below Slack's limits whatever the request holds.
func card(n Notice) []slack.Block {
	r := n.Request
	blocks := []slack.Block{slack.NewHeaderBlock(plain(access.Plain(title(n), maxTitle)))}
	if r.State.Final() {
		blocks = append(blocks, slack.NewRichTextBlock("standing", append(outcome(n), why(r)...)...))
	} else {
		blocks = append(blocks, slack.NewRichTextBlock("why", append(why(r), risks(n.Risks)...)...))
	}
	if list := facts(n); len(list) > 0 {
		blocks = append(blocks, slack.NewRichTextBlock("facts", list...))
	}
	if !r.State.Final() {
		blocks = append(blocks, slack.NewRichTextBlock("waiting", waiting(n)...))
	}
	if r.Extends == "" && len(n.Usage.Last) > 0 {
		blocks = append(blocks, slack.NewRichTextBlock("recording", recording(n.Usage.Last[0])...))
	}
	if buttons := actions(r); buttons != nil {
		blocks = append(blocks, buttons)
	}
	return append(blocks, slack.NewContextBlock("reference", plain(reference(r))))
}

// title says who wants, or has, what; its sign how it stands, for who skims the channel.
func title(n Notice) string {
	r := n.Request
	switch {
	case r.State != access.RequestPending:
		return sign(r) + " " + r.Target.String() + " for " + string(r.Person)
	case r.Extends != "":
		return fmt.Sprintf("%s wants %s more on %s", r.Person, span(r.For), r.Target)
	}
	return fmt.Sprintf("%s wants %s for %s", r.Person, r.Target, span(r.For))
}

func sign(r access.Request) string {
	switch {
	case loud(r):
		return "🚨"
	case r.State == access.RequestApproved && (r.Grant == nil || r.Extends != "" || r.Grant.State == access.GrantReady):
		return "✅"
	case r.State == access.RequestApproved && r.Grant.State == access.GrantActive:
		return "🟢"
	case r.State == access.RequestApproved:
		return "🏁"
	case r.State == access.RequestDenied:
		return "⛔"
	case r.State == access.RequestLapsed:
		return "⌛"
	}
	return "↩️"
}

// loud reports whether somebody went past the rule.
func loud(r access.Request) bool {
	return r.State == access.RequestApproved && (r.BreakGlass || slices.ContainsFunc(r.Decisions, brokeGlass))
}

// reference is the rule, the ID to quote, and how those who live in a terminal decide there.
func reference(r access.Request) string {
	rule := ""
	if name := access.Plain(r.Rule, maxName); name != "" {
		rule = "Rule " + name + " · "
	}
	if r.State.Final() {
		return rule + "Request " + string(r.ID)
	}
	return rule + "In a terminal: ssh bastion approve " + string(r.ID)
}

func line(parts ...slack.RichTextSectionElement) slack.RichTextElement {
	return slack.NewRichTextSection(parts...)
}

// why is the reason, in quotes: what an approver reads first.
func why(r access.Request) []slack.RichTextElement {
	if reason := access.Plain(r.Reason, maxReason); reason != "" {
		return []slack.RichTextElement{quote(reason)}
	}
	if r.State.Final() {
		return nil
	}
	return []slack.RichTextElement{line(bold("No reason given"))}
}

// risks are what is unusual, on a line of its own; what only informs follows in one.
func risks(list []access.Risk) []slack.RichTextElement {
	var raised, other []string
	for _, r := range list {
		text := access.Plain(r.Text, maxRisk)
		switch {
		case text == "":
		case len(raised)+len(other) == maxRisks:
		case r.Raised:
			raised = append(raised, text)
		default:
			other = append(other, text)
		}
	}
	var out []slack.RichTextElement
	if len(raised) > 0 {
		out = append(out, line(bold("⚠️ "+sentence(strings.Join(raised, " · ")))))
	}
	if len(other) > 0 {
		out = append(out, line(run(sentence(strings.Join(other, " · ")))))
	}
	return out
}

// facts are what else an approver may want to know. Command and labels are others' words: plain
// runs of rich text, one line each, capped.
func facts(n Notice) []slack.RichTextElement {
	r := n.Request
	var out []slack.RichTextElement
	if command := access.Plain(r.Command, maxCommand); command != "" {
		out = append(out, line(bold("Command  "), code(command)))
	} else if r.Kind != "" {
		out = append(out, line(bold("For  "), run(access.Plain(kindWords(r.Kind), maxName))))
	}
	if host := hostWords(r.Target.Host, n.Host); host != "" {
		out = append(out, line(bold("Host  "), run(host)))
	}
	if source := access.Plain(address(r.Source), maxName); source != "" {
		out = append(out, line(bold("From  "), run(source)))
	}
	return out
}

// hostWords are a host and its labels, as the inventory has them.
func hostWords(name string, h access.Host) string {
	words := []string{access.Plain(name, maxName)}
	keys := make([]string, 0, len(h.Labels))
	for k := range h.Labels {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for i, k := range keys {
		if i == maxLabels {
			words = append(words, "…")
			break
		}
		words = append(words, access.Plain(k+" "+h.Labels[k], maxName))
	}
	return strings.Join(words, " · ")
}

func kindWords(k access.Kind) string {
	switch k {
	case access.KindShell:
		return "a shell"
	case access.KindExec:
		return "a command"
	case access.KindSFTP:
		return "file transfer"
	case access.KindForward:
		return "forwards"
	}
	return string(k)
}

// waiting says until when, what is there and what is missing.
func waiting(n Notice) []slack.RichTextElement {
	r := n.Request
	out := []slack.RichTextElement{line(bold("⏳ Waiting for approval"), run(", until "), moment(r.WaitUntil))}
	if by := r.ApprovedBy(); len(by) > 0 {
		out = append(out, line(run(fmt.Sprintf("Approved by %s, %d more needed", names(by), n.Missing))))
	} else if n.Missing > 1 {
		out = append(out, line(run(fmt.Sprintf("%d approvals needed", n.Missing))))
	}
	if by := r.UnconfirmedBy(); len(by) > 0 {
		out = append(out, line(bold("🔑 "+names(by)+" clicked"), run(" and has still to confirm with a key: ssh bastion approve "+string(r.ID))))
	}
	return append(out, asked(n.Asked))
}

func asked(people []access.Person) slack.RichTextElement {
	if len(people) == 0 {
		return line(bold("Nobody can approve this. "), run("No eligible approver is in the access file."))
	}
	return line(append([]slack.RichTextSectionElement{run("Asked: ")}, mentions(people)...)...)
}

// mentions calls people by their accounts, up to a bound.
func mentions(people []access.Person) []slack.RichTextSectionElement {
	var parts []slack.RichTextSectionElement
	for i, p := range people {
		if i == maxAsked {
			return append(parts, run(fmt.Sprintf(" and %d more", len(people)-i)))
		}
		if i > 0 {
			parts = append(parts, run(", "))
		}
		parts = append(parts, mention(p))
	}
	return parts
}

// address leaves out the port, which says nothing to a person.
func address(source string) string {
	if from, ok := addressOf(source); ok {
		return from
	}
	return source
}

func quote(s string) slack.RichTextElement {
	return &slack.RichTextQuote{Type: slack.RTEQuote, Elements: []slack.RichTextSectionElement{run(s)}}
}

// fallback is what notifications and screen readers get: names and the state, no words of anybody.
func fallback(n Notice) string {
	r := n.Request
	who := access.Plain(string(r.Person), maxName)
	target := access.Plain(r.Target.String(), maxTitle)
	switch {
	case r.State == access.RequestPending && r.Extends != "":
		return fmt.Sprintf("%s asks for %s more on %s", who, span(r.For), target)
	case r.State == access.RequestPending:
		return fmt.Sprintf("%s asks for %s for %s", who, target, span(r.For))
	case loud(r):
		return fmt.Sprintf("BREAK-GLASS: the request of %s for %s is %s", who, target, r.State)
	}
	return fmt.Sprintf("The request of %s for %s is %s", who, target, r.State)
}
