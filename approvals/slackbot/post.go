package slackbot

import (
	"context"

	"github.com/slack-go/slack"

	"github.com/sallyport/sallyport/access"
)

// metadataType marks our cards, so that one can be found again by its request.
const metadataType = "sallyport_request"

// Post shows a request for the first time and says where. When it may have been shown before (the
// answer to an earlier call was lost, or the request is older than this process) it looks for that
// card first; where the app lacks the scope channels:history it posts another, and both work.
//
// A [*LimitedError] says when to try again, a [*RefusedError] that trying again is no use; every
// other error may pass.
func (b *Bot) Post(ctx context.Context, n Notice) (MessageRef, error) {
	id := string(n.Request.ID)
	if at, ok := b.cards.get(id); ok {
		return b.Update(ctx, at, n)
	}
	channel := n.Channel
	if channel == "" {
		channel = b.cfg.Channel
	}
	if _, doubted := b.doubt.get(id); doubted || n.Request.RequestedAt.Before(b.started) {
		if at, ok := b.find(ctx, channel, n.Request); ok {
			b.cards.put(id, at)
			return b.Update(ctx, at, n)
		}
	}
	where, ts, err := b.api.PostMessageContext(ctx, channel, message(n)...)
	if err = b.heard("chat.postMessage", err); err != nil {
		if uncertain(err) {
			b.doubt.put(id, struct{}{})
		}
		return MessageRef{}, err
	}
	at := MessageRef{Channel: where, TS: ts}
	b.cards.put(id, at)
	return at, nil
}

// Update makes a card show the request as it stands now, and returns where it is. If the card is
// gone, a request that still waits is shown anew; one that is decided needs no card.
func (b *Bot) Update(ctx context.Context, at MessageRef, n Notice) (MessageRef, error) {
	err := b.rewrite(ctx, at, n)
	if codeOf(err) != "message_not_found" {
		if err == nil {
			b.cards.put(string(n.Request.ID), at)
		}
		return at, err
	}
	b.cfg.Log.Warn("the Slack message of a request is gone", "request", n.Request.ID, "channel", at.Channel)
	b.cards.forget(string(n.Request.ID))
	if n.Request.State.Final() {
		return at, nil
	}
	return b.Post(ctx, n)
}

func (b *Bot) rewrite(ctx context.Context, at MessageRef, n Notice) error {
	_, _, _, err := b.api.UpdateMessageContext(ctx, at.Channel, at.TS, message(n)...)
	return b.heard("chat.update", err)
}

// message is a card as a call carries it: blocks, a fallback of names only, nothing unfurled, no
// markup looked for, and metadata to find it by.
func message(n Notice) []slack.MsgOption {
	return append(quietly(fallback(n), card(n)), slack.MsgOptionMetadata(slack.SlackMetadata{
		EventType: metadataType, EventPayload: map[string]any{"request": string(n.Request.ID)},
	}))
}

// quietly is content as every call carries it: nothing unfurled, no markup looked for.
func quietly(text string, blocks []slack.Block) []slack.MsgOption {
	return []slack.MsgOption{
		slack.MsgOptionText(text, true), slack.MsgOptionBlocks(blocks...),
		slack.MsgOptionDisableLinkUnfurl(), slack.MsgOptionDisableMediaUnfurl(), slack.MsgOptionDisableMarkdown(),
		slack.MsgOptionParse(false),
	}
}

// find looks for the card of a request among the channel's messages since it was asked.
func (b *Bot) find(ctx context.Context, channel string, r access.Request) (MessageRef, bool) {
	if _, err := b.team(ctx); err != nil {
		return MessageRef{}, false // and the post that follows will fail with a cause
	}
	messages, err := b.since(ctx, channel, "", r.RequestedAt)
	if err != nil {
		b.cfg.Log.Debug("cannot look for an earlier card", "request", r.ID, "err", err)
		return MessageRef{}, false
	}
	for _, m := range messages {
		if m.User == b.self() && m.Metadata.EventType == metadataType && m.Metadata.EventPayload["request"] == string(r.ID) {
			return MessageRef{Channel: channel, TS: m.Timestamp}, true
		}
	}
	return MessageRef{}, false
}

func (b *Bot) self() string {
	b.teamMu.Lock()
	defer b.teamMu.Unlock()
	return b.userID
}

// tell answers one person in private: where they clicked, or, of a modal, in their own conversation
// with the app.
func (b *Bot) tell(ctx context.Context, c click, text string) {
	text = access.Plain(text, maxAnswer)
	if text == "" {
		return
	}
	options := quietly(text, []slack.Block{slack.NewSectionBlock(plain(text), nil, nil)})
	var err error
	if c.at.Channel == "" {
		_, _, err = b.api.PostMessageContext(ctx, c.user, options...)
		err = b.heard("chat.postMessage", err)
	} else {
		_, err = b.api.PostEphemeralContext(ctx, c.at.Channel, c.user, options...)
		err = b.heard("chat.postEphemeral", err)
	}
	if err != nil {
		b.cfg.Log.Warn("could not answer a click", "user", c.user, "err", err)
	}
}
