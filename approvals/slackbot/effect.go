package slackbot

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/slack-go/slack"
)

// effectType marks what is told beside cards, so that it can be found again by the number of its
// first effect.
const effectType = "sallyport_effect"

// maxTold is how many characters one message of several effects has; Slack takes 13,000 in all.
const maxTold = 8000

// Tell tells effects in one message, and says how many of them, from the first, are told by now.
// When some may have been told before, it looks for that message first, in the thread, the private
// conversation or the channel; where the app lacks the scope to look, it may tell them twice.
func (b *Bot) Tell(ctx context.Context, t Telling) (int, error) {
	channel, err := b.placeOf(ctx, t)
	if err != nil {
		return 0, err
	}
	if t.Again {
		if told := b.toldBefore(ctx, channel, t); told > 0 {
			return told, nil
		}
	}
	blocks := effectBlocks(t)
	if blocks == nil {
		return len(t.Effects), nil
	}
	for len(t.Effects) > 1 && characters(blocks) > maxTold { // the rest follows in another
		half := len(t.Effects) / 2
		t.Effects, t.Requests = t.Effects[:half], t.Requests[:min(half, len(t.Requests))]
		blocks = effectBlocks(t)
	}
	options := append(quietly(effectFallback(t), blocks), slack.MsgOptionMetadata(mark(t)))
	if t.Card.TS != "" {
		options = append(options, slack.MsgOptionTS(t.Card.TS))
	}
	_, _, err = b.api.PostMessageContext(ctx, channel, options...)
	if err = b.heard("chat.postMessage", err); err != nil {
		return 0, err
	}
	return len(t.Effects), nil
}

// placeOf is the channel in which to tell.
func (b *Bot) placeOf(ctx context.Context, t Telling) (string, error) {
	switch {
	case t.Card.Channel != "":
		return t.Card.Channel, nil
	case t.Person.Slack != "":
		return b.direct(ctx, t.Person.Slack)
	}
	return b.cfg.Channel, nil
}

// direct opens the private conversation with a user. An app without the scope for it may still
// write to the user's own ID.
func (b *Bot) direct(ctx context.Context, user string) (string, error) {
	if !slackID.MatchString(user) {
		return "", &RefusedError{Method: "conversations.open", Code: "user_not_found"}
	}
	c, _, _, err := b.api.OpenConversationContext(ctx, &slack.OpenConversationParameters{Users: []string{user}})
	err = b.heard("conversations.open", err)
	switch {
	case codeOf(err) == "missing_scope", codeOf(err) == "unknown_method":
		return user, nil
	case err != nil:
		return "", err
	}
	return c.ID, nil
}

// mark is the metadata by which a message of effects is found again. Numbers are those of one
// bastion's database, so the bastion and the request belong to it.
func mark(t Telling) slack.SlackMetadata {
	first, last := t.Effects[0], t.Effects[len(t.Effects)-1]
	return slack.SlackMetadata{EventType: effectType, EventPayload: map[string]any{
		"request": string(first.Request), "place": string(first.Kind.Place()), "first": first.Number, "last": last.Number,
	}}
}

// toldBefore finds the message that an earlier attempt left, and says how many of the effects it
// told: it may have gone out with fewer.
func (b *Bot) toldBefore(ctx context.Context, channel string, t Telling) int {
	if _, err := b.team(ctx); err != nil {
		return 0 // and the post that follows will fail with a cause
	}
	messages, err := b.since(ctx, channel, t.Card.TS, t.Effects[0].At)
	if err != nil {
		b.cfg.Log.Debug("cannot look for what was told before", "request", t.Effects[0].Request, "err", err)
		return 0
	}
	want := mark(t).EventPayload
	for _, m := range messages {
		p := m.Metadata.EventPayload
		if m.User != b.self() || m.Metadata.EventType != effectType || p["request"] != want["request"] || p["place"] != want["place"] ||
			number(p["first"]) != t.Effects[0].Number {
			continue
		}
		told := 0
		for _, e := range t.Effects {
			if e.Number <= number(p["last"]) {
				told++
			}
		}
		return told
	}
	return 0
}

// number reads a number that went through JSON.
func number(v any) int64 {
	switch n := v.(type) {
	case float64:
		return int64(n)
	case json.Number:
		i, _ := n.Int64() // 0 is no effect's number
		return i
	}
	return 0
}

// since reads the messages of a thread, or of a channel, from a moment on.
func (b *Bot) since(ctx context.Context, channel, thread string, at time.Time) ([]slack.Message, error) {
	at = at.Add(-time.Minute) // our clock and Slack's may differ
	oldest := fmt.Sprintf("%d.%06d", at.Unix(), at.Nanosecond()/1000)
	if thread == "" {
		h, err := b.api.GetConversationHistoryContext(ctx, &slack.GetConversationHistoryParameters{
			ChannelID: channel, Oldest: oldest, Limit: 200, IncludeAllMetadata: true,
		})
		if err = b.heard("conversations.history", err); err != nil {
			return nil, err
		}
		return h.Messages, nil
	}
	list, _, _, err := b.api.GetConversationRepliesContext(ctx, &slack.GetConversationRepliesParameters{
		ChannelID: channel, Timestamp: thread, Oldest: oldest, Limit: 200, IncludeAllMetadata: true,
	})
	return list, b.heard("conversations.replies", err)
}

// characters counts the text of rich text blocks.
func characters(blocks []slack.Block) int {
	n := 0
	count := func(list []slack.RichTextSectionElement) {
		for _, e := range list {
			if text, ok := e.(*slack.RichTextSectionTextElement); ok {
				n += utf8.RuneCountInString(text.Text)
			}
		}
	}
	for _, b := range blocks {
		rich, ok := b.(*slack.RichTextBlock)
		if !ok {
			continue
		}
		for _, e := range rich.Elements {
			switch e := e.(type) {
			case *slack.RichTextSection:
				count(e.Elements)
			case *slack.RichTextQuote:
				count(e.Elements)
			}
		}
	}
	return n
}
