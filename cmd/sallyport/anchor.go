package main

import (
	"context"
	"strconv"
	"time"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/audit"
)

// anchorEvery is how often the heads of live recordings enter the audit chain:
// up to there a rewritten recording shows to whoever kept a copy of the chain.
const anchorEvery = time.Minute

// anchorEachMinute runs until ctx ends.
func (h *house) anchorEachMinute(ctx context.Context) {
	ticker := time.NewTicker(anchorEvery)
	defer ticker.Stop()
	h.anchorHeads(ctx, ticker.C)
}

// anchorHeads puts the heads of live recordings in the audit chain at each
// tick: of those that grew, since for the others the last one stands. One that
// could not be put there is tried again at the next.
func (h *house) anchorHeads(ctx context.Context, tick <-chan time.Time) {
	anchored := map[access.SessionID]string{}
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick:
		}
		live := map[access.SessionID]string{}
		for _, head := range h.recorder.Heads() {
			if anchored[head.Session] == head.Chain {
				live[head.Session] = head.Chain
				continue
			}
			err := h.store.Record(ctx, audit.Event{
				Kind: audit.RecordingHead, Actor: audit.ActorSystem, Session: string(head.Session),
				Detail: map[string]string{"head": head.Chain, "block": strconv.FormatUint(head.Block, 10)},
			})
			if err == nil {
				live[head.Session] = head.Chain
			} else if ctx.Err() == nil {
				h.log.Error("head of a recording not anchored", "session", head.Session, "err", err)
			}
		}
		anchored = live
	}
}
