package slackbot

import (
	"context"
	"sync/atomic"
	"time"
)

// answerWithin is how long Slack is kept waiting for the answer to a submission or a command. It
// gives up after 3 s.
const answerWithin = 2500 * time.Millisecond

// reply is the answer to one delivery that wants one, however often it arrives.
type reply struct {
	done    chan struct{}
	payload any         // what to answer; read it after done
	settled atomic.Bool // whoever sets it, the worker or who waited too long, says the last word
}

// answer has a delivery worked on once and gives its reply; false if there is no room. If nobody
// could wait for it, late gets the payload.
func (b *Bot) answer(delivery string, do func(context.Context) any, late func(context.Context, any)) (*reply, bool) {
	fresh := &reply{done: make(chan struct{})}
	r, first := b.replies.add(delivery, fresh)
	if !first {
		return r, true
	}
	accepted := b.accept(func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, clickTimeout)
		defer cancel()
		r.payload = do(ctx)
		close(r.done)
		if !r.settled.CompareAndSwap(false, true) {
			late(ctx, r.payload)
		}
	})
	if !accepted {
		b.replies.forget(delivery)
		return nil, false
	}
	return r, true
}

// wait gives the payload, or meanwhile if it takes too long.
func (r *reply) wait(ctx context.Context, meanwhile any) any {
	timer := time.NewTimer(answerWithin)
	defer timer.Stop()
	select {
	case <-r.done:
		return r.payload
	case <-timer.C:
	case <-ctx.Done():
	}
	if r.settled.CompareAndSwap(false, true) {
		return meanwhile
	}
	select {
	case <-r.done: // a repeated delivery, or the worker was quicker
		return r.payload
	default:
		return meanwhile
	}
}
