package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"

	"golang.org/x/term"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/console"
	"github.com/sallyport/sallyport/recorder"
	"github.com/sallyport/sallyport/recorder/screens"
	"github.com/sallyport/sallyport/store"
)

// reindexed is what came of a reindex; the names are those of --json.
type reindexed struct {
	Recordings int                `json:"recordings"` // folders that were looked at
	Sessions   int                `json:"sessions"`   // that are in the database now, from their manifests
	Files      int                `json:"files"`      // entries of the ledger of files
	Notes      int                `json:"notes"`      // of auditors that the audit files have, and the database had no more
	Readable   int                `json:"readable"`   // sessions whose text can be searched now
	Unreadable []unusable         `json:"unreadable"` // those whose text cannot: encrypted, damaged
	Unsealed   []string           `json:"unsealed"`   // folders without a manifest: the next start closes them
	Unusable   []unusable         `json:"unusable"`
	Clashes    []clash            `json:"clashes"`
	Lost       []access.SessionID `json:"lost"` // were in the database, and no recording is left
}

// unusable is a file that tells nothing that can be relied upon.
type unusable struct {
	Path string `json:"path"`
	Why  string `json:"why"`
}

// clash is two recordings that have one place in the sequence.
type clash struct {
	Session  access.SessionID `json:"session_id"`
	Other    access.SessionID `json:"other"`
	Sequence uint64           `json:"sequence"`
}

// reindex makes the sessions and the ledgers of the database anew from the
// recordings, under the lock that a server holds while it runs.
func reindex(ctx context.Context, named string, asJSON bool, std stdio) (err error) {
	config, _, err := loadConfig(configPath(named))
	if err != nil {
		return err
	}
	if err := ownData(config.DataDir, "reindex"); err != nil {
		return err
	}
	lock, err := lockDir(config.DataDir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	trust, err := recorder.ReadTrust(config.keys())
	if err != nil {
		return err
	}
	if len(trust) == 0 {
		return fmt.Errorf("there is no recording-KEYID.pub in %s, so no recording could be verified: restore the keys first", config.keys())
	}
	s, err := store.Open(ctx, storeConfig(config))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	r := &reindexing{root: config.recordings(), audit: config.auditDir(), trust: trust, progress: progressOn(std.err)}
	r.found.Unsealed, r.found.Unusable, r.found.Unreadable, r.found.Clashes = []string{}, []unusable{}, []unusable{}, []clash{} // [] in JSON
	if r.found.Lost, err = s.Rebuild(ctx, func(to *store.Rebuild) error { return r.fill(ctx, to) }); err != nil {
		return fmt.Errorf("nothing was changed: %w", err)
	}
	r.found.Lost = append([]access.SessionID{}, r.found.Lost...)
	if err := r.read(ctx, newIndexer(config, s, slog.New(slog.DiscardHandler))); err != nil {
		return fmt.Errorf("the sessions are there, but not all of their text; the server will read the rest: %w", err)
	}
	if err := r.found.print(std.out, asJSON); err != nil {
		return err
	}
	if len(r.found.Unusable)+len(r.found.Clashes) > 0 {
		return console.ExitError(1)
	}
	return nil
}

// reindexing is a reindex under way.
type reindexing struct {
	root     string
	audit    string // folder of the audit chain's files
	trust    recorder.Trust
	progress func(done, of int)
	found    reindexed
}

// fill goes through the recordings, the oldest first.
func (r *reindexing) fill(ctx context.Context, to *store.Rebuild) error {
	folders, strange, err := recorder.Folders(r.root)
	if err != nil {
		return err
	}
	for _, path := range strange {
		r.refuse(to, path, errors.New("it is not named like a recording"))
	}
	r.found.Recordings = len(folders)
	for i, folder := range folders {
		if err := ctx.Err(); err != nil {
			return err
		}
		r.progress(i, len(folders))
		if err := r.take(to, folder); err != nil {
			return fmt.Errorf("%s: %w", folder, err)
		}
	}
	r.progress(len(folders), len(folders))
	return r.notes(ctx, to)
}

// take takes one recording. The error is one of the database.
func (r *reindexing) take(to *store.Rebuild, folder string) error {
	a, err := recorder.ReadSealed(folder, r.trust)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		r.found.Unsealed = append(r.found.Unsealed, folder)
		return nil
	case err != nil:
		r.refuse(to, folder, err)
		return nil
	}
	other, err := to.Add(a)
	if err != nil {
		return err
	}
	r.found.Sessions++
	if other != "" {
		r.found.Clashes = append(r.found.Clashes, clash{a.Session.ID, other, a.Sequence})
	}
	var failed error
	err = recorder.BatchTransfers(folder, a.Session.ID, func(batch []access.Transfer) error {
		r.found.Files += len(batch)
		failed = to.AddTransfers(batch)
		return failed
	})
	if err != nil && failed == nil {
		r.refuse(to, folder, fmt.Errorf("the ledger of files: %w", err))
	}
	return failed
}

// read reads the text of all sessions that are there now.
func (r *reindexing) read(ctx context.Context, x *screens.Indexer) error {
	done := 0
	err := x.Drain(ctx, func(s access.Session, read screens.Read) {
		if done++; done <= r.found.Sessions {
			r.progress(done, r.found.Sessions+1)
		}
		if read.Extent == screens.None {
			r.found.Unreadable = append(r.found.Unreadable, unusable{s.Recording, read.Fault})
			return
		}
		r.found.Readable++
	})
	r.progress(1, 1)
	return err
}

func (r *reindexing) refuse(to *store.Rebuild, path string, err error) {
	to.Unusable()
	r.found.Unusable = append(r.found.Unusable, unusable{path, access.Plain(err.Error(), 500)})
}

// print shows what came of it.
func (f reindexed) print(w io.Writer, asJSON bool) error {
	if asJSON {
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		return enc.Encode(f)
	}
	p := &lines{w: w}
	p.line("%s, %s, %s", count(f.Recordings, "recording", "recordings"),
		count(f.Sessions, "session", "sessions"), count(f.Files, "file in the ledger", "files in the ledger"))
	if f.Notes > 0 {
		p.line("%s of auditors came back from the audit files", count(f.Notes, "note", "notes"))
	}
	p.line("%s can be searched, %d cannot", count(f.Readable, "session", "sessions"), len(f.Unreadable))
	for _, folder := range f.Unsealed {
		p.line("not sealed, the next start closes it: %s", folder)
	}
	for _, id := range f.Lost {
		p.line("was in the database and has no recording here: %s", id)
	}
	for _, c := range f.Clashes {
		p.line("%s and %s have one place in the sequence, %d: both are kept", c.Other, c.Session, c.Sequence)
	}
	for _, u := range f.Unusable {
		p.line("not used: %s: %s", access.Plain(u.Path, 500), u.Why)
	}
	return p.err
}

// lines prints lines and keeps the first error.
type lines struct {
	w   io.Writer
	err error
}

func (l *lines) line(format string, args ...any) {
	if l.err == nil {
		_, l.err = fmt.Fprintf(l.w, format+"\n", args...)
	}
}

// progressOn shows progress on a terminal, in one line that is gone at the end;
// elsewhere none.
func progressOn(w io.Writer) func(done, of int) {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return func(int, int) {}
	}
	shown := -1
	return func(done, of int) {
		if done == of {
			fmt.Fprint(f, "\r\x1b[K")
			return
		}
		if percent := done * 100 / of; percent != shown {
			shown = percent
			fmt.Fprintf(f, "\r\x1b[Kreindex: %d of %d recordings, %d %%", done, of, percent)
		}
	}
}
