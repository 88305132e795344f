package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/oklog/ulid/v2"
	"golang.org/x/crypto/ssh"

	"github.com/sallyport/sallyport/approvals"
	"github.com/sallyport/sallyport/approvals/slackbot"
	"github.com/sallyport/sallyport/audit/forward"
	"github.com/sallyport/sallyport/bastion"
	"github.com/sallyport/sallyport/certs"
	"github.com/sallyport/sallyport/console"
	"github.com/sallyport/sallyport/internal/oncall"
	"github.com/sallyport/sallyport/policy"
	"github.com/sallyport/sallyport/recorder"
	"github.com/sallyport/sallyport/store"
)

// Floor-3 packages do not import each other: each declares what it needs, and
// here is said that they fit.
var (
	_ bastion.Desk       = (*approvals.Desk)(nil)
	_ bastion.Auditor    = (*store.Store)(nil)
	_ bastion.Console    = (*screen)(nil)
	_ recorder.Index     = (*store.Store)(nil)
	_ forward.Chain      = (*store.Store)(nil)
	_ console.Desk       = (*approvals.Desk)(nil)
	_ console.Store      = (*store.Store)(nil)
	_ slackbot.Desk      = (*approvals.Desk)(nil)
	_ approvals.Notifier = (*slackbot.Bot)(nil)
	_ approvals.Store    = deskStore{}
)

// deskStore is the store as the desk declares it: the transaction is the same,
// under the desk's name for it.
type deskStore struct{ *store.Store }

func (s deskStore) Write(ctx context.Context, f func(approvals.Tx) error) error {
	return s.Store.Write(ctx, func(tx *store.Tx) error { return f(tx) })
}

// house is a bastion put together.
type house struct {
	config *Config
	log    *slog.Logger
	lock   *os.File

	policy   *policy.Live
	store    *store.Store
	recorder *recorder.Recorder
	signer   *signer
	hostCA   *certs.HostCA
	hostKeys []ssh.Signer
	desk     *approvals.Desk
	slack    *slackbot.Bot // nil without Slack
	console  *console.Console
	screen   *screen
	door     *bastion.Server
	revoked  *revocations
	senders  []*forward.Forwarder // of the audit chain, to other systems

	listeners
}

func newID() string { return ulid.Make().String() }

// build joins everything. What it opened is closed again when it fails. The
// error is fit for the operator.
func build(ctx context.Context, config *Config, log *slog.Logger) (_ *house, err error) {
	h := &house{config: config, log: log}
	defer func() {
		if err != nil {
			err = errors.Join(err, h.close())
		}
	}()
	steps := []func(context.Context) error{
		h.lockData, h.openPolicy, h.listen, h.openStore, h.openSigner, h.openRecorder,
		h.recover, h.openDesk, h.openConsole, h.openDoor, h.openSenders,
	}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	return h, nil
}

func (h *house) openStore(ctx context.Context) (err error) {
	if err := refuseForgetting(ctx, h.config); err != nil {
		return err
	}
	h.store, err = store.Open(ctx, storeConfig(h.config))
	return err
}

func storeConfig(c *Config) store.Config {
	return store.Config{Path: c.database(), BastionID: c.BastionID, Now: time.Now}
}

func (h *house) openRecorder(context.Context) (err error) {
	c := h.config.Recording
	onFailure, err := recorder.ParseOnFailure(c.OnFailure)
	if err != nil {
		return err
	}
	h.recorder, err = recorder.New(recorder.Config{
		Dir: h.config.recordings(), KeyDir: h.config.keys(), BastionID: h.config.BastionID, Index: shownIndex{h.store, h.look},
		OnFailure: onFailure, MinFree: int64(c.MinFree), SyncEvery: c.SyncEvery, ExecLimit: int64(c.ExecLimit),
		Recipients: c.recipients,
		Now:        time.Now, Log: h.log,
	})
	return err
}

func (h *house) openDesk(context.Context) (err error) {
	slack := h.config.Slack
	h.desk, err = approvals.New(approvals.Config{
		Store: deskStore{h.store}, Policy: h.policy, BastionID: h.config.BastionID,
		Now: time.Now, NewID: newID, Log: h.log, Shown: slack.Mode != "none",
		Encrypted: len(h.config.Recording.Recipients) > 0,
		OnCall:    onCall(oncall.New(time.Now)),
	})
	if err != nil || slack.Mode == "none" {
		return err
	}
	h.slack, err = newSlack(slack, h.desk, h.store, h.log)
	return err
}

func (h *house) openConsole(context.Context) (err error) {
	h.screen = &screen{desk: h.desk, store: h.store, policy: h.policy, recorder: h.recorder, advertise: h.advertise(), innerKey: h.config.SSH.InnerAuth == "key", now: time.Now, log: h.log}
	public := make([]ssh.PublicKey, len(h.hostKeys))
	for i, k := range h.hostKeys {
		public[i] = k.PublicKey()
	}
	h.console = console.New(console.Config{
		Desk: h.desk, Store: h.screen.watchable(), Policy: h.policy,
		Recordings: h.config.recordings(), Trust: h.recorder.Keys().Trust, Keys: h.recorder.Keys(),
		Advertise: h.advertise(), HostKeys: public, HostCA: h.hostCA.PublicKey(), Viewer: h.screen.watch,
		BastionID: h.config.BastionID, Now: time.Now, Log: h.log,
	})
	h.screen.console = h.console
	h.socket, err = h.console.Listen(h.config.socket())
	return err
}

func (h *house) openDoor(context.Context) (err error) {
	userCAs, err := h.config.readUserCAs()
	if err != nil {
		return err
	}
	if h.revoked, err = openRevocations(h.config.SSH.RevokedKeys); err != nil {
		return err
	}
	l := h.config.Limits
	h.door, err = bastion.New(bastion.Config{
		HostKeys: h.hostKeys, HostCA: h.hostCA, UserCAs: userCAs, Revoked: h.revoked.Revoked,
		InnerAuth: h.config.SSH.InnerAuth,
		Limits: bastion.Limits{
			Handshake: l.Handshake, Auth: l.Auth, AuthTries: l.AuthTries, MaxUnauthenticated: l.MaxUnauthenticated,
			FailedPerIPPerMinute: l.FailedPerIPPerMinute, Idle: l.Idle, SessionsPerPerson: l.SessionsPerPerson,
			Unwatched: l.Unwatched,
		},
		Policy: h.policy, Desk: h.desk, Mint: h.signer.mint, Emergency: h.signer.emergency, Recorder: h.recorder,
		OnFailure: recorder.OnFailure(h.config.Recording.OnFailure), Audit: h.store,
		Console:   h.screen,
		BastionID: h.config.BastionID, Now: time.Now, NewID: newID, Log: h.log,
	})
	return err
}

// recover closes what a crash left open, before anybody can come in.
func (h *house) recover(ctx context.Context) error {
	recovered, err := h.recorder.Recover(ctx)
	for _, s := range recovered {
		h.log.Warn("recording recovered", "session", s.ID, "person", s.Person, "host", s.Target.Host)
	}
	if err != nil {
		return fmt.Errorf("closing what a crash left open: %w", err)
	}
	return nil
}

// look has the outbox looked into, once there is a desk.
func (h *house) look() {
	if h.desk != nil {
		h.desk.Look()
	}
}
