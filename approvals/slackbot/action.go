package slackbot

import (
	"fmt"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"github.com/sallyport/sallyport/access"
)

// The action IDs approve and deny are contract; the value of each button is the request ID.
const (
	actionApprove    = "approve"
	actionApproveFor = "approve_for" // a menu; the value is the request ID and the duration
	actionDeny       = "deny"
	actionRevoke     = "revoke"
	actionRelease    = "release"
)

// shorter are the durations that an approver may choose instead of what was asked for.
var shorter = []time.Duration{15 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 4 * time.Hour, 8 * time.Hour}

// maxShorter is how many of them a menu offers: the longest below what was asked. Slack takes five.
const maxShorter = 3

// actions are the buttons that make sense as the request stands; nil for none.
func actions(r access.Request) slack.Block {
	g := r.Grant
	switch {
	case r.State == access.RequestPending:
		elements := []slack.BlockElement{
			button(actionApprove, "Approve", slack.StylePrimary, r.ID),
			button(actionDeny, "Deny", slack.StyleDanger, r.ID),
		}
		if menu := approveFor(r); menu != nil {
			elements = append(elements, menu)
		}
		return slack.NewActionBlock("decide", elements...)
	case g != nil && g.State.Live() && r.Extends == "":
		who, what := access.Plain(string(r.Person), 40), access.Plain(r.Target.String(), 80)
		revoke := button(actionRevoke, "Revoke", slack.StyleDanger, r.ID)
		revoke.Confirm = confirm("Revoke this access?", fmt.Sprintf("The sessions of %s on %s end at once. Approvers of the rule and admins may.", who, what), "Revoke")
		revoke.Confirm.Style = slack.StyleDanger
		release := button(actionRelease, "Give back", slack.StyleDefault, r.ID)
		release.Confirm = confirm("Give this access back?", fmt.Sprintf("Your sessions on %s end at once. Only %s may.", what, who), "Give back")
		return slack.NewActionBlock("grant", release, revoke)
	}
	return nil
}

func button(action, label string, style slack.Style, id access.RequestID) *slack.ButtonBlockElement {
	b := slack.NewButtonBlockElement(action, string(id), plain(label))
	b.Style = style
	return b
}

func confirm(title, text, do string) *slack.ConfirmationBlockObject {
	return slack.NewConfirmationBlockObject(plain(title), plain(access.Plain(text, 300)), plain(do), plain("Cancel"))
}

// approveFor offers less time than was asked for; nil if there is no less worth offering.
func approveFor(r access.Request) *slack.OverflowBlockElement {
	var options []*slack.OptionBlockObject
	for _, d := range shorter {
		if d < r.For {
			options = append(options, slack.NewOptionBlockObject(string(r.ID)+" "+span(d), plain("Approve for "+span(d)), nil))
		}
	}
	if len(options) == 0 {
		return nil
	}
	return slack.NewOverflowBlockElement(actionApproveFor, options[max(0, len(options)-maxShorter):]...)
}

// chosenFor reads the value of an option of approveFor.
func chosenFor(value string) (access.RequestID, time.Duration, bool) {
	id, length, ok := strings.Cut(value, " ")
	d, err := time.ParseDuration(length)
	return access.RequestID(id), d, ok && err == nil && d > 0
}
