package slackbot

import (
	"context"
	"errors"

	"github.com/slack-go/slack"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/audit"
)

// click is one press of one of our buttons: claims of whoever sent the payload, until member and
// the desk have looked at them.
type click struct {
	team, userTeam, user string
	request              access.RequestID
	verdict              access.Verdict
	at                   MessageRef // the card that was clicked
}

// clickOf finds the click in an interaction; false when it holds none of ours.
func clickOf(ic slack.InteractionCallback) (click, bool) {
	if ic.Type != slack.InteractionTypeBlockActions || len(ic.ActionCallback.BlockActions) != 1 || ic.IsEnterpriseInstall {
		return click{}, false
	}
	a := ic.ActionCallback.BlockActions[0]
	c := click{
		team: ic.Team.ID, userTeam: ic.User.TeamID, user: ic.User.ID, request: access.RequestID(a.Value),
		at: MessageRef{Channel: ic.Channel.ID, TS: ic.Container.MessageTs},
	}
	switch a.ActionID {
	case actionApprove:
		c.verdict = access.VerdictApprove
	case actionDeny:
		c.verdict = access.VerdictDeny
	default:
		return click{}, false
	}
	if c.at.Channel == "" {
		c.at.Channel = ic.Container.ChannelID
	}
	return c, access.ValidID(a.Value) && slackID.MatchString(c.user) && c.at.Channel != ""
}

// work does what a click asks for and tells who clicked why, if it does not count. What changes on
// the card comes through the outbox.
func (b *Bot) work(ctx context.Context, c click) {
	ctx, cancel := context.WithTimeout(ctx, clickTimeout)
	defer cancel()
	if err := b.member(ctx, c); err != nil {
		b.refuse(ctx, c, err)
		return
	}
	_, err := b.cfg.Desk.DecideSlack(ctx, c.user, access.Word{Request: c.request, Verdict: c.verdict})
	if err == nil {
		return
	}
	e := access.AsError(err)
	if e.Reason == access.ReasonInternal {
		b.cfg.Log.Error("a click could not be worked on", "request", c.request, "user", c.user, "err", err)
	}
	b.tell(ctx, c.at.Channel, c.user, answer(e))
	if e.Reason == access.ReasonDecided {
		b.mendStray(ctx, c)
	}
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

// refuse tells an account that is no member of ours so, and leaves evidence.
func (b *Bot) refuse(ctx context.Context, c click, cause error) {
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
			"cause": "slack_identity", "why": cause.Error(), "verdict": string(c.verdict), "via": string(access.ViaSlack),
		},
	})
	if err != nil {
		b.cfg.Log.Error("audit event lost", "kind", audit.DecisionRefused, "request", c.request, "err", err)
	}
	b.tell(ctx, c.at.Channel, c.user, text)
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
