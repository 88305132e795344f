package console

import (
	"errors"
	"io/fs"
	"path/filepath"
	"slices"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/recorder"
	"github.com/sallyport/sallyport/recorder/screens"
)

// searchingCopies is what the help of search says of paths.
func searchingCopies(k *copied) string {
	if !k.paths {
		return ""
	}
	return "\n\nWith PATH, a folder that was copied from a bastion, its recordings are read here,\nwithout a server and without an index."
}

// errEnough ends a search that has what was asked for.
var errEnough = errors.New("enough")

// searchCopy plays the recordings below a path, the newest first, and gives
// the lines that match.
func (c *call) searchCopy(from *copied, q access.SearchQuery, pattern *screens.Pattern) (found access.Found, err error) {
	ids, err := from.identities()
	if err != nil {
		return found, err
	}
	var folders []string
	err = filepath.WalkDir(from.path, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && recorder.IsFolder(path) {
			folders = append(folders, path)
			return fs.SkipDir
		}
		return err
	})
	if err != nil {
		return found, cannotRead("the folder", err)
	}
	if len(folders) == 0 {
		return found, access.Fail(access.ReasonNotFound, access.Plain(from.path+" holds no recording", 300), "Name another folder", nil)
	}
	slices.Sort(folders)
	slices.Reverse(folders) // by their names, which are days and then IDs
	if q.Limit == 0 {
		q.Limit = defaultHits
	}
	for _, folder := range folders {
		err := c.searchOne(folder, ids, q, pattern, &found)
		switch {
		case errors.Is(err, errEnough):
			found.More = true
			return found, nil
		case c.ctx.Err() != nil:
			return found, c.ctx.Err()
		case err != nil:
			found.Unread++
		}
	}
	return found, nil
}

// defaultHits is how many hits are shown where nobody says.
const defaultHits = 100

// searchOne adds the hits of one recording.
func (c *call) searchOne(folder string, ids recorder.Identities, q access.SearchQuery, pattern *screens.Pattern, found *access.Found) error {
	s, err := sessionOf(folder, ids)
	if err != nil {
		return err
	}
	if q.Person != "" && s.Person != q.Person || q.Host != "" && s.Target.Host != q.Host || q.Kind != "" && s.Kind != q.Kind ||
		!q.Since.IsZero() && s.StartedAt.Before(q.Since) || !q.Until.IsZero() && !s.StartedAt.Before(q.Until) {
		return nil
	}
	first := len(found.Hits)
	take := func(segment access.TextSegment) error {
		derived := segment.Source == access.TextCommand || segment.Source == access.TextPrompt
		if q.Source == "" && derived || q.Source != "" && q.Source != segment.Source {
			return nil
		}
		for _, line := range segment.Lines {
			if !pattern.Match([]byte(line.Text)) {
				continue
			}
			if len(found.Hits) == q.Limit {
				return errEnough
			}
			found.Hits = append(found.Hits, access.Hit{
				Session: s.ID, Person: s.Person, Target: s.Target, Kind: s.Kind, Started: s.StartedAt, Source: segment.Source, Line: line, Folder: folder,
			})
		}
		return nil
	}
	_, err = screens.Reading{Text: take, With: ids}.Play(c.ctx, folder, s)
	slices.SortStableFunc(found.Hits[first:], func(a, b access.Hit) int { return int(min(max(a.Line.At-b.Line.At, -1), 1)) })
	return err
}

// sessionOf is the session of a copied recording, as it says itself.
func sessionOf(folder string, ids recorder.Identities) (access.Session, error) {
	if m, err := recorder.ReadManifest(folder); err == nil {
		return m.Session.Session(), nil
	}
	r, err := recorder.OpenWith(folder, ids)
	if err != nil {
		return access.Session{}, err
	}
	s := access.Session{ID: access.SessionID(filepath.Base(folder)), Terminal: true}
	if r.Header.Facts != nil {
		s = r.Header.Facts.Session()
	}
	return s, r.Close()
}
