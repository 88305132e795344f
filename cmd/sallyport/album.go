package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/console"
	"github.com/sallyport/sallyport/recorder"
	"github.com/sallyport/sallyport/tui"
)

// album is the sessions of a folder that was copied from a bastion, as their
// manifests tell of them: an auditor's index, without server and database.
// Nothing is verified; verify does.
type album struct {
	sessions []access.Session // newest first; Recording is the folder's path
}

// openAlbum finds the recordings at or below dir. Those without a manifest,
// copied while they ran, are left out.
func openAlbum(dir string) (*album, error) {
	a := &album{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() || !recorder.IsFolder(path) {
			return err
		}
		m, err := recorder.ReadManifest(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		s := m.Session.Session()
		s.Recording = path
		a.sessions = append(a.sessions, s)
		return fs.SkipDir
	})
	if err == nil && len(a.sessions) == 0 {
		err = fmt.Errorf("%s holds no recording", dir)
	}
	slices.SortFunc(a.sessions, func(x, y access.Session) int { return cmp.Compare(y.ID, x.ID) })
	return a, err
}

// Session gives one by its ID.
func (a *album) Session(_ context.Context, id access.SessionID) (access.Session, error) {
	for _, s := range a.sessions {
		if s.ID == id {
			return s, nil
		}
	}
	return access.Session{}, access.Refuse(access.ReasonNotFound, "there is no such session here", "Look at another folder").About(string(id))
}

// Sessions selects as the store does.
func (a *album) Sessions(_ context.Context, q access.SessionQuery) (found []access.Session, err error) {
	for _, s := range a.sessions {
		if q.Has(s) && (q.Before == "" || s.ID < q.Before) {
			found = append(found, s)
		}
	}
	if q.Order != access.ByStart || q.Backward { // they lie newest first
		slices.SortFunc(found, q.Compare)
	}
	found = found[min(q.Skip, len(found)):]
	return found[:min(cmp.Or(q.Limit, 1000), len(found))], nil
}

// files is a session's ledger of files, the first thousand entries; what of it
// cannot be read, verify tells.
func (a *album) files(ctx context.Context, id access.SessionID) ([]access.Transfer, error) {
	s, err := a.Session(ctx, id)
	if err != nil {
		return nil, err
	}
	var list []access.Transfer
	for t, err := range recorder.Transfers(s.Recording) {
		var damaged *recorder.LineError
		if err != nil && !errors.As(err, &damaged) {
			return list, err
		}
		if err == nil {
			list = append(list, t)
		}
		if len(list) == 1000 {
			break
		}
	}
	return list, nil
}

// browseCopy is the auditor's view of a copied folder.
func browseCopy(ctx context.Context, dir string, o tuiFlags, std stdio) error {
	ids, err := console.ReadIdentities(o.identity)
	if err != nil {
		return err
	}
	a, err := openAlbum(dir)
	if err != nil {
		return err
	}
	if o.plain {
		return plainCopy(ctx, a, dir, o.trust, ids, std)
	}
	err = tui.Run(ctx, tui.Config{
		Actor: access.Actor{LocalUID: os.Getuid(), Via: access.ViaSocket},
		Roles: tui.Roles{Auditor: true}, Sessions: a,
		Export: exportCopy(ids),
		Files:  a.files, Notes: a.notes, Trail: trails(func(path string) string { return path }),
		Open: func(_ context.Context, s access.Session) (tui.Recording, error) {
			return tui.OpenFolderWith(s.Recording, ids)
		},
		Terminal: tui.Terminal{In: std.in, Out: std.out, Env: os.Environ()},
		Now:      time.Now, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		err = fmt.Errorf("user interface: %w", err)
	}
	return err
}
