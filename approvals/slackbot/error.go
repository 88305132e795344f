package slackbot

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/slack-go/slack"
)

// LimitedError says that Slack wants to be left alone for a while.
type LimitedError struct {
	Method string
	After  time.Duration
}

func (e *LimitedError) Error() string {
	return fmt.Sprintf("slackbot: %s: rate limited for %s", e.Method, e.After)
}

// RetryAfter is how long to leave Slack alone; at least a second.
func (e *LimitedError) RetryAfter() time.Duration { return max(e.After, time.Second) }

// RefusedError says that Slack refused a message for what it is: the same call would be refused
// again, however often.
type RefusedError struct {
	Method string
	Code   string // Slack's word
	Detail string // where Slack points to, if it does
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("slackbot: %s: %s %s", e.Method, e.Code, e.Detail)
}

// Permanent marks an error that trying again cannot mend.
func (e *RefusedError) Permanent() bool { return true }

// refusedForGood are the codes that blame the message. Everything else may pass: a workspace can
// invite the app, renew a token, bring a channel back.
var refusedForGood = []string{
	"invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long", "msg_too_long", "no_text",
	"invalid_arguments", "invalid_metadata_format", "invalid_metadata_schema", "metadata_too_large",
	"cant_update_message", "edit_window_closed", "too_many_attachments",
}

// innocent are the codes that say nothing about the health of our tie to Slack.
var innocent = []string{"message_not_found", "user_not_found", "user_not_in_channel", "missing_scope"}

// heard notes how a call went for [Bot.Health] and gives its error the type that says what to do.
func (b *Bot) heard(method string, err error) error {
	if err == nil {
		b.health.api("")
		return nil
	}
	var limited *slack.RateLimitedError
	if errors.As(err, &limited) {
		return &LimitedError{Method: method, After: limited.RetryAfter}
	}
	code := codeOf(err)
	switch {
	case slices.Contains(refusedForGood, code):
		return &RefusedError{Method: method, Code: code, Detail: detailOf(err)}
	case !slices.Contains(innocent, code):
		b.health.api(fmt.Sprintf("%s: %v", method, err))
	}
	return fmt.Errorf("slackbot: %s: %w", method, err)
}

// codeOf is Slack's word for a refusal; empty for every other error.
func codeOf(err error) string {
	var refused slack.SlackErrorResponse
	if errors.As(err, &refused) {
		return refused.Err
	}
	return ""
}

func detailOf(err error) string {
	var refused slack.SlackErrorResponse
	if errors.As(err, &refused) && len(refused.ResponseMetadata.Messages) > 0 {
		return refused.ResponseMetadata.Messages[0]
	}
	return ""
}

// uncertain reports whether a failed call may have had its effect: whenever Slack did not answer.
func uncertain(err error) bool {
	var limited *LimitedError
	return err != nil && codeOf(err) == "" && !errors.As(err, &limited)
}
