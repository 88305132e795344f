package slackbot

import (
	"context"
	"errors"

	"github.com/slack-go/slack"
)

// notMember is why an account's click does not count, in words for its owner.
type notMember string

func (e notMember) Error() string { return string(e) }

// errUnknown is for when Slack could not be asked. The click does not count: fail closed.
var errUnknown = errors.New("could not ask Slack who you are")

// member makes sure, at each click, that the account is a full and confirmed member of our own
// workspace. Identity is (team, user): a Slack Connect partner with the same name, a guest invited
// by somebody, or a robot is nobody here. It returns a notMember, or an error when Slack did not say.
func (b *Bot) member(ctx context.Context, c click) error {
	team, err := b.team(ctx)
	if err != nil {
		return errors.Join(errUnknown, err)
	}
	const foreign = notMember("this Slack account belongs to another workspace")
	if c.team != team || c.userTeam != "" && c.userTeam != team {
		return foreign
	}
	u, err := b.api.GetUserInfoContext(ctx, c.user)
	err = b.heard("users.info", err)
	switch {
	case codeOf(err) == "user_not_found", codeOf(err) == "user_not_visible":
		return notMember("this Slack account is not known to the workspace")
	case err != nil:
		return errors.Join(errUnknown, err)
	case u.ID != c.user:
		return errors.Join(errUnknown, errors.New("users.info answered about another account"))
	case u.TeamID != team:
		return foreign
	}
	return full(u)
}

// full refuses every kind of account that is less than a full member.
func full(u *slack.User) error {
	switch {
	case u.Deleted:
		return notMember("this Slack account is deactivated")
	case u.IsBot, u.IsWorkflowBot, u.IsConnectorBot, u.ID == "USLACKBOT":
		return notMember("apps cannot decide")
	case u.IsStranger:
		return notMember("this Slack account belongs to another workspace")
	case u.IsRestricted, u.IsUltraRestricted:
		return notMember("guests of the workspace cannot decide")
	case u.IsInvitedUser, !u.IsEmailConfirmed:
		return notMember("the email address of this Slack account is not confirmed")
	}
	return nil
}
