package recorder

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/oklog/ulid/v2"

	"github.com/sallyport/sallyport/access"
)

// Recovery tells in a manifest how a recording was closed after a crash.
type Recovery struct {
	// Blocks and Chain are the last block that the crashed process closed:
	// compare with heads kept elsewhere.
	Blocks   uint64    `json:"blocks"`
	Chain    string    `json:"chain,omitempty"`
	Cuts     []Cut     `json:"cuts,omitempty"`
	Mismatch *Mismatch `json:"mismatch,omitempty"`
	Notes    []string  `json:"notes,omitempty"` // what else was found
}

// Cut is the end of a file that was not whole lines, or that its proof no
// longer covers. The bytes are kept in NAME.cut-AT.
type Cut struct {
	Name  string `json:"name"`
	At    int64  `json:"at"`
	Bytes int64  `json:"bytes"`
}

// Mismatch is a part of a file that is not what its block said, although it
// is there: somebody or something changed it.
type Mismatch struct {
	Name string `json:"name"`
	From int64  `json:"from"` // the first wrong byte is at or after it
	To   int64  `json:"to"`   // and before this
}

// Recover closes what a crash left open: manifests that the index has and the
// disk has not, sessions that the index says are live, and folders without a
// manifest, whether the index knows them or not. Each is cut at its last whole
// event, with the cut bytes kept beside it, and sealed as recovered.
//
// A recording that has a manifest is sealed already, whatever the index says:
// after a restore it may be older than the disk. Those are adopted as they
// are, and no byte of them is written again.
//
// It must run before the first Start. It can be interrupted and run again at
// any point. One recording that cannot be recovered does not keep the others
// from it: the error tells of all that failed, the sessions are those that
// were recovered.
func (r *Recorder) Recover(ctx context.Context) ([]access.Session, error) {
	errs := []error{r.finishManifests(ctx)}
	errs = append(errs, r.adopt(ctx))
	sessions, err := r.unsealed(ctx)
	errs = append(errs, err)
	var recovered []access.Session
	for _, s := range sessions {
		if err := ctx.Err(); err != nil {
			return recovered, errors.Join(append(errs, err)...)
		}
		sealed, err := r.recoverFolder(ctx, s)
		if err != nil {
			errs = append(errs, fmt.Errorf("recording %s: %w", s.ID, err))
			continue
		}
		r.config.Log.Warn("recorder: recovered after a crash", "session", string(s.ID))
		recovered = append(recovered, sealed)
	}
	return recovered, errors.Join(errs...)
}

// finishManifests puts manifests on disk that the index has committed.
func (r *Recorder) finishManifests(ctx context.Context) error {
	unwritten, err := r.config.Index.UnwrittenManifests(ctx, r.config.BastionID)
	if err != nil {
		return err
	}
	var errs []error
	for _, m := range unwritten {
		if buried(r.Folder(m.Recording)) { // deleted since: it must not come back
			errs = append(errs, r.config.Index.ManifestWritten(ctx, m.ID))
			continue
		}
		if err := r.writeManifest(r.Folder(m.Recording), m.ID, m.Manifest); err != nil {
			errs = append(errs, fmt.Errorf("manifest of %s: %w", m.ID, err))
		}
	}
	return errors.Join(append(errs, r.confirm(ctx))...)
}

// unsealed lists the sessions to recover: first those of the index, then
// those that only the disk knows.
func (r *Recorder) unsealed(ctx context.Context) ([]access.Session, error) {
	sessions, err := r.config.Index.LiveSessions(ctx, r.config.BastionID)
	if err != nil {
		return nil, err
	}
	known := map[access.SessionID]bool{}
	var todo []access.Session
	r.mu.Lock()
	for id := range r.live {
		known[id] = true
	}
	r.mu.Unlock()
	for _, s := range sessions {
		// One with a manifest could not be adopted: that error stands.
		if !known[s.ID] && !sealedFolder(r.Folder(s.Recording)) {
			todo = append(todo, s)
		}
		known[s.ID] = true
	}
	folders, err := r.folders()
	if err != nil {
		return todo, err
	}
	for _, folder := range folders {
		id := access.SessionID(filepath.Base(folder))
		if !known[id] && !sealedFolder(folder) {
			todo = append(todo, r.sessionOf(folder, id))
		}
	}
	return todo, nil
}

// folders lists those of all recordings, oldest first.
func (r *Recorder) folders() ([]string, error) {
	folders, _, err := Folders(r.config.Dir)
	return folders, err
}

// Folders lists the folders of recordings below root, the oldest first, and
// apart from them what lies beside them and is none.
func Folders(root string) (folders, strange []string, err error) {
	all, err := filepath.Glob(filepath.Join(globQuote(root), "[0-9][0-9][0-9][0-9]", "[0-9][0-9]", "[0-9][0-9]", "*"))
	for _, folder := range all {
		if access.ValidID(filepath.Base(folder)) {
			folders = append(folders, folder)
		} else {
			strange = append(strange, folder)
		}
	}
	return folders, strange, err
}

// recordingOf is [access.Session.Recording] of a folder below the root.
func (r *Recorder) recordingOf(folder string) string { return recordingBelow(r.config.Dir, folder) }

func recordingBelow(root, folder string) string {
	rel, _ := filepath.Rel(root, folder) // both from the same Glob
	return filepath.ToSlash(rel)
}

// globQuote escapes what a pattern would take for more than a name.
func globQuote(dir string) string {
	var out []byte
	for i := 0; i < len(dir); i++ {
		switch dir[i] {
		case '*', '?', '[', '\\':
			out = append(out, '\\')
		}
		out = append(out, dir[i])
	}
	return string(out)
}

// sessionOf tells from a folder alone what session it is of: by the header of
// the cast, and if that is lost, by the ID.
func (r *Recorder) sessionOf(folder string, id access.SessionID) access.Session {
	s := access.Session{ID: id, BastionID: r.config.BastionID}
	if u, err := ulid.ParseStrict(string(id)); err == nil {
		s.StartedAt = stamp(ulid.Time(u.Time()))
	}
	if facts, ok := factsIn(folder); ok && facts.ID == id {
		s = facts
	} else if cast, err := Open(folder); err == nil {
		if f := cast.Header.Facts; f != nil && f.ID == string(id) {
			s = f.Session()
		}
		_ = cast.Close() // only read
	}
	s.Recording = r.recordingOf(folder)
	return s
}

// recoverFolder closes one recording.
func (r *Recorder) recoverFolder(ctx context.Context, s access.Session) (access.Session, error) {
	rec := r.newRecording(s, r.config.Now())
	rec.recovery = &Recovery{}
	rec.closed = true
	m := &mending{rec: rec}
	if err := m.mend(); err != nil {
		m.close()
		return s, err
	}
	rec.session.State, rec.session.EndCause = access.SessionRecovered, access.EndCrash
	rec.session.EndedAt = s.StartedAt.Add(micros(rec.last))
	if err := rec.finish(); err != nil {
		m.close()
		return s, err
	}
	if err := rec.commit(ctx); err != nil {
		return s, err
	}
	return rec.seal.session, nil
}
