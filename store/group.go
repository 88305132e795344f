package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// Under load most of what a write costs is its commit, which waits for the
// disk. So writes that meet share one: each runs in its turn, in the open
// transaction, and whoever finds nobody behind commits for all of them. A
// write alone commits at once: nobody waits for company.

// maxGroup bounds how many writes share a commit, and with it how long the
// first of them waits for the others.
const maxGroup = 32

// group is a transaction under way and the writes in it. Its fields are of
// whoever has the turn; once done is closed they stay as they are.
type group struct {
	tx    *sql.Tx
	size  int      // writes that it was given
	undo  []func() // of those that count so far, in order
	wakes bool     // one of them appended audit rows
	err   error    // why none of it counts
	done  chan struct{}
}

// Write runs f in a writer transaction and returns when it is committed,
// durably; if f returns an error nothing of it happened, and the error is f's.
// If ctx ends before its part is over nothing of it happened either. f must be quick and must
// not wait for anything but the transaction.
//
// The transaction may hold writes of others, before f and after it. f sees those
// before it, which is why even its error is only returned once they are
// committed, and they stand or fall together if the commit fails; an error of
// f touches none of them.
func (s *Store) Write(ctx context.Context, f func(*Tx) error) error {
	s.queued.Add(1)
	s.turn.Lock()
	s.queued.Add(-1) // whoever is counted comes: nobody leaves the queue
	g, err := s.join(ctx)
	if err != nil {
		s.turn.Unlock()
		return fmt.Errorf("store: %w", err)
	}
	failed := s.run(ctx, g, f)
	if s.group == g && g.size < maxGroup && s.queued.Load() > 0 {
		s.turn.Unlock()
		<-g.done
	} else {
		s.finish(g)
		s.turn.Unlock()
	}
	if g.err != nil {
		return g.err
	}
	return failed
}

// join gives the open group, or begins one.
func (s *Store) join(ctx context.Context) (*group, error) {
	if s.group != nil {
		return s.group, nil
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	// The context of one must not end the transaction of all.
	tx, err := s.writer.BeginTx(context.WithoutCancel(ctx), nil)
	if err != nil {
		return nil, err
	}
	s.group = &group{tx: tx, done: make(chan struct{})}
	return s.group, nil
}

const (
	savepoint = `SAVEPOINT one`
	release   = `RELEASE one`
	rollback  = `ROLLBACK TO one`
)

// run gives f its part of the transaction. What f did is taken back when it
// fails, or panics; when that cannot be, the group fails.
func (s *Store) run(ctx context.Context, g *group, f func(*Tx) error) (err error) {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	// An interrupted statement takes the whole transaction back (SQLite,
	// sqlite3_interrupt), so f runs to its end.
	tx := &Tx{ctx: context.WithoutCancel(ctx), tx: g.tx, store: s}
	g.size++
	if err := tx.exec(savepoint); err != nil {
		g.err = fmt.Errorf("store: %w", err)
		return g.err
	}
	ok := false
	defer func() {
		if !ok {
			g.back(tx)
			if err == nil { // a panic goes on from here, so the turn ends here
				s.finish(g)
				s.turn.Unlock()
			}
		}
	}()
	if err := f(tx); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	// SQLite takes everything back by itself on some errors (a full disk), which
	// f may have overlooked: then there is no savepoint any more.
	if err := tx.exec(release); err != nil {
		g.err = fmt.Errorf("store: %w", err)
		return g.err
	}
	ok = true
	g.undo = append(g.undo, tx.undo...)
	g.wakes = g.wakes || tx.audited
	return nil
}

// back takes back what one write did.
func (g *group) back(tx *Tx) {
	reverse(tx.undo)
	if g.err != nil {
		return
	}
	if err := errors.Join(tx.exec(rollback), tx.exec(release)); err != nil {
		g.err = fmt.Errorf("store: %w", err)
	}
}

// finish commits, or takes everything back, and tells those who wait.
func (s *Store) finish(g *group) {
	s.group = nil
	if g.err == nil {
		if err := g.tx.Commit(); err != nil {
			g.err = fmt.Errorf("store: commit: %w", err)
		}
	} else {
		_ = g.tx.Rollback() // fails when SQLite has done it by itself
	}
	switch {
	case g.err != nil:
		reverse(g.undo)
	case g.wakes:
		s.wake()
	}
	close(g.done)
}

// reverse calls the last first.
func reverse(undo []func()) {
	for i := len(undo) - 1; i >= 0; i-- {
		undo[i]()
	}
}
