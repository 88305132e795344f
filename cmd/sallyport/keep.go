package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/internal/strictyaml"
	"github.com/sallyport/sallyport/policy"
	"github.com/sallyport/sallyport/recorder"
	"github.com/sallyport/sallyport/store"
)

const (
	keepEvery = time.Hour
	keepPage  = 500
)

// keeper deletes recordings whose time is over: that of the rule they were
// made under, as it stands now, else the server's. First the database says
// that one is to go, which a hold prevents; then the files go; then it is said
// with its audit event that they are gone. What is interrupted goes on at the
// next turn.
type keeper struct {
	keep     time.Duration
	policy   *policy.Live
	store    *store.Store
	recorder *recorder.Recorder
	now      access.Clock
	log      *slog.Logger
}

// run takes a turn at once and then every hour, until ctx ends.
func (k *keeper) run(ctx context.Context) {
	ticker := time.NewTicker(keepEvery)
	defer ticker.Stop()
	for {
		if err := k.turn(ctx); err != nil && ctx.Err() == nil {
			k.log.Error("recordings whose time is over are not all deleted", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// turn deletes what there is to delete.
func (k *keeper) turn(ctx context.Context) error {
	rules, shortest := k.rules()
	now := k.now()
	for after := access.SessionID(""); ; {
		found, err := k.store.Expirable(ctx, now.Add(-shortest), after, keepPage)
		if err != nil {
			return err
		}
		for _, s := range found {
			after = s.ID
			keep, why := k.keep, "recording.keep"
			if d, ok := rules[s.Rule]; ok {
				keep, why = d, "the rule "+s.Rule
			}
			if now.Sub(s.EndedAt) < keep {
				continue
			}
			reason := fmt.Sprintf("kept for %s by %s", strictyaml.FormatDuration(keep), why)
			if _, err := k.store.Retire(ctx, s.ID, reason); err != nil {
				return err
			}
		}
		if len(found) < keepPage {
			return k.finish(ctx)
		}
	}
}

// rules gives the time of each rule that has its own, and the shortest of all.
func (k *keeper) rules() (rules map[string]time.Duration, shortest time.Duration) {
	rules, shortest = map[string]time.Duration{}, k.keep
	for _, r := range k.policy.Current().Rules {
		if r.Record.Keep > 0 {
			rules[r.Name] = r.Record.Keep
			shortest = min(shortest, r.Record.Keep)
		}
	}
	return rules, shortest
}

// finish deletes what was retired. One that cannot be deleted does not keep
// the others.
func (k *keeper) finish(ctx context.Context) error {
	retiring, err := k.store.Retiring(ctx)
	if err != nil {
		return err
	}
	var failed error
	for _, r := range retiring {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		tombstone, err := k.recorder.Delete(r.Session.Recording, r.Reason)
		if err == nil {
			err = k.store.Deleted(ctx, r.Session.ID, tombstone)
		}
		if err != nil {
			failed = err
			k.log.Error("a recording is not deleted", "session", string(r.Session.ID), "err", err)
			continue
		}
		k.log.Info("recording deleted", "session", string(r.Session.ID), "reason", r.Reason)
	}
	return failed
}
