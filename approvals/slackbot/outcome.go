package slackbot

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/slack-go/slack"

	"github.com/sallyport/sallyport/access"
)

// outcome says who decided and when, and what became of the grant.
func outcome(n Notice) []slack.RichTextElement {
	r := n.Request
	var out []slack.RichTextElement
	switch r.State {
	case access.RequestApproved:
		out = append(out, approval(n)...)
	case access.RequestDenied:
		d := denial(r)
		out = append(out, line(bold("Denied by "+access.Plain(string(d.Person), maxName)), run(", "), moment(r.DecidedAt)))
		if reason := access.Plain(d.Reason, maxReason); reason != "" {
			out = append(out, line(run("“"+reason+"”")))
		}
	case access.RequestCancelled:
		out = append(out, line(bold("Cancelled"), run(", "), moment(r.DecidedAt)))
		if cause := access.Plain(n.Cause, maxReason); cause != "" {
			out = append(out, line(run(sentence(cause))))
		}
	case access.RequestLapsed:
		out = append(out, line(bold("Lapsed: nobody decided in time"), run(", "), moment(r.DecidedAt)))
	}
	return append(out, grant(n)...)
}

// approval says who approved; break-glass, which no rule limits, as loudly as
// there are words for it, and with its reason.
func approval(n Notice) []slack.RichTextElement {
	r := n.Request
	if r.BreakGlass {
		return emergency(n)
	}
	if auto := access.Plain(r.Auto, maxName); auto != "" {
		return []slack.RichTextElement{line(bold("Approved without asking anybody: "+auto), run(", "), moment(r.DecidedAt))}
	}
	if i := slices.IndexFunc(r.Decisions, brokeGlass); i >= 0 {
		d := r.Decisions[i]
		by := access.Plain(string(d.Person), maxName)
		return []slack.RichTextElement{
			line(bold("Approved by break-glass (" + by + "): " + access.Plain(d.Reason, maxReason))),
			line(run("Somebody approved this on the bastion itself, past the rule, "), moment(r.DecidedAt)),
		}
	}
	text := []slack.RichTextSectionElement{bold("Approved by " + names(r.ApprovedBy()))}
	if g := r.Grant; g != nil && r.Extends == "" && g.For > 0 {
		length := " for " + span(g.For)
		if g.For < r.For {
			length += fmt.Sprintf(" (%s were asked for)", span(r.For))
		}
		text = append(text, run(length))
	}
	return []slack.RichTextElement{line(append(text, run(", "), moment(r.DecidedAt))...)}
}

// emergency tells of a break-glass, everybody whom it concerns by name, and of the review that is
// owed for it.
func emergency(n Notice) []slack.RichTextElement {
	r := n.Request
	who := access.Plain(string(r.Person), maxName)
	out := []slack.RichTextElement{
		line(bold("Break-glass: "+who+" is in, and nobody was asked"), run(", "), moment(r.DecidedAt)),
	}
	if len(n.Asked) > 0 {
		out = append(out, line(mentions(n.Asked)...))
	}
	if r.Owed() {
		return append(out, line(bold("A review is owed: "), code("ssh bastion review "+string(r.ID)+" --note TEXT")))
	}
	out = append(out, line(bold("Reviewed by "+access.Plain(string(r.Review.By), maxName)), run(", "), moment(r.Review.At)))
	if note := access.Plain(r.Review.Note, maxReason); note != "" {
		out = append(out, line(run("“"+note+"”")))
	}
	return out
}

// brokeGlass reports whether a decision is an approval over the unix socket,
// where nobody is an approver.
func brokeGlass(d access.Decision) bool {
	return d.Verdict == access.VerdictApprove && d.Via == access.ViaSocket
}

func denial(r access.Request) access.Decision {
	i := slices.IndexFunc(r.Decisions, func(d access.Decision) bool { return d.Verdict == access.VerdictDeny })
	if i < 0 {
		return access.Decision{Person: "somebody"}
	}
	return r.Decisions[i]
}

// grant says what became of the right that the approval gave.
func grant(n Notice) []slack.RichTextElement {
	g := n.Request.Grant
	switch {
	case g == nil:
		return nil
	case n.Request.Extends != "":
		if g.State == access.GrantActive {
			return []slack.RichTextElement{line(run("In use until "), moment(g.NotAfter))}
		}
		return []slack.RichTextElement{line(run("Access "+string(g.State)+", "), moment(g.EndedAt))}
	}
	var out []slack.RichTextElement
	switch g.State {
	case access.GrantReady:
		out = append(out, line(run("Not used yet. Ready to be used until "), moment(g.UseBy)))
	case access.GrantActive:
		out = append(out, line(bold("In use since "), moment(g.StartedAt), run(", until "), moment(g.NotAfter)))
	default:
		text := []slack.RichTextSectionElement{bold("Access " + string(g.State)), run(", "), moment(g.EndedAt)}
		if why := access.Plain(n.EndedWhy, maxReason); why != "" {
			text = append(text, run(": "+why))
		}
		out = append(out, line(text...))
	}
	return append(out, usage(n.Usage)...)
}

// usage counts the sessions.
func usage(u access.Usage) []slack.RichTextElement {
	if u.Sessions == 0 {
		return nil
	}
	count := fmt.Sprintf("%d sessions", u.Sessions)
	if u.Sessions == 1 {
		count = "1 session"
	}
	if u.Live > 0 {
		count += fmt.Sprintf(", %d open", u.Live)
	}
	return []slack.RichTextElement{line(run(count))}
}

// recording is how to replay a session, and the proof of what it recorded.
func recording(r access.Recorded) []slack.RichTextElement {
	out := []slack.RichTextElement{line(run("Replay  "), code("ssh bastion replay "+access.Plain(string(r.Session), maxName)))}
	if digest := access.Plain(r.Digest, maxName); digest != "" {
		out = append(out, line(run("Manifest  "), code("sha256:"+digest)))
	}
	return out
}

func addressOf(source string) (string, bool) {
	from, err := netip.ParseAddrPort(source)
	return from.Addr().Unmap().String(), err == nil
}
