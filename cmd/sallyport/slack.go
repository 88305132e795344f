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
