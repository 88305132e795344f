package recorder

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/sallyport/sallyport/access"
)

// End is how a session ended.
type End struct {
	Cause       string // as [access.Session.EndCause]
	Detail      string // safe to show
	ExitStatus  *int
	Certificate access.Certificate // zero: the one that the session began with
}

// sealing is a recording whose files are closed, on its way into the index.
type sealing struct {
	draft    Manifest
	session  access.Session
	manifest []byte // nil until the index has it
}

// Seal closes the recording, signs its manifest and ends the session in the
// index. It goes on when ctx is cancelled, for at most half a minute: a
// session usually ends because a context did. When it fails, [Recorder.Run]
// tries again, and after that the next start; calling it again does no harm
// either, and End counts only the first time.
func (rec *Recording) Seal(ctx context.Context, end End) (access.Session, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), sealTimeout)
	defer cancel()
	rec.syncing.Lock()
	defer rec.syncing.Unlock()
	rec.end(end)
	err := rec.regain()
	if err == nil {
		err = rec.lastSegment()
	}
	if err == nil {
		err = rec.finish()
	}
	if err != nil {
		rec.log().Error("recorder: the recording cannot be closed yet", "err", err)
		rec.late(err)
		return rec.Session(), err
	}
	if err := rec.commit(ctx); err != nil {
		rec.log().Error("recorder: the recording cannot be sealed yet", "err", err)
		rec.late(err)
		return rec.seal.session, err
	}
	return rec.seal.session, nil
}

// late takes note that sealing failed.
func (rec *Recording) late(cause error) {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	if !rec.unsealed {
		rec.unsealed = true
		rec.r.troubles.count(AtSeal, cause)
	}
}

// end stops the writers and notes how the session ended, once.
func (rec *Recording) end(end End) {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	if rec.closed {
		return
	}
	if rec.gap != nil {
		if err := rec.resume(); err != nil {
			rec.gap.To = rec.elapsed()
			rec.closeGap(*rec.gap)
		}
	}
	if rec.typed != nil && rec.ready() == nil {
		if err := rec.keepTyped(true); err != nil {
			_ = rec.fail(err) // is in the manifest
		}
	}
	rec.closed = true
	s := &rec.session
	s.State = access.SessionSealed
	s.EndedAt = s.StartedAt.Add(time.Duration(rec.elapsed()) * time.Microsecond)
	s.EndCause, s.EndDetail, s.ExitStatus = end.Cause, access.Plain(end.Detail, 500), end.ExitStatus
	if end.Certificate != (access.Certificate{}) {
		s.Certificate = end.Certificate
	}
}

// finish writes what is still held, closes the last block and the files, and
// drafts the manifest. It may be tried again after an error.
func (rec *Recording) finish() error {
	if rec.seal != nil {
		return nil
	}
	rec.mu.Lock()
	defer rec.mu.Unlock()
	if rec.crypt == nil {
		if err := rec.flush(); err != nil {
			return err
		}
	}
	if err := rec.block(); err != nil {
		return err
	}
	streams, tails, err := rec.joinTails()
	if err != nil {
		return err
	}
	var digests []FileDigest
	for _, f := range rec.onDisk() {
		if err := f.settle(rec.pathOf(f)); err != nil {
			return err
		}
		digests = append(digests, FileDigest{rec.nameOf(f), f.size, string(f.digest(nil))})
	}
	if rec.crypt != nil {
		digests = append(digests, rec.crypt.made...)
	}
	cuts, err := rec.cutFiles()
	rec.fresh.files.Store(true) // of whatever was renamed or cut
	if err := errors.Join(err, rec.settleEntries()); err != nil {
		return err
	}
	rec.closeFiles()
	rec.counts.Duration = rec.last
	s := rec.session
	s.BytesOut, s.BytesIn = rec.out.bytes+rec.err.bytes, rec.in.bytes
	rec.seal = &sealing{session: s, draft: Manifest{
		Session: factsOf(s), Counts: rec.counts, Files: slices.Concat(digests, tails, cuts), Streams: streams,
		Blocks: rec.idx.blocks, Chain: hex.EncodeToString(rec.idx.chain[:]),
		Gaps: rec.gaps, Recovery: rec.recovery, BastionID: rec.r.config.BastionID,
	}}
	if rec.broken != nil && rec.broken != rec.refused {
		rec.seal.draft.Failure = rec.broken.Error()
	}
	return nil
}

// flush writes the beginnings of characters that nothing completed.
func (rec *Recording) flush() error {
	b := getBuffer()
	defer putBuffer(b)
	heldOut, heldErr := rec.out.carry, rec.err.carry
	events := b.output(rec.out, rec.last, rec.cast.size, nil, true)
	events += b.output(rec.err, rec.last, rec.cast.size, nil, true)
	if events == 0 {
		return nil
	}
	if rec.broken != nil { // there may be notes about what could not be written
		b.notes = append(appendVoidNote(nil, rec.cast.size), b.notes...)
	}
	err := rec.idx.note(b.notes)
	if err == nil {
		err = rec.cast.append(b.cast)
	}
	if err != nil {
		rec.out.carry, rec.err.carry = heldOut, heldErr
		return err
	}
	rec.counts.Events += int64(events)
	return nil
}

// joinTails makes the tail files of the streams that went beyond the limit.
func (rec *Recording) joinTails() (streams []StreamDigest, files []FileDigest, err error) {
	for _, s := range rec.streams() {
		if s.sum == nil || s.bytes == 0 {
			continue
		}
		d := StreamDigest{Name: s.name, Bytes: s.bytes, Recorded: s.stored, Hashed: s.bytes}
		if rec.crypt != nil {
			d.Hashed = 0 // hidden with the notes
		} else if rec.recovery == nil {
			d.SHA256 = hex.EncodeToString(s.sum.Sum(nil))
		} else {
			d.Hashed, d.SHA256 = s.known.Bytes, s.known.SHA256
		}
		if s.bytes > s.stored {
			from, f, found, err := rec.keepTail(s)
			if err != nil {
				return nil, nil, err
			}
			if found {
				d.TailFrom = from
				files = append(files, f)
			}
		}
		streams = append(streams, d)
	}
	return streams, files, nil
}

// keepTail makes the file that stays of a stream's ring.
func (rec *Recording) keepTail(s *stream) (from int64, f FileDigest, found bool, err error) {
	if rec.crypt != nil {
		return rec.crypt.keepRing(s.name)
	}
	from, _, found, err = joinTail(rec.dir, s.name, &rec.r.reserve)
	if err != nil || !found {
		return 0, f, false, err
	}
	f, err = digestFile(rec.dir, s.name+tailEnd)
	return from, f, true, err
}

// cutFiles tells of what recoveries cut off, this one and any that did not
// come to its end.
func (rec *Recording) cutFiles() (files []FileDigest, err error) {
	if rec.recovery == nil {
		return nil, nil
	}
	entries, err := os.ReadDir(rec.dir)
	for _, e := range entries {
		if !strings.Contains(e.Name(), cutMark) {
			continue
		}
		f, err := digestFile(rec.dir, e.Name())
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	return files, err
}

// digestFile tells of a file that is not written any more.
func digestFile(dir, name string) (FileDigest, error) {
	sum := sha256.New()
	n, err := hashFile(dir, name, sum)
	return FileDigest{name, n, hex.EncodeToString(sum.Sum(nil))}, err
}

// closeFiles closes what is synced already, so that nothing can be lost by an
// error here.
func (rec *Recording) closeFiles() {
	for _, f := range rec.onDisk() {
		_ = f.f.Close()
	}
	for _, s := range rec.streams() {
		if s.tail != nil {
			_ = s.tail.f.Close()
		}
	}
}

// commit gives the recording its place in the index, durably, and then puts the
// manifest in its file. Between the two a crash leaves it to the next start.
func (rec *Recording) commit(ctx context.Context) error {
	r, seal := rec.r, rec.seal
	id := seal.session.ID
	if seal.manifest == nil {
		if err := rec.index(ctx); err != nil {
			return err
		}
		var made []byte
		err := r.config.Index.SealSession(ctx, id, func(seq uint64, prev [32]byte) ([]byte, access.Session, error) {
			m := seal.draft
			m.Sequence, m.Previous = seq, hex.EncodeToString(prev[:])
			var err error
			made, err = m.encode(r.keys)
			return made, seal.session, err
		})
		if err != nil {
			return indexError{err}
		}
		seal.manifest = made
	}
	if err := r.writeManifest(rec.dir, id, seal.manifest); err != nil {
		return err
	}
	r.mu.Lock()
	delete(r.live, id)
	r.mu.Unlock()
	return nil
}

// sealAgain tries to seal what ended and could not be sealed.
func (r *Recorder) sealAgain(ctx context.Context) {
	for _, rec := range r.recordings() {
		rec.mu.Lock()
		ended := rec.closed
		rec.mu.Unlock()
		if ended {
			_, _ = rec.Seal(ctx, End{}) // logs
		}
	}
}
