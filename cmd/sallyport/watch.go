package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/sallyport/sallyport/audit"
	"github.com/sallyport/sallyport/internal/strictyaml"
	"github.com/sallyport/sallyport/policy"
)

// accessWatch keeps the policy in force what the access file says. It
// publishes and records; sweeping is the desk's, which is told by [policy.Live].
//
// A change counts when two reads half a second apart are the same, so that a
// file that is just being written is never taken for its first half. A bad one
// is refused whole and the old one stays. One that would end the sessions of
// more than a fifth of the people who have one waits for SIGHUP, as it may be
// a slip; but one person's is never held up, or nobody could be shut out while
// few are at work.
type accessWatch struct {
	Path   string // the access file
	Live   *policy.Live
	Ended  func(next *policy.Policy) (ended, of int)    // people whose sessions next would end, of those with sessions
	Unfit  func(file string, next *policy.Policy) error // why this server cannot do what next says; nil where it always can
	Record func(context.Context, audit.Event) error
	HUP    <-chan os.Signal // nil: none come
	Log    *slog.Logger

	seen   string    // digest of the last read, or its error
	since  time.Time // when it was first read so
	judged string    // what was decided on; in force, refused or held
	asked  bool      // by SIGHUP, since the last decision
}

// How often the file is read, and how long it must have stayed the same.
const (
	lookEvery = 250 * time.Millisecond
	settled   = 500 * time.Millisecond
)

// Run watches until ctx ends.
func (w *accessWatch) Run(ctx context.Context) {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	w.judged = w.Live.Current().Digest
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.HUP:
			w.asked = true
		case now := <-ticker.C:
			w.look(ctx, now)
		}
	}
}

// look reads the file once and decides on it if it has settled and has not
// been decided on, or if SIGHUP asked to.
func (w *accessWatch) look(ctx context.Context, now time.Time) {
	data, err := strictyaml.ReadFile(w.Path)
	seen := digest(data)
	if err != nil {
		seen = "unreadable: " + err.Error()
	}
	if seen != w.seen {
		w.seen, w.since = seen, now
		return
	}
	if now.Sub(w.since) < settled || seen == w.judged && !w.asked {
		return
	}
	asked := w.asked
	w.judged, w.asked = seen, false
	if err != nil {
		w.refuse(ctx, "", unreadable(w.Path, err))
		return
	}
	w.judge(ctx, data, asked)
}

// judge decides on a file that has settled.
func (w *accessWatch) judge(ctx context.Context, data []byte, asked bool) {
	if digest(data) == w.Live.Current().Digest {
		w.Log.Info("the access file is the one in force", "file", w.Path, "policy", digest(data))
		return
	}
	next, warnings, err := policy.Parse(w.Path, data)
	if err == nil && w.Unfit != nil {
		err = w.Unfit(w.Path, next)
	}
	if err != nil {
		w.refuse(ctx, digest(data), err)
		return
	}
	ended, of := w.Ended(next)
	if !asked && ended > 1 && ended*5 > of {
		w.refuse(ctx, next.Digest, strictyaml.Faults{{File: w.Path, Text: fmt.Sprintf(
			"would end the sessions of %d of %d people; send SIGHUP if that is meant", ended, of)}})
		return
	}
	before := w.Live.Current()
	now := w.Live.Publish(next)
	w.Log.Info("the access file is in force", "file", w.Path, "policy", now.Digest, "epoch", now.Epoch, "ended", ended)
	for _, warning := range warnings {
		w.Log.Warn("access file", "line", warning.Line, "key", warning.Key, "warning", warning.Text)
	}
	w.record(ctx, audit.PolicyReloaded, map[string]string{
		"digest": now.Digest, "epoch": strconv.FormatUint(now.Epoch, 10), "before": before.Digest,
		"people_ended": strconv.Itoa(ended), "by": w.by(asked),
	})
}

func (w *accessWatch) by(asked bool) string {
	if asked {
		return "signal"
	}
	return "change"
}

// refuse says why a file is not put in force. The old one stays.
func (w *accessWatch) refuse(ctx context.Context, digest string, err error) {
	var faults strictyaml.Faults
	errors.As(err, &faults)
	for _, f := range faults {
		w.Log.Error("the access file is refused, the old one stays in force", "file", w.Path, "line", f.Line, "key", f.Key, "fault", f.Text)
	}
	w.record(ctx, audit.PolicyRefused, map[string]string{"digest": digest, "faults": strings.ReplaceAll(err.Error(), "\n", "; "), "in_force": w.Live.Current().Digest})
}

// record keeps the event. The policy in force does not hang on it: shutting
// somebody out must work on a full disk, too.
func (w *accessWatch) record(ctx context.Context, kind audit.Kind, detail map[string]string) {
	if err := w.Record(ctx, audit.Event{Kind: kind, Actor: audit.ActorPolicy, Detail: detail}); err != nil {
		w.Log.Error("the audit event is lost", "kind", kind, "err", err)
	}
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

func (h *house) openPolicy(context.Context) error {
	p, warnings, err := loadAccess(h.config.AccessFile)
	if err == nil {
		err = h.config.unseen(h.config.AccessFile, p)
	}
	if err != nil {
		return err
	}
	for _, w := range warnings {
		h.log.Warn("access file", "fault", w.String())
	}
	h.policy = policy.NewLive(p)
	return nil
}

// watchAccess keeps the policy what the access file says.
func (h *house) watchAccess(ctx context.Context) {
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	watch := accessWatch{
		Path: h.config.AccessFile, Live: h.policy, Ended: h.desk.Ended, Unfit: h.config.unseen,
		Record: h.store.Record, HUP: hup, Log: h.log,
	}
	watch.Run(ctx)
}
