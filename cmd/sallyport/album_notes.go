package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/console"
)

// mostBeside bounds what is read of a file beside a copied recording: anybody
// may have written it.
const mostBeside = 4 << 20

// notes are those that an export put beside the recording; none is no error.
func (a *album) notes(ctx context.Context, id access.SessionID) ([]access.Note, error) {
	s, err := a.Session(ctx, id)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(filepath.Join(s.Recording, console.BundleNotes))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	notes, err := console.ReadNotes(io.LimitReader(f, mostBeside), id)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.Name(), err)
	}
	return notes, nil
}
