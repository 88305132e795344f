package slackbot

import (
	"context"
	"errors"
	"time"

	"github.com/slack-go/slack"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/audit"
)

// click is one press of one of our buttons, or what a modal of ours sends: claims of whoever sent
// the payload, until member and the desk have looked at them.
type click struct {
	team, userTeam, user string
	action               string // one of the action IDs
	request              access.RequestID
	length               time.Duration // of approve_for
	reason               string        // of a modal
	trigger              string        // with which a modal may be opened
	at                   MessageRef    // the card that was clicked; of a modal zero
}

// clickOf finds the click in an interaction; false when it holds none of ours.
func clickOf(ic slack.InteractionCallback) (click, bool) {
	if ic.Type != slack.InteractionTypeBlockActions || len(ic.ActionCallback.BlockActions) != 1 || ic.IsEnterpriseInstall {
		return click{}, false
	}
	a := ic.ActionCallback.BlockActions[0]
	c := click{
		team: ic.Team.ID, userTeam: ic.User.TeamID, user: ic.User.ID, action: a.ActionID, request: access.RequestID(a.Value),
		trigger: ic.TriggerID, at: MessageRef{Channel: ic.Channel.ID, TS: ic.Container.MessageTs},
	}
	switch a.ActionID {
	case actionApprove, actionDeny, actionRevoke, actionRelease:
	case actionApproveFor:
		var ok bool
		if c.request, c.length, ok = chosenFor(a.SelectedOption.Value); !ok {
			return click{}, false
		}
	default:
		return click{}, false
	}
	if c.at.Channel == "" {
		c.at.Channel = ic.Container.ChannelID
	}
	return c, access.ValidID(string(c.request)) && slackID.MatchString(c.user) && c.at.Channel != ""
}

// work does what a click asks for and tells who clicked why, if it does not count. What changes on
// the card comes through the outbox.
func (b *Bot) work(ctx context.Context, c click) {
	ctx, cancel := context.WithTimeout(ctx, clickTimeout)
	defer cancel()
	if err := b.member(ctx, c); err != nil {
		b.tell(ctx, c, b.refused(ctx, c, err))
		return
	}
	if c.action == actionDeny && b.askWhy(ctx, c) {
		return // what the modal sends decides
	}
	err := b.decide(ctx, c)
	if err == nil {
		return
	}
	e := b.foreseen(c, err)
	b.tell(ctx, c, answer(e))
	if e.Reason == access.ReasonDecided {
		b.mendStray(ctx, c)
	}
}

// decide brings a member's click to the desk. The error is fit for them.
func (b *Bot) decide(ctx context.Context, c click) error {
	actor, err := b.cfg.Desk.SlackActor(ctx, c.user, c.action, string(c.request))
	if err != nil {
		return err
	}
	switch c.action {
	case actionRevoke:
		return b.cfg.Desk.Revoke(ctx, actor, string(c.request), c.reason)
	case actionRelease:
		return b.cfg.Desk.Release(ctx, actor, access.GrantID(c.request))
	}
	word := access.Word{Request: c.request, Verdict: access.VerdictApprove, Reason: c.reason, For: c.length}
	if c.action == actionDeny {
		word.Verdict = access.VerdictDeny
	}
	_, err = b.cfg.Desk.Decide(ctx, actor, word)
	return err
}

// foreseen gives the error for who clicked; what nobody foresaw is for the log too.
func (b *Bot) foreseen(c click, err error) *access.Error {
	e := access.AsError(err)
	if e.Reason == access.ReasonInternal {
		b.cfg.Log.Error("a click could not be worked on", "action", c.action, "request", c.request, "user", c.user, "err", err)
	}
	return e
}

// answer is the desk's refusal in the words of a chat.
func answer(e *access.Error) string {
	s := sentence(e.Why)
	if e.Do != "" {
		s += " " + sentence(e.Do)
	}
	if e.ID != "" {
		s += " (" + e.ID + ")"
	}
	return s
}

// refused leaves evidence of an account that is no member of ours, and gives the words for it.
func (b *Bot) refused(ctx context.Context, c click, cause error) string {
	var no notMember
	text := "Your click did not count: Sallyport " + errUnknown.Error() + ". Try again in a moment."
	if errors.As(cause, &no) {
		text = "Your click did not count: " + string(no) + "."
	} else {
		b.cfg.Log.Error("a click did not count: Slack could not be asked", "request", c.request, "user", c.user, "err", cause)
	}
	err := b.cfg.Record(ctx, audit.Event{
		Kind: audit.DecisionRefused, Actor: "slack:" + c.team + "/" + c.user, Request: string(c.request),
		Detail: map[string]string{
			"cause": "slack_identity", "why": cause.Error(), "verdict": c.action, "via": string(access.ViaSlack),
		},
	})
	if err != nil {
		b.cfg.Log.Error("audit event lost", "kind", audit.DecisionRefused, "request", c.request, "err", err)
	}
	return text
}

// mendStray rewrites a card whose buttons outlived the request, unless the outbox looks after it: a
// second card, left when Slack took a post but its answer was lost.
func (b *Bot) mendStray(ctx context.Context, c click) {
	if at, ok := b.cards.get(string(c.request)); ok && at == c.at || c.at.TS == "" {
		return
	}
	r, err := b.cfg.Request(ctx, c.request)
	if err == nil && r.State.Final() {
		err = b.rewrite(ctx, c.at, Notice{Request: r})
	}
	if err != nil && codeOf(err) != "message_not_found" {
		b.cfg.Log.Warn("a stray card could not be rewritten", "request", c.request, "err", err)
	}
}
