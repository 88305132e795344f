package slackbot

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/slack-go/slack"

	"github.com/sallyport/sallyport/access"
)

// The modal that asks why. Its private metadata is the request ID.
const (
	viewDeny    = "deny"
	blockReason = "reason"
	fieldReason = "reason"
)

// openWithin bounds opening a modal: a trigger lives 3 s.
const openWithin = 2500 * time.Millisecond

// askWhy opens the modal for the reason of a denial, and reports whether it stands before the
// person. If not (the trigger is too old, Slack is slow, or it can show no modal), the click itself
// denies, without a reason: who pressed Deny has said no, and may not be kept from it.
func (b *Bot) askWhy(ctx context.Context, c click) bool {
	if c.trigger == "" {
		return false
	}
	r, err := b.cfg.Request(ctx, c.request)
	if err != nil || r.State.Final() {
		return false // and the desk says why not
	}
	ctx, cancel := context.WithTimeout(ctx, openWithin)
	defer cancel()
	opened, err := b.api.OpenViewContext(ctx, c.trigger, denyView(r))
	if codeOf(err) == "exchanged_trigger_id" {
		return true // the same click opened it before
	}
	if err == nil && (opened == nil || opened.View.ID == "") {
		err = errors.New("it names no view")
	}
	if err != nil {
		b.cfg.Log.Warn("no modal to ask for a reason; the denial counts without", "request", c.request, "err", err)
		return false
	}
	return true
}

func denyView(r access.Request) slack.ModalViewRequest {
	input := slack.NewPlainTextInputBlockElement(plain("What should they do instead?"), fieldReason)
	input.Multiline, input.MaxLength = true, maxReason
	reason := slack.NewInputBlock(blockReason, plain("Why"), plain(access.Plain(string(r.Person), maxName)+" reads it, and everybody in the channel."), input)
	reason.Optional = true
	what := access.Plain(fmt.Sprintf("%s asks for %s for %s", r.Person, r.Target, span(r.For)), maxTitle)
	if r.Extends != "" {
		what = access.Plain(fmt.Sprintf("%s asks for %s more on %s", r.Person, span(r.For), r.Target), maxTitle)
	}
	parts := []slack.RichTextElement{line(bold(what))}
	blocks := []slack.Block{slack.NewRichTextBlock("what", append(parts, why(r)...)...), reason}
	return slack.ModalViewRequest{
		Type: slack.VTModal, CallbackID: viewDeny, PrivateMetadata: string(r.ID),
		Title: plain("Deny this request"), Submit: plain("Deny"), Close: plain("Back"),
		Blocks: slack.Blocks{BlockSet: blocks},
	}
}

// submission finds in an interaction the denial that a modal of ours sends.
func submission(ic slack.InteractionCallback) (click, bool) {
	if ic.Type != slack.InteractionTypeViewSubmission || ic.View.CallbackID != viewDeny || ic.IsEnterpriseInstall {
		return click{}, false
	}
	c := click{
		team: ic.Team.ID, userTeam: ic.User.TeamID, user: ic.User.ID, action: actionDeny,
		request: access.RequestID(ic.View.PrivateMetadata),
	}
	if ic.View.State != nil {
		c.reason = ic.View.State.Values[blockReason][fieldReason].Value
	}
	return c, access.ValidID(string(c.request)) && slackID.MatchString(c.user)
}

// submit takes what a modal sends; the payload closes it (nil) or shows in it why not.
func (b *Bot) submit(ctx context.Context, c click) any {
	fault := ""
	if err := b.member(ctx, c); err != nil {
		fault = b.refused(ctx, c, err)
	} else if err := b.decide(ctx, c); err != nil {
		fault = answer(b.foreseen(c, err))
	}
	if fault == "" {
		return nil
	}
	return slack.NewErrorsViewSubmissionResponse(map[string]string{blockReason: access.Plain(fault, maxAnswer)})
}

// submitLate tells in private what came too late for the modal.
func (b *Bot) submitLate(c click) func(context.Context, any) {
	return func(ctx context.Context, payload any) {
		if r, ok := payload.(*slack.ViewSubmissionResponse); ok {
			b.tell(ctx, c, r.Errors[blockReason])
		}
	}
}
