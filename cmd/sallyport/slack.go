package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/approvals"
	"github.com/sallyport/sallyport/approvals/slackbot"
	"github.com/sallyport/sallyport/store"
)

// newSlack reads the tokens and makes the bot.
func newSlack(c SlackConfig, desk *approvals.Desk, s *store.Store, log *slog.Logger) (*slackbot.Bot, error) {
	config := slackbot.Config{
		Mode: slackbot.Mode(c.Mode), Channel: c.Channel, APIURL: c.APIURL,
		Desk: desk, Request: s.Request, Record: s.Record, Now: time.Now, Log: log,
	}
	var err error
	if config.BotToken, err = c.BotTokenFile.Read(); err != nil {
		return nil, fmt.Errorf("slack.bot_token_file: %w", err)
	}
	switch config.Mode {
	case slackbot.ModeSocket:
		if config.AppToken, err = c.AppTokenFile.Read(); err != nil {
			return nil, fmt.Errorf("slack.app_token_file: %w", err)
		}
	case slackbot.ModeHTTP:
		if config.SigningSecret, err = c.SigningSecretFile.Read(); err != nil {
			return nil, fmt.Errorf("slack.signing_secret_file: %w", err)
		}
	}
	return slackbot.New(config)
}

// notifier shows the desk's requests in Slack: the same nouns on either side.
type notifier struct{ bot *slackbot.Bot }

func (n notifier) Post(ctx context.Context, notice approvals.Notice) (approvals.MessageRef, error) {
	ref, err := n.bot.Post(ctx, slackbot.Notice(notice))
	return approvals.MessageRef(ref), err
}

func (n notifier) Tell(ctx context.Context, t approvals.Telling) (int, error) {
	return n.bot.Tell(ctx, slackbot.Telling{
		Effects: t.Effects, Notice: slackbot.Notice(t.Notice), Requests: t.Requests, Card: slackbot.MessageRef(t.Card),
		Person: t.Person, Asked: t.Asked, Again: t.Again,
	})
}

func (n notifier) Update(ctx context.Context, at approvals.MessageRef, notice approvals.Notice) (approvals.MessageRef, error) {
	ref, err := n.bot.Update(ctx, slackbot.MessageRef(at), slackbot.Notice(notice))
	return approvals.MessageRef(ref), err
}

// shownIndex is the store as the recorder sees it: what it says of sessions is
// shown without waiting for the outbox's next look.
type shownIndex struct {
	*store.Store
	look func()
}

func (i shownIndex) OpenSession(ctx context.Context, s access.Session) error {
	defer i.look()
	return i.Store.OpenSession(ctx, s)
}

func (i shownIndex) SealSession(ctx context.Context, id access.SessionID,
	build func(seq uint64, prev [32]byte) (manifest []byte, s access.Session, err error)) error {
	defer i.look()
	return i.Store.SealSession(ctx, id, build)
}
