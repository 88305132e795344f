package slackbot

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"github.com/sallyport/sallyport/access"
)

// usageText is what `/access help` says, %s being the command as the workspace calls it.
const usageText = `%[1]s                                  yours, and what waits for you
%[1]s ask LOGIN@HOST [1h] REASON…      ask ahead of time
%[1]s approve ID [30m]                 approve, for less if you say so
%[1]s deny ID [REASON…]
%[1]s cancel ID                        withdraw what you asked for
%[1]s release ID                       give back what you hold
%[1]s revoke ID [REASON…]              take away what you approved
In a terminal the same is ssh bastion requests, approve, deny, …`

// maxListed bounds each list of an answer, maxTyped what is read of a command.
const (
	maxListed = 10
	maxTyped  = 1000
)

// say is an answer of a slash command: seen by who typed it, and by nobody else.
type say struct {
	ResponseType string        `json:"response_type"`
	Text         string        `json:"text"`
	Blocks       []slack.Block `json:"blocks,omitempty"`
}

func privately(text string, paragraphs ...slack.RichTextElement) say {
	if len(paragraphs) == 0 {
		paragraphs = []slack.RichTextElement{line(run(text))}
	}
	return say{ResponseType: slack.ResponseTypeEphemeral, Text: escape(text), Blocks: []slack.Block{slack.NewRichTextBlock("answer", paragraphs...)}}
}

// typed is a slash command as somebody typed it.
type typed struct {
	click        // who, and where
	name         string
	verb, target string
	rest         []string
}

// typedOf reads a slash command; false if it cannot be one of ours.
func typedOf(s slack.SlashCommand) (typed, bool) {
	fields := strings.Fields(s.Text[:min(len(s.Text), maxTyped)])
	t := typed{
		click: click{team: s.TeamID, user: s.UserID, at: MessageRef{Channel: s.ChannelID}},
		name:  access.Plain(s.Command, maxName), verb: "list",
	}
	if len(fields) > 0 {
		t.verb, fields = strings.ToLower(fields[0]), fields[1:]
	}
	if len(fields) > 0 {
		t.target, fields = fields[0], fields[1:]
	}
	t.rest = fields
	t.action = access.Plain("/"+t.verb, maxName)
	if access.ValidID(strings.ToUpper(t.target)) {
		t.request = access.RequestID(strings.ToUpper(t.target))
	}
	return t, slackID.MatchString(t.user) && s.TeamID != "" && !s.IsEnterpriseInstall
}

// stillWorking is what a command says that takes too long; the rest follows.
var stillWorking = privately("Working on it…")

// command takes a slash command once, however often it arrives, and gives its reply; false if there
// is no room.
func (b *Bot) command(delivery string, s slack.SlashCommand) (*reply, bool) {
	t, ours := typedOf(s)
	if !ours {
		b.cfg.Log.Debug("a command that is not ours", "command", access.Plain(s.Command, maxName))
	}
	return b.answer(delivery, func(ctx context.Context) any {
		if !ours {
			return nil
		}
		return b.runCommand(ctx, t)
	}, b.commandLate(t))
}

// runCommand does what was typed; the payload is the answer.
func (b *Bot) runCommand(ctx context.Context, t typed) any {
	if t.verb == "help" {
		return b.help(t)
	}
	if err := b.member(ctx, t.click); err != nil {
		return privately(b.refused(ctx, t.click, err))
	}
	actor, err := b.cfg.Desk.SlackActor(ctx, t.user, t.action, string(t.request))
	if err != nil {
		return privately(answer(b.foreseen(t.click, err)))
	}
	done, err := b.do(ctx, actor, t)
	if err != nil {
		return privately(answer(b.foreseen(t.click, err)))
	}
	return done
}

func (b *Bot) help(t typed) say {
	text := fmt.Sprintf(usageText, t.name)
	return privately(text, &slack.RichTextPreformatted{
		Type: slack.RTEPreformatted, Elements: []slack.RichTextSectionElement{run(text)},
	})
}

// do brings a command to the desk.
func (b *Bot) do(ctx context.Context, actor access.Actor, t typed) (any, error) {
	reason := strings.Join(t.rest, " ")
	switch t.verb {
	case "list":
		return b.list(ctx, actor)
	case "ask":
		return b.ask(ctx, actor, t)
	}
	if !slices.Contains([]string{"approve", "deny", "cancel", "release", "revoke"}, t.verb) {
		return b.help(t), nil
	}
	if t.request == "" {
		return nil, access.Refuse(access.ReasonMalformed, "that needs the ID of a request, as its message shows it", fmt.Sprintf("%s %s ID", t.name, t.verb))
	}
	word := access.Word{Request: t.request, Verdict: access.VerdictDeny, Reason: reason}
	var err error
	switch t.verb {
	case "approve":
		if word.Verdict, word.For, err = access.VerdictApprove, 0, nil; len(t.rest) > 0 {
			if word.For, word.Reason, err = lengthFirst(t.rest); err != nil {
				return nil, err
			}
		}
		fallthrough
	case "deny":
		r, err := b.cfg.Desk.Decide(ctx, actor, word)
		if err != nil {
			return nil, err
		}
		return privately(standingWords(r)), nil
	case "cancel":
		return privately("Withdrawn."), b.cfg.Desk.Cancel(ctx, actor, t.request)
	case "release":
		return privately("Given back."), b.cfg.Desk.Release(ctx, actor, access.GrantID(t.request))
	default:
		return privately("Revoked."), b.cfg.Desk.Revoke(ctx, actor, string(t.request), reason)
	}
}

// ask posts a request ahead of time.
func (b *Bot) ask(ctx context.Context, actor access.Actor, t typed) (any, error) {
	login, host, ok := strings.Cut(strings.ToLower(t.target), "@")
	if !ok || login == "" || host == "" {
		return nil, access.Refuse(access.ReasonMalformed, "that needs a login and a host", t.name+" ask root@db1 1h REASON")
	}
	a := access.Ask{Target: access.Target{Login: login, Host: host}, Reason: strings.Join(t.rest, " ")}
	if len(t.rest) > 0 {
		if length, reason, err := lengthFirst(t.rest); err == nil {
			a.For, a.Reason = length, reason
		}
	}
	r, err := b.cfg.Desk.Ask(ctx, actor, a)
	if err != nil {
		return nil, err
	}
	return privately(standingWords(r)), nil
}

// lengthFirst reads "30m because of…" and "for 30m because of…".
func lengthFirst(words []string) (time.Duration, string, error) {
	if words[0] == "for" && len(words) > 1 {
		words = words[1:]
	}
	d, err := time.ParseDuration(words[0])
	if err != nil || d <= 0 {
		return 0, "", access.Refuse(access.ReasonMalformed, access.Plain(words[0], 40)+" is no duration such as 30m or 1h", "")
	}
	return d, strings.Join(words[1:], " "), nil
}

// standingWords say how a request stands, in a line.
func standingWords(r access.Request) string {
	what := fmt.Sprintf("%s for %s, %s", access.Plain(r.Target.String(), maxTitle), access.Plain(string(r.Person), maxName), span(r.For))
	state := "waits for approval"
	switch {
	case r.State == access.RequestPending && len(r.ApprovedBy()) > 0:
		state = "is approved by " + names(r.ApprovedBy()) + " and waits for more"
	case r.State == access.RequestPending && len(r.UnconfirmedBy()) > 0:
		state = "waits for a confirmation with a key: ssh bastion approve " + string(r.ID)
	case r.State == access.RequestApproved && r.Grant != nil:
		state = "is approved, " + string(r.Grant.State)
	case r.State != access.RequestPending:
		state = "is " + string(r.State)
	}
	return fmt.Sprintf("%s: %s (%s)", what, state, r.ID)
}

// list tells what the actor asked for and holds, and what waits for their word.
func (b *Bot) list(ctx context.Context, actor access.Actor) (any, error) {
	mine, waiting, err := b.cfg.Desk.Desktop(ctx, actor)
	if err != nil {
		return nil, err
	}
	if len(mine)+len(waiting) == 0 {
		return privately("Nothing of yours is open, and nothing waits for your word."), nil
	}
	out := append(listed("Waiting for your word", waiting), listed("Yours", mine)...)
	return privately(fmt.Sprintf("%d wait for your word, %d of yours are open", len(waiting), len(mine)), out...), nil
}

func listed(title string, list []access.Request) []slack.RichTextElement {
	if len(list) == 0 {
		return nil
	}
	out := []slack.RichTextElement{line(bold(title))}
	for i, r := range list {
		if i == maxListed {
			return append(out, line(run(fmt.Sprintf("and %d more: ssh bastion requests", len(list)-i))))
		}
		out = append(out, line(run("• "+standingWords(r))))
		if reason := access.Plain(r.Reason, 100); reason != "" {
			out = append(out, quote(reason))
		}
	}
	return out
}

// late tells in private what came too late for the command.
func (b *Bot) commandLate(t typed) func(context.Context, any) {
	return func(ctx context.Context, payload any) {
		s, ok := payload.(say)
		if !ok || t.at.Channel == "" {
			return
		}
		_, err := b.api.PostEphemeralContext(ctx, t.at.Channel, t.user, quietly(s.Text, s.Blocks)...)
		if err = b.heard("chat.postEphemeral", err); err != nil {
			b.cfg.Log.Warn("could not answer a command", "user", t.user, "err", err)
		}
	}
}
