package recorder

import (
	"context"
	"errors"
	"sync"
	"time"
)

// Run is the group syncer: every SyncEvery it closes a block in each recording
// that grew and makes all of them durable, a few at a time. Beside that it
// brings the ledger of files to the index and, less often, tries again to seal
// what could not be sealed, sets the reserve aside anew, and makes manifests
// durable. It returns when ctx ends, having synced once more; sealing is left
// to the sessions, or to the next start.
func (r *Recorder) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() {
		every(ctx, 10*r.config.SyncEvery, func() {
			r.reserve.take()
			r.sealAgain(ctx)
			r.confirmed(ctx)
		})
	})
	wg.Go(func() {
		every(ctx, r.config.SyncEvery, func() { r.indexAll(ctx) })
	})
	if len(r.config.Recipients) > 0 {
		wg.Go(func() {
			every(ctx, r.config.SyncEvery, func() { r.segmentAll(ctx) })
		})
	}
	every(ctx, r.config.SyncEvery, r.syncAll)
	r.syncAll()
	r.confirmed(context.WithoutCancel(ctx))
	return nil
}

// confirmed is confirm where nobody waits for it.
func (r *Recorder) confirmed(ctx context.Context) {
	if err := r.confirm(ctx); err != nil {
		r.config.Log.Error("recorder: manifests are not known to be on disk; the next start writes them again", "err", err)
	}
}

// every calls f at each tick until ctx ends.
func every(ctx context.Context, d time.Duration, f func()) {
	tick := time.NewTicker(d)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			f()
		}
	}
}

// syncAll syncs every live recording that needs it and waits for all.
func (r *Recorder) syncAll() {
	var wg sync.WaitGroup
	slots := make(chan struct{}, syncers)
	for _, rec := range r.recordings() {
		slots <- struct{}{}
		wg.Go(func() {
			rec.sync()
			<-slots
		})
	}
	wg.Wait()
}

// sync closes a block and makes the files durable. Writers are not held up
// while the disk works. A failure is the recording's failure, and leaves the
// file in doubt.
func (rec *Recording) sync() {
	rec.syncing.Lock()
	defer rec.syncing.Unlock()
	dirty, err := rec.beforeSync()
	for _, f := range dirty {
		if failed := f.f.Sync(); failed != nil {
			rec.mu.Lock()
			f.doubt = failed
			rec.mu.Unlock()
			err = errors.Join(err, failed)
		}
	}
	if err == nil && len(dirty) > 0 {
		err = rec.settleEntries()
	}
	if err != nil {
		rec.mu.Lock()
		_ = rec.failAt(AtSync, err) // told by Failed and the next write
		rec.mu.Unlock()
	}
}

// beforeSync closes a block and lists the files that grew since the last
// sync. One that is in doubt is not among them: a sync of it proves nothing.
func (rec *Recording) beforeSync() ([]*file, error) {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	if rec.closed || rec.ready() != nil {
		return nil, nil
	}
	if err := rec.block(); err != nil {
		return nil, err
	}
	var dirty []*file
	for _, f := range rec.onDisk() {
		if f.size == f.synced || f.doubt != nil {
			continue
		}
		if f.look(rec.pathOf(f)) != nil {
			return nil, rec.lookAll()
		}
		f.synced = f.size
		dirty = append(dirty, f)
	}
	if rec.crypt != nil && rec.crypt.moved {
		rec.crypt.moved = false
		return dirty, syncDir(rec.dir)
	}
	return dirty, nil
}
