package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/console"
	"github.com/sallyport/sallyport/recorder"
	"github.com/sallyport/sallyport/tui"
)

// album is the sessions of a folder that was copied from a bastion, as their
// manifests tell of them: an auditor's index, without server and database.
// Nothing is verified; verify does. Manifests are read in the background, those
// of the newest first, and who asks waits for as many as it takes.
type album struct {
	mu       sync.Mutex
	sessions []access.Session // newest first; Recording is the folder's path
	leftOut  int              // their manifests cannot be read
	whole    bool
	grown    chan struct{} // closed, and made anew, when there are more
}

// openAlbum finds the recordings at or below dir. Those without a manifest,
// copied while they ran, are left out. Reading ends with ctx.
func openAlbum(ctx context.Context, dir string) (*album, error) {
	var folders []string
	inOrder := true
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		named := access.ValidID(d.Name()) // as a recording is, which needs no look inside
		if !named && !recorder.IsFolder(path) {
			return nil
		}
		folders, inOrder = append(folders, path), inOrder && named
		return fs.SkipDir
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(folders, func(x, y string) int { return cmp.Compare(filepath.Base(y), filepath.Base(x)) })
	a := &album{grown: make(chan struct{})}
	if inOrder { // their names are their IDs
		go a.read(ctx, folders)
	} else {
		a.readAll(ctx, folders)
	}
	if a.await(ctx, func() bool { return len(a.sessions) > 0 }); len(a.sessions) == 0 {
		return nil, fmt.Errorf("%s holds no recording", dir)
	}
	return a, ctx.Err()
}

// read takes the folders in, in their order.
func (a *album) read(ctx context.Context, folders []string) {
	const step = 200 // between those who wait are told
	for i, path := range folders {
		if ctx.Err() != nil {
			break
		}
		a.take(path, access.SessionID(filepath.Base(path)))
		if i%step == step-1 {
			a.tell(false)
		}
	}
	a.tell(true)
}

// readAll is read where folders were given other names.
func (a *album) readAll(ctx context.Context, folders []string) {
	for _, path := range folders {
		if ctx.Err() == nil {
			a.take(path, "")
		}
	}
	slices.SortFunc(a.sessions, func(x, y access.Session) int { return cmp.Compare(y.ID, x.ID) })
	a.tell(true)
}

// take adds the recording of a folder, which is of the session wanted, if not
// of any.
func (a *album) take(path string, wanted access.SessionID) {
	m, err := recorder.ReadManifest(path)
	s := m.Session.Session()
	s.Recording = path
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil, wanted != "" && s.ID != wanted:
		a.leftOut++
	default:
		a.sessions = append(a.sessions, s)
	}
}

// tell wakes those who wait.
func (a *album) tell(whole bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	close(a.grown)
	a.grown, a.whole = make(chan struct{}), whole
}

// await waits until enough says so, all is read, or ctx is done. Enough is
// called with a locked, which is what await leaves.
func (a *album) await(ctx context.Context, enough func() bool) {
	for {
		a.mu.Lock()
		grown := a.grown
		done := a.whole || enough()
		a.mu.Unlock()
		if done {
			return
		}
		select {
		case <-grown:
		case <-ctx.Done():
			return
		}
	}
}

// Session gives one by its ID.
func (a *album) Session(ctx context.Context, id access.SessionID) (found access.Session, err error) {
	there := func() bool {
		i := slices.IndexFunc(a.sessions, func(s access.Session) bool { return s.ID == id })
		if i >= 0 {
			found = a.sessions[i]
		}
		return i >= 0
	}
	a.await(ctx, there)
	a.mu.Lock()
	defer a.mu.Unlock()
	if !there() {
		return found, access.Refuse(access.ReasonNotFound, "there is no such session here", "Look at another folder").About(string(id))
	}
	return found, nil
}

// Sessions selects as the store does. The newest first come without waiting
// for the others.
func (a *album) Sessions(ctx context.Context, q access.SessionQuery) (found []access.Session, err error) {
	limit, at := cmp.Or(q.Limit, 1000), 0
	newest := q.Order == access.ByStart && !q.Backward
	if q.State == access.SessionLive { // what runs has no manifest
		return nil, nil
	}
	take := func() bool {
		for ; at < len(a.sessions) && (!newest || len(found) < q.Skip+limit); at++ {
			if s := a.sessions[at]; q.Has(s) && (q.Before == "" || s.ID < q.Before) {
				found = append(found, s)
			}
		}
		return newest && len(found) == q.Skip+limit
	}
	a.await(ctx, take)
	a.mu.Lock()
	take() // all is read, perhaps since
	a.mu.Unlock()
	if !newest {
		slices.SortFunc(found, q.Compare)
	}
	found = found[min(q.Skip, len(found)):]
	return found[:min(limit, len(found))], ctx.Err()
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
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	a, err := openAlbum(ctx, dir)
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
		return fmt.Errorf("user interface: %w", err)
	}
	return a.sayLeftOut(std.err)
}

// sayLeftOut says how many of the recordings that were looked at could not be
// shown.
func (a *album) sayLeftOut(w io.Writer) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.leftOut == 0 {
		return nil
	}
	_, err := fmt.Fprintf(w, "sallyport: %d left out, whose manifests cannot be read or name another session: sallyport verify DIR tells which\n", a.leftOut)
	return err
}
