package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/sallyport/sallyport/audit"
)

// shutdownGrace is how long sessions may finish by themselves once the bastion
// was told to stop.
const shutdownGrace = 10 * time.Second

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
