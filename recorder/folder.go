package recorder

import (
	"errors"
	"os"
	"path/filepath"
	"sync/atomic"
)

// entries are those of a recording's files in its folder, and of that in the
// folder of its day: whether some are new, so that a power cut may take them
// and what they stand for.
type entries struct {
	files, folder atomic.Bool
}

// settleEntries makes the new ones durable.
func (rec *Recording) settleEntries() error {
	if rec.fresh.files.Swap(false) {
		if err := syncDir(rec.dir); err != nil {
			rec.fresh.files.Store(true)
			return err
		}
	}
	if rec.fresh.folder.Swap(false) {
		if err := syncDir(filepath.Dir(rec.dir)); err != nil {
			rec.fresh.folder.Store(true)
			return err
		}
	}
	return nil
}

// makeFolder makes the folder of a recording, which must be new, and those
// above it. Its entry is durable after settleEntries.
func (rec *Recording) makeFolder() error {
	day := filepath.Dir(rec.dir)
	if _, err := os.Stat(day); err != nil {
		if err := os.MkdirAll(day, 0o700); err != nil {
			return err
		}
		month := filepath.Dir(day)
		year := filepath.Dir(month)
		if err := errors.Join(syncDir(month), syncDir(year), syncDir(rec.r.config.Dir)); err != nil {
			return err
		}
	}
	rec.fresh.files.Store(true)
	rec.fresh.folder.Store(true)
	return os.Mkdir(rec.dir, 0o700)
}
