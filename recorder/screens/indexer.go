package screens

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"time"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/recorder"
)

// Config is what an [Indexer] needs. Index and Folder are required.
type Config struct {
	Index Index
	// Folder finds a recording by [access.Session.Recording].
	Folder  func(recording string) string
	MaxText int64         // bytes kept of one session; default 64 MiB
	Every   time.Duration // how often it looks for work; default 1 s
	Log     *slog.Logger  // default slog.Default
	Clock   Clock         // default this process's
}

// Indexer reads the recordings of ended sessions in the background: text for
// the index, and keyframes. One works at a time; see [lanes].
type Indexer struct{ config Config }

const (
	defaultMaxText = 64 << 20
	unreadPage     = 100
	afterFailure   = time.Minute
	batchBytes     = 16 << 10 // of text in one transaction: some milliseconds
)

// NewIndexer makes an Indexer.
func NewIndexer(c Config) *Indexer {
	if c.MaxText <= 0 {
		c.MaxText = defaultMaxText
	}
	if c.Every <= 0 {
		c.Every = time.Second
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.Clock == nil {
		c.Clock = process{}
	}
	return &Indexer{c}
}

// Run reads what is unread, and what will be, until ctx ends. It works a
// quarter of the time at most, and next to nothing while this process has
// anything else to do, so that sessions do not feel it; see [pace].
func (x *Indexer) Run(ctx context.Context) {
	l := &lanes{x: x, pace: newPace(ctx, x.config.Clock), demoted: map[access.SessionID]int{}}
	defer l.stop()
	for ctx.Err() == nil {
		busy, err := l.round(ctx)
		wait := x.config.Every
		if err != nil && ctx.Err() == nil {
			l.stop()
			x.config.Log.Error("screens: ended sessions cannot be indexed", "err", err, "again_in", afterFailure)
			wait = afterFailure
		}
		if busy && err == nil {
			continue
		}
		if x.config.Clock.Wait(ctx, wait) != nil {
			return
		}
	}
}

// Drain reads all that is unread, the oldest first, without rest, and returns.
// Each is told of each session as it is done. Sessions that are tried again
// wait for the next Drain.
func (x *Indexer) Drain(ctx context.Context, each func(access.Session, Read)) error {
	tried := map[access.SessionID]bool{} // of those that failed only: few
	for {
		sessions, err := x.config.Index.Unread(ctx, unreadPage)
		if err != nil {
			return err
		}
		fresh := 0
		for _, s := range sessions {
			if tried[s.ID] {
				continue
			}
			fresh++
			r, err := x.read(ctx, s, nil)
			if err != nil {
				return err
			}
			if r.Again {
				tried[s.ID] = true
			}
			if each != nil {
				each(s, r)
			}
		}
		if fresh == 0 {
			return nil
		}
	}
}

// errIndex is an error of the index, after which nothing is tried further.
type errIndex struct{ error }

func (e errIndex) Unwrap() error { return e.error }

// read reads one session. The error is one of the index, of ctx, or errAside.
func (x *Indexer) read(ctx context.Context, s access.Session, pause func() error) (_ Read, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("session %s: %w", s.ID, err)
		}
	}()
	if pause != nil {
		if err := pause(); err != nil {
			return Read{}, err
		}
	}
	if err := x.config.Index.BeginReading(ctx, s.ID); err != nil {
		return Read{}, err
	}
	b := batch{ctx: ctx, index: x.config.Index, id: s.ID, pause: pause}
	out, err := Reading{Text: b.add, MaxText: x.config.MaxText, Keyframes: true, Pause: pause}.Play(ctx, x.config.Folder(s.Recording), s)
	if err == nil {
		err = b.send()
	}
	var index errIndex
	if errors.As(err, &index) || errors.Is(err, errAside) || ctx.Err() != nil {
		return Read{}, errors.Join(err, ctx.Err())
	}
	r := Read{Extent: Whole, Text: out.Text, Until: out.Until}
	switch {
	case errors.Is(err, recorder.ErrEncrypted):
		r.Extent, r.Fault = None, "encrypted for its recipients"
	case errors.Is(err, fs.ErrNotExist):
		r.Extent, r.Fault = None, "there is no cast to read: deleted or lost"
	case err != nil:
		r.Extent, r.Fault, r.Again = None, access.Plain(err.Error(), 300), true
		x.config.Log.Warn("screens: a recording cannot be read", "session", s.ID, "err", err)
	case out.Cut:
		r.Extent = Cut
	}
	if out.KeyframeFault != nil {
		x.config.Log.Warn("screens: no keyframes", "session", s.ID, "err", out.KeyframeFault)
	}
	return r, x.config.Index.EndReading(ctx, s.ID, r)
}

// batch gathers segments for one transaction.
type batch struct {
	ctx      context.Context
	index    Index
	id       access.SessionID
	pause    func() error
	segments []access.TextSegment
	bytes    int
}

func (b *batch) add(s access.TextSegment) error {
	b.segments = append(b.segments, s)
	for _, line := range s.Lines {
		b.bytes += len(line.Text)
	}
	if b.bytes < batchBytes {
		return nil
	}
	if err := b.send(); err != nil || b.pause == nil {
		return err
	}
	return b.pause()
}

func (b *batch) send() error {
	if len(b.segments) == 0 {
		return nil
	}
	if err := b.index.AddText(b.ctx, b.id, b.segments); err != nil {
		return errIndex{err}
	}
	b.segments, b.bytes = b.segments[:0], 0
	return nil
}
