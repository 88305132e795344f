// Package slackbot translates between the desk and Slack, and does nothing else: a request becomes
// a card, a click becomes a decision of a Slack user.
//
// It owns the cards (what they show, [Bot.Post], [Bot.Update]), the two ways in which clicks arrive
// (Socket Mode in [Bot.Run], signed HTTP in [Bot.Handler]), and the proof that who clicked is a
// full, confirmed member of our own workspace.
//
// It refuses to decide: who may approve what is the desk's to say, and the database's to remember.
// It keeps nothing that matters; what it remembers only spares Slack a second card. It refuses to
// guess: while Slack cannot say who somebody is, their click does not count. Nothing that a person
// or a host wrote reaches Slack as markup.
//
// Clicks are lost and doubled on the way, and buttons outlive what they stand for; showing is
// at-least-once, out of the desk's outbox. Both are harmless because the first decision wins in the
// database and each update shows the request as it stands.
//
// Start reading at [Bot.Post] and card.go for the way out, at click.go for the way in.
package slackbot

import (
	"context"
	"errors"
	"io"
	"log"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/slack-go/slack"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/audit"
)

// Mode says how clicks arrive. The values are contract: slack.mode in sallyport.yaml.
type Mode string

const (
	ModeSocket Mode = "socket"
	ModeHTTP   Mode = "http"
)

// Desk decides: it says whose word counts, and records it. Each error is an [*access.Error], fit to
// show to who clicked.
type Desk interface {
	// SlackActor says which person of the access file a member of our workspace is; on and id are
	// for the event of a refusal.
	SlackActor(ctx context.Context, slackUser, on, id string) (access.Actor, error)
	Decide(ctx context.Context, actor access.Actor, word access.Word) (access.Request, error)
	Ask(ctx context.Context, actor access.Actor, a access.Ask) (access.Request, error)
	Cancel(ctx context.Context, actor access.Actor, id access.RequestID) error
	Revoke(ctx context.Context, actor access.Actor, id, reason string) error
	// Release gives a grant back, by its ID or its request's.
	Release(ctx context.Context, actor access.Actor, id access.GrantID) error
	// Desktop is what lies before somebody: what is theirs, and what waits for their word.
	Desktop(ctx context.Context, actor access.Actor) (mine, waiting []access.Request, err error)
}

// Config is what a [Bot] is made of.
type Config struct {
	Mode          Mode
	BotToken      string // xoxb-…
	AppToken      string // xapp-…, socket mode
	SigningSecret string // http mode
	Channel       string // where requests are shown unless their rule names another channel
	APIURL        string // another Web API base, for tests; empty means Slack's

	Desk    Desk
	Request func(context.Context, access.RequestID) (access.Request, error) // reads one as it stands
	Record  func(context.Context, audit.Event) error                        // for clicks that never reach the desk
	Now     access.Clock
	Log     *slog.Logger

	// Sockets is how many Socket Mode connections are held; default 2, because Slack closes the old
	// one before a client has opened the next.
	Sockets int
}

// Bounds.
const (
	apiTimeout   = 10 * time.Second // of one Web API call
	clickTimeout = 20 * time.Second // of everything one click causes
	queueLength  = 64               // deliveries taken but not yet looked at
	workers      = 4
	remembered   = 4096 // deliveries and cards
)

// Bot is one Slack app in one workspace. It is safe for concurrent use.
type Bot struct {
	cfg     Config
	api     *slack.Client
	health  *health
	started time.Time

	teamMu sync.Mutex
	teamID string // ours, as auth.test says; empty until it did
	userID string // the app's own

	queueMu sync.Mutex
	stopped bool
	queue   chan func(context.Context)

	seen    *recent[struct{}]   // deliveries, by envelope ID, or by digest of the body
	cards   *recent[MessageRef] // by request ID
	replies *recent[*reply]     // to deliveries that want an answer, by the same
	doubt   *recent[struct{}]   // request IDs that may have been posted unheard
}

// New makes a bot. It touches nothing before [Bot.Run].
func New(cfg Config) (*Bot, error) {
	switch {
	case cfg.BotToken == "" || cfg.Channel == "" || cfg.Desk == nil || cfg.Request == nil || cfg.Record == nil || cfg.Now == nil || cfg.Log == nil:
		return nil, errors.New("slackbot: bot token, channel, desk, request, record, clock and log are needed")
	case cfg.Mode == ModeSocket && cfg.AppToken == "":
		return nil, errors.New("slackbot: socket mode needs an app token")
	case cfg.Mode == ModeHTTP && cfg.SigningSecret == "":
		return nil, errors.New("slackbot: http mode needs the signing secret")
	case cfg.Mode != ModeSocket && cfg.Mode != ModeHTTP:
		return nil, errors.New("slackbot: the mode must be socket or http")
	}
	if cfg.Sockets <= 0 {
		cfg.Sockets = 2
	}
	options := []slack.Option{
		slack.OptionHTTPClient(&http.Client{Timeout: apiTimeout}),
		slack.OptionAppLevelToken(cfg.AppToken),
		slack.OptionLog(log.New(io.Discard, "", 0)), // it would log message text
	}
	if cfg.APIURL != "" {
		options = append(options, slack.OptionAPIURL(strings.TrimSuffix(cfg.APIURL, "/")+"/"))
	}
	return &Bot{
		cfg:     cfg,
		api:     slack.New(cfg.BotToken, options...),
		health:  newHealth(cfg.Now, cfg.Mode),
		started: cfg.Now(),
		queue:   make(chan func(context.Context), queueLength),
		seen:    newRecent[struct{}](remembered),
		cards:   newRecent[MessageRef](remembered),
		replies: newRecent[*reply](remembered),
		doubt:   newRecent[struct{}](remembered),
	}, nil
}

// Run receives and works until ctx ends; call it once. What was acknowledged by then is still
// worked on. It returns nil when ctx ended: Slack being away is a matter for [Bot.Health].
func (b *Bot) Run(ctx context.Context) error {
	var receiving, working sync.WaitGroup
	for range workers {
		working.Go(func() {
			for job := range b.queue {
				job(context.WithoutCancel(ctx))
			}
		})
	}
	receiving.Go(func() { b.knowTeam(ctx) })
	if b.cfg.Mode == ModeSocket {
		for i := range b.cfg.Sockets {
			receiving.Go(func() { b.superviseSocket(ctx, i) })
		}
	}
	<-ctx.Done()
	receiving.Wait()
	b.stop()
	working.Wait()
	return nil
}

func (b *Bot) stop() {
	b.queueMu.Lock()
	defer b.queueMu.Unlock()
	b.stopped = true
	close(b.queue)
}

// accept queues a job, or says that it cannot; what is not accepted must not be acknowledged.
func (b *Bot) accept(job func(context.Context)) bool {
	b.queueMu.Lock()
	defer b.queueMu.Unlock()
	if b.stopped {
		return false
	}
	select {
	case b.queue <- job:
		return true
	default:
		return false
	}
}

// knowTeam asks until Slack has said which workspace is ours.
func (b *Bot) knowTeam(ctx context.Context) {
	wait := time.Second
	for {
		_, err := b.team(ctx)
		if err == nil || ctx.Err() != nil {
			return
		}
		b.cfg.Log.Error("Slack does not say who we are", "err", err)
		if !pause(ctx, wait) {
			return
		}
		wait = min(2*wait, time.Minute)
	}
}

// team is the ID of our own workspace. Only success is remembered.
func (b *Bot) team(ctx context.Context) (string, error) {
	b.teamMu.Lock()
	defer b.teamMu.Unlock()
	if b.teamID != "" {
		return b.teamID, nil
	}
	who, err := b.api.AuthTestContext(ctx)
	if err = b.heard("auth.test", err); err != nil {
		return "", err
	}
	if who.TeamID == "" {
		return "", errors.New("slackbot: auth.test names no workspace")
	}
	b.teamID, b.userID = who.TeamID, who.UserID
	return b.teamID, nil
}

// pause waits; false means that ctx ended first.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
