package approvals

import (
	"context"

	"github.com/sallyport/sallyport/access"
)

// SlackActor is who does something in Slack: the user ID is bound to a person
// by the policy, never by a name or address that Slack shows. What the actor
// then does is checked again to be of the person whom the ID belongs to at that
// moment. On names what they do to id, for the event of a refusal. The error is
// an [*access.Error].
func (d *Desk) SlackActor(ctx context.Context, slackUser, on, id string) (access.Actor, error) {
	person, ok := d.Policy.Current().PersonBySlack(slackUser)
	if slackUser == "" || !ok {
		actor := access.Actor{Person: access.PersonName("slack:" + access.Plain(slackUser, 40)), Via: access.ViaSlack}
		return access.Actor{}, d.refuseDecision(ctx, actor, id, on,
			access.Refuse(access.ReasonNotAllowed, "your Slack account belongs to nobody in the access file", "Ask an admin of the bastion to add it"))
	}
	return access.Actor{Person: person.Name, Via: access.ViaSlack, Slack: slackUser}, nil
}

// DecideSlack is Decide for a click.
func (d *Desk) DecideSlack(ctx context.Context, slackUser string, word access.Word) (access.Request, error) {
	actor, err := d.SlackActor(ctx, slackUser, string(word.Verdict), string(word.Request))
	if err != nil {
		return access.Request{}, err
	}
	return d.Decide(ctx, actor, word)
}
