package recorder

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/sallyport/sallyport/access"
)

// The index keeps each manifest until it is safely in its file. So nobody waits
// for that: the files are made durable, and the index told, a batch at a time
// in the background. A crash before leaves it to the next start.

// unconfirmed is a manifest that is in its file, where a power cut may still
// take it.
type unconfirmed struct {
	id  access.SessionID
	dir string
}

// writeManifest puts a manifest that the index has in its file.
func (r *Recorder) writeManifest(dir string, id access.SessionID, manifest []byte) error {
	later := func(*os.File) error { return nil }
	if err := putFile(dir, manifestName, manifest, &r.reserve, later); err != nil {
		return err
	}
	r.mu.Lock()
	r.unconfirmed = append(r.unconfirmed, unconfirmed{id, dir})
	r.mu.Unlock()
	var errs []error
	for _, s := range []string{streamStdin, streamStdout, streamStderr} {
		errs = append(errs, dropTail(dir, s))
	}
	return errors.Join(errs...)
}

// confirm makes the manifests that were written durable and tells the index.
// Those with which it fails are the next start's.
func (r *Recorder) confirm(ctx context.Context) error {
	r.mu.Lock()
	list := r.unconfirmed
	r.unconfirmed = nil
	r.mu.Unlock()
	var safe []access.SessionID
	var errs []error
	for _, m := range list {
		if err := syncManifest(m.dir); err != nil {
			errs = append(errs, fmt.Errorf("manifest of %s: %w", m.id, err))
			continue
		}
		safe = append(safe, m.id)
	}
	if len(safe) > 0 {
		errs = append(errs, r.config.Index.ManifestWritten(ctx, safe...))
	}
	return errors.Join(errs...)
}

func syncManifest(dir string) error {
	if buried(dir) {
		return nil // deleted since
	}
	f, err := os.Open(filepath.Join(dir, manifestName))
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close(), syncDir(dir))
}
