package main

import (
	"context"
	"strconv"
	"time"

	"github.com/sallyport/sallyport/audit"
)

// anchorEvery is how often the heads of live recordings enter the audit chain:
// up to there a rewritten recording shows to whoever kept a copy of the chain.
const anchorEvery = time.Minute

func (h *house) anchorHeads(ctx context.Context) {
	ticker := time.NewTicker(anchorEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		for _, head := range h.recorder.Heads() {
			err := h.store.Record(ctx, audit.Event{
				Kind: audit.RecordingHead, Actor: audit.ActorSystem, Session: string(head.Session),
				Detail: map[string]string{"head": head.Chain, "block": strconv.FormatUint(head.Block, 10)},
			})
			if err != nil && ctx.Err() == nil {
				h.log.Error("head of a recording not anchored", "session", head.Session, "err", err)
			}
		}
	}
}
