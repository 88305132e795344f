package slackbot

import (
	"context"
	"fmt"
	"io"
	"log"
	"time"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"
)

const (
	ackTimeout   = 2 * time.Second // Slack waits 3 s
	maxEnvelope  = 1 << 20
	firstPause   = time.Second // before a socket client is started anew
	longestPause = time.Minute
)

// superviseSocket keeps one Socket Mode client running until ctx ends. The client reconnects by
// itself after most failures; it gives up on a bad token, and then it is tried again, slower.
func (b *Bot) superviseSocket(ctx context.Context, i int) {
	wait := firstPause
	for ctx.Err() == nil {
		began := time.Now()
		err := b.runSocket(ctx, i)
		if ctx.Err() != nil {
			return
		}
		b.health.socket(i, false, fmt.Sprint(err))
		b.cfg.Log.Error("the Slack socket client stopped", "socket", i, "err", err)
		if time.Since(began) > longestPause {
			wait = firstPause
		}
		if !pause(ctx, wait) {
			return
		}
		wait = min(2*wait, longestPause)
	}
}

// runSocket runs one client and reads its events until it stops.
func (b *Bot) runSocket(ctx context.Context, i int) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	client := socketmode.New(b.api,
		socketmode.OptionReadLimit(maxEnvelope), socketmode.OptionLog(log.New(io.Discard, "", 0)))
	ended := make(chan error, 1)
	go func() { ended <- client.RunContext(ctx) }()
	for {
		select {
		case ev := <-client.Events:
			b.onEvent(ctx, i, client, ev)
		case err := <-ended:
			return err
		}
	}
}

// onEvent must be quick: while it runs, the socket stands still.
func (b *Bot) onEvent(ctx context.Context, i int, client *socketmode.Client, ev socketmode.Event) {
	switch ev.Type {
	case socketmode.EventTypeHello: // it has no envelope, and is not acknowledged
		b.health.socket(i, true, "")
	case socketmode.EventTypeConnecting:
		b.health.socket(i, false, "connecting")
	case socketmode.EventTypeConnectionError:
		if failed, ok := ev.Data.(*slack.ConnectionErrorEvent); ok {
			b.health.socket(i, false, failed.Error())
		}
	case socketmode.EventTypeInvalidAuth:
		b.health.socket(i, false, "the app token is not accepted")
	case socketmode.EventTypeErrorBadMessage, socketmode.EventTypeErrorWriteFailed:
		b.cfg.Log.Warn("trouble on the Slack socket", "socket", i, "event", ev.Type)
	case socketmode.EventTypeInteractive:
		ic, ok := ev.Data.(slack.InteractionCallback)
		if !ok {
			return
		}
		delivery := "envelope " + ev.Request.EnvelopeID
		if c, ours := submission(ic); ours {
			r, taken := b.answer(delivery, func(ctx context.Context) any { return b.submit(ctx, c) }, b.submitLate(c))
			b.ackReply(ctx, client, ev.Request.EnvelopeID, r, taken, nil)
		} else if b.receive(delivery, ic) {
			b.ack(ctx, client, ev.Request.EnvelopeID, nil)
		}
	case socketmode.EventTypeSlashCommand:
		if s, ok := ev.Data.(slack.SlashCommand); ok {
			r, taken := b.command("envelope "+ev.Request.EnvelopeID, s)
			b.ackReply(ctx, client, ev.Request.EnvelopeID, r, taken, stillWorking)
		}
	case socketmode.EventTypeEventsAPI: // we subscribe to none
		b.ack(ctx, client, ev.Request.EnvelopeID, nil)
	}
}

// ackReply acknowledges with the answer once there is one, and keeps the socket free meanwhile.
// What was not taken is not acknowledged: Slack sends it again. There are no more of these at once
// than the queue holds.
func (b *Bot) ackReply(ctx context.Context, client *socketmode.Client, id string, r *reply, taken bool, meanwhile any) {
	if !taken {
		return
	}
	go func() { b.ack(ctx, client, id, r.wait(ctx, meanwhile)) }()
}

// ack queues an acknowledgement. While the socket is away that may fail; then Slack sends the
// envelope again, and it is known by its ID.
func (b *Bot) ack(ctx context.Context, client *socketmode.Client, id string, payload any) {
	ctx, cancel := context.WithTimeout(ctx, ackTimeout)
	defer cancel()
	if err := client.AckCtx(ctx, id, payload); err != nil {
		b.cfg.Log.Warn("could not acknowledge to Slack", "envelope", id, "err", err)
	}
}

// receive takes an interaction once, however often it arrives, and reports whether to acknowledge
// it. What holds no click of ours is acknowledged and forgotten.
func (b *Bot) receive(delivery string, ic slack.InteractionCallback) bool {
	c, ours := clickOf(ic)
	if !ours {
		b.cfg.Log.Debug("an interaction that is not ours", "type", ic.Type)
		return true
	}
	if !b.seen.put(delivery, struct{}{}) {
		return true
	}
	if !b.accept(func(ctx context.Context) { b.work(ctx, c) }) {
		b.seen.forget(delivery)
		b.cfg.Log.Error("too many clicks at once; one was turned away", "request", c.request)
		return false
	}
	return true
}
