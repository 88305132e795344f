package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/oklog/ulid/v2"
	"golang.org/x/crypto/ssh"
	"golang.org/x/sync/errgroup"

	"github.com/sallyport/sallyport/approvals"
	"github.com/sallyport/sallyport/approvals/slackbot"
	"github.com/sallyport/sallyport/audit"
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

// shutdownGrace is how long sessions may finish by themselves once the bastion
// was told to stop.
const shutdownGrace = 10 * time.Second

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

// listeners are opened before anything starts, so that a busy port is said at
// once and nothing has happened yet.
type listeners struct {
	ssh           net.Listener
	http, metrics net.Listener // nil where not configured
	socket        *console.Server
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

func (h *house) listen(context.Context) (err error) {
	if h.ssh, err = listen("ssh.listen", h.config.SSH.Listen); err != nil {
		return err
	}
	if addr := h.config.HTTP.Listen; addr != "" {
		if h.http, err = listen("http.listen", addr); err != nil {
			return err
		}
	}
	if addr := h.config.HTTP.Metrics; addr != "" {
		if h.metrics, err = listen("http.metrics", addr); err != nil {
			return err
		}
	}
	return nil
}

func listen(key, addr string) (net.Listener, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("%s: cannot listen: %w", key, err)
	}
	return l, nil
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

// look has the outbox looked into, once there is a desk.
func (h *house) look() {
	if h.desk != nil {
		h.desk.Look()
	}
}

// advertise is where people reach the bastion.
func (h *house) advertise() string {
	if a := h.config.SSH.Advertise; a != "" {
		return a
	}
	return h.ssh.Addr().String()
}

// run serves until ctx ends, then lets sessions finish. ready is called once
// everything listens.
func (h *house) run(ctx context.Context, ready func()) error {
	if err := h.store.Record(ctx, audit.Event{Kind: audit.ServerStarted, Actor: audit.ActorSystem, Detail: map[string]string{"version": version}}); err != nil {
		return err
	}
	// What sessions lean on ends after them.
	below, stopBelow := context.WithCancel(context.WithoutCancel(ctx))
	defer stopBelow()
	under, below := errgroup.WithContext(below)
	under.Go(func() error { h.desk.Run(below); return nil })
	under.Go(func() error { return h.recorder.Run(below) })
	under.Go(func() error { h.indexer().Run(below); return nil })
	under.Go(func() error { h.store.FollowAudit(below, h.config.auditDir(), h.log); return nil })
	for _, s := range h.senders {
		under.Go(func() error { s.Run(below); return nil })
	}
	under.Go(func() error { return h.signer.run(below) })
	under.Go(func() error { h.anchorEachMinute(below); return nil })
	under.Go(func() error { giveBack(below); return nil })
	under.Go(func() error {
		(&keeper{h.config.Recording.Keep, h.policy, h.store, h.recorder, time.Now, h.log}).run(below)
		return nil
	})
	under.Go(func() error { h.watchAccess(below); return nil })
	under.Go(func() error { h.revoked.follow(below, h.log, h.door.Revalidate); return nil })
	if h.slack != nil {
		under.Go(func() error { return h.slack.Run(below) })
		under.Go(func() error { h.desk.Deliver(below, h.slack); return nil })
	}

	front, ctx := errgroup.WithContext(ctx)
	front.Go(func() error { return h.door.Serve(h.ssh) })
	front.Go(func() error { return h.socket.Serve(ctx) })
	front.Go(func() error { return serveHTTP(ctx, h.http, h.web()) })
	front.Go(func() error { return serveHTTP(ctx, h.metrics, h.metricsPage()) })
	front.Go(func() error {
		select {
		case <-ctx.Done():
		case <-below.Done(): // something that sessions lean on has failed
		}
		h.log.Info("stopping; sessions may finish", "for", shutdownGrace)
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownGrace)
		defer cancel()
		h.door.Shutdown(grace)
		return context.Cause(below)
	})
	ready()
	err := front.Wait()
	stopBelow()
	err = errors.Join(err, under.Wait())
	if errors.Is(err, context.Canceled) {
		err = nil
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownGrace)
	defer cancel()
	return errors.Join(err, h.store.Record(last, audit.Event{Kind: audit.ServerStopped, Actor: audit.ActorSystem}))
}

// close gives back what build opened. It is called after run, or instead.
func (h *house) close() error {
	var errs []error
	for _, l := range []net.Listener{h.ssh, h.http, h.metrics} {
		if l != nil {
			if err := l.Close(); !errors.Is(err, net.ErrClosed) {
				errs = append(errs, err)
			}
		}
	}
	if h.socket != nil {
		errs = append(errs, h.socket.Close())
	}
	if h.store != nil {
		errs = append(errs, h.store.Close())
	}
	if h.lock != nil {
		errs = append(errs, h.lock.Close()) // and unlocked with it
	}
	return errors.Join(errs...)
}

// serve is the command: it loads, builds, says that it is ready, and runs.
func serve(ctx context.Context, path string, std stdio) error {
	config, warnings, err := loadConfig(path)
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(std.err, nil))
	for _, w := range warnings {
		log.Warn("configuration", "fault", w.String())
	}
	h, err := build(ctx, config, log)
	if err != nil {
		return err
	}
	err = h.run(ctx, func() { fmt.Fprintln(std.out, h.readyLine()) })
	return errors.Join(err, h.close())
}

// readyLine is the one line on standard output, by contract.
func (h *house) readyLine() string {
	line := "sallyport: ready ssh=" + h.ssh.Addr().String()
	if h.http != nil {
		line += " http=" + h.http.Addr().String()
	}
	if h.metrics != nil {
		line += " metrics=" + h.metrics.Addr().String()
	}
	return line
}

// serveHTTP serves until ctx ends; without a listener there is nothing to do.
func serveHTTP(ctx context.Context, l net.Listener, handler http.Handler) error {
	if l == nil {
		return nil
	}
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 15 * time.Second,
		WriteTimeout: 30 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10,
		ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug),
	}
	defer context.AfterFunc(ctx, func() {
		over, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		_ = server.Shutdown(over) // Serve returns in any case
	})()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
