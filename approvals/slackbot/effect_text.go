package slackbot

import (
	"fmt"
	"time"

	"github.com/slack-go/slack"

	"github.com/sallyport/sallyport/access"
)

// effectBlocks are effects as they are told: one paragraph each; nil if there is nothing to tell.
func effectBlocks(t Telling) []slack.Block {
	var out []slack.RichTextElement
	if t.Effects[0].Kind.Place() == access.InDigest {
		out = append(out, line(bold(fmt.Sprintf("Approved without asking anybody, %d in the last day", len(t.Effects)))))
	}
	for i, e := range t.Effects {
		if i < len(t.Requests) {
			out = append(out, auto(e, t.Requests[i]))
			continue
		}
		if stale(e, t) || i+1 < len(t.Effects) && e.Kind == access.EffectReminded && t.Effects[i+1].Kind == e.Kind {
			continue
		}
		out = append(out, paragraph(e, t)...)
	}
	if len(out) == 0 {
		return nil
	}
	return []slack.Block{slack.NewRichTextBlock("told", out...)}
}

// stale reports whether an effect was late and is of no use by now: who is called to decide what is
// decided comes for nothing, and so does who is called to watch what is over.
func stale(e access.Effect, t Telling) bool {
	if e.Kind == access.EffectUnwatched {
		return t.Notice.Usage.Live == 0
	}
	return t.Notice.Request.State.Final() && (e.Kind == access.EffectReminded || e.Kind == access.EffectEscalated)
}

func auto(e access.Effect, r access.Request) slack.RichTextElement {
	length := r.For
	if r.Grant != nil {
		length = r.Grant.For
	}
	return line(run("• "), moment(e.At), run(fmt.Sprintf("  %s, %s for %s: %s",
		access.Plain(string(r.Person), maxName), access.Plain(r.Target.String(), maxTitle), span(length), access.Plain(r.Auto, maxName))))
}

// paragraph is one effect.
func paragraph(e access.Effect, t Telling) []slack.RichTextElement {
	by, text := access.Plain(string(e.Person), maxName), access.Plain(e.Text, maxReason)
	r := t.Notice.Request
	switch e.Kind {
	case access.EffectSession:
		return []slack.RichTextElement{line(run("▶️ "), bold(opened(e)), run(" from "+address(text)), run(", "), moment(e.At))}
	case access.EffectUnwatched:
		head := append([]slack.RichTextSectionElement{run("👀 "), bold("Paused until a second person watches"), run(": ")}, mentions(t.Asked)...)
		return []slack.RichTextElement{line(head...), line(code("ssh -t bastion watch " + string(e.Session)))}
	case access.EffectSealed:
		return append([]slack.RichTextElement{line(run("⏹️ "), bold("Session ended"), run(fmt.Sprintf(" after %s: %s", length(e.For), text)))},
			recording(access.Recorded{Session: e.Session, Digest: e.Digest})...)
	case access.EffectExtensionAsked:
		return quoted(line(run("⏱️ "), bold(by+" asks for "+span(e.For)+" more")), text)
	case access.EffectExtended:
		return []slack.RichTextElement{line(run("⏱️ "), bold(by+" gave "+span(e.For)+" more"), run(": until "), moment(e.Until))}
	case access.EffectReminded:
		return []slack.RichTextElement{line(append([]slack.RichTextSectionElement{run("🔔 "), bold("Nobody has decided yet"), run(", until "),
			moment(r.WaitUntil), run(": ")}, mentions(t.Asked)...)...)}
	case access.EffectEscalated:
		return []slack.RichTextElement{line(append([]slack.RichTextSectionElement{run("📣 "), bold("Escalated"), run(", until "),
			moment(r.WaitUntil), run(": ")}, mentions(t.Asked)...)...)}
	case access.EffectBreakGlass:
		head := append([]slack.RichTextSectionElement{run("🚨 "), bold("Break-glass by " + by), run(" ")}, mentions(t.Asked)...)
		return quoted(line(head...), text)
	case access.EffectReviewed:
		return quoted(line(run("🔎 "), bold("Reviewed by "+by)), text)
	case access.EffectGrantEnded:
		return []slack.RichTextElement{line(run("🏁 "), bold("Access over"), run(": "+sentence(text)))}
	case access.EffectTaken:
		return []slack.RichTextElement{line(run("✋ "), bold("Your access to "+target(r)+" was taken away"), run(": "+sentence(text)))}
	case access.EffectConfirm:
		return []slack.RichTextElement{line(run("🔑 "), bold("Your approval of "+target(r)+" for "+access.Plain(string(r.Person), maxName)+" waits for your key")),
			line(run("It does not count before you have confirmed it: " + text))}
	case access.EffectDecided:
		return decidedWords(r)
	}
	return quoted(line(bold(access.Plain(string(e.Kind), maxName))), text)
}

func target(r access.Request) string { return access.Plain(r.Target.String(), maxTitle) }

func quoted(head slack.RichTextElement, text string) []slack.RichTextElement {
	if text == "" {
		return []slack.RichTextElement{head}
	}
	return []slack.RichTextElement{head, quote(text)}
}

// opened names what a session is.
func opened(e access.Effect) string {
	switch e.SessionKind {
	case access.KindShell:
		return "Shell opened"
	case access.KindExec:
		return "Command started"
	case access.KindSFTP:
		return "File transfer started"
	case access.KindForward:
		return "Forward opened"
	}
	return "Session started"
}

// length says how long something took; spans shorter than a second are one.
func length(d time.Duration) string { return span(max(d, time.Second)) }

// decidedWords tell who asked what became of it, as it stands by now, and what to do.
func decidedWords(r access.Request) []slack.RichTextElement {
	what := target(r)
	if r.Extends != "" {
		what = span(r.For) + " more on " + what
	}
	switch r.State {
	case access.RequestApproved:
		head := line(run("✅ "), bold(what), run(": approved by "+names(r.ApprovedBy())))
		g := r.Grant
		switch {
		case g == nil:
			return []slack.RichTextElement{head}
		case r.Extends != "" || g.State == access.GrantActive:
			return []slack.RichTextElement{head, line(run("It lasts until "), moment(g.NotAfter))}
		case g.State == access.GrantReady:
			return []slack.RichTextElement{head,
				line(run("Connect until "), moment(g.UseBy), run(", then you have "+span(g.For)+": "), code("ssh "+target(r)+"@bastion")),
				line(run("Give it back when you are done: "), code("ssh bastion release "+string(r.ID)))}
		}
		return []slack.RichTextElement{head, line(run("It is " + string(g.State) + " by now."))}
	case access.RequestDenied:
		d := denial(r)
		return quoted(line(run("⛔ "), bold(what), run(": denied by "+access.Plain(string(d.Person), maxName))), access.Plain(d.Reason, maxReason))
	case access.RequestLapsed:
		return []slack.RichTextElement{line(run("⌛ "), bold(what), run(": nobody decided it in time. Ask again when somebody is there."))}
	}
	return []slack.RichTextElement{line(bold(what), run(": "+string(r.State)))}
}

// effectFallback is what notifications get: names and the state, no words of anybody.
func effectFallback(t Telling) string {
	r := t.Notice.Request
	who, what := access.Plain(string(r.Person), maxName), target(r)
	switch e := t.Effects[len(t.Effects)-1]; e.Kind {
	case access.EffectDecided:
		return fmt.Sprintf("Your request for %s is %s", what, r.State)
	case access.EffectTaken:
		return fmt.Sprintf("Your access to %s was taken away", what)
	case access.EffectConfirm:
		return fmt.Sprintf("Your approval of %s for %s waits for your key", what, who)
	case access.EffectReminded, access.EffectEscalated:
		return fmt.Sprintf("%s still waits for %s", who, what)
	case access.EffectUnwatched:
		return fmt.Sprintf("%s on %s: a second person must watch", who, what)
	case access.EffectBreakGlass:
		return fmt.Sprintf("BREAK-GLASS: %s on %s", who, what)
	case access.EffectAuto:
		return fmt.Sprintf("Approved without asking anybody: %d", len(t.Effects))
	default:
		return fmt.Sprintf("%s on %s", who, what)
	}
}
