package main

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/sallyport/sallyport/certs"
)

// revocations is ssh.revoked_keys, read again whenever the file changes. A file
// that cannot be read leaves the last good list in force, loudly: an empty list
// would let everybody in again.
type revocations struct {
	path string
	list atomic.Pointer[certs.Revocations] // nil without a file
	seen stamp
}

// stamp tells whether a file has changed.
type stamp struct {
	size  int64
	mtime time.Time
}

func stampOf(info fs.FileInfo) stamp { return stamp{info.Size(), info.ModTime()} }

// openRevocations reads the list for the start, where a fault is an error.
func openRevocations(path string) (*revocations, error) {
	r := &revocations{path: path}
	if path == "" {
		return r, nil
	}
	if err := r.read(); err != nil {
		return nil, err
	}
	return r, nil
}

// Revoked reports whether a key may not be used.
func (r *revocations) Revoked(key ssh.PublicKey) bool {
	list := r.list.Load()
	return list != nil && list.Revoked(key)
}

func (r *revocations) read() error {
	info, err := os.Stat(r.path)
	if err != nil {
		return err
	}
	list, err := certs.ReadRevocations(r.path)
	if err != nil {
		return err
	}
	r.seen = stampOf(info)
	r.list.Store(list)
	return nil
}

// follow looks at the file until ctx ends, and has sessions looked at again
// when it changed.
func (r *revocations) follow(ctx context.Context, log *slog.Logger, changed func()) {
	if r.path == "" {
		return
	}
	const often = 250 * time.Millisecond // sessions of a revoked key end within a second
	ticker := time.NewTicker(often)
	defer ticker.Stop()
	var told error
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		info, err := os.Stat(r.path)
		if err == nil && stampOf(info) == r.seen {
			continue
		}
		if err == nil {
			err = r.read()
		}
		if err == nil {
			told = nil
			log.Info("revoked keys read again", "file", r.path)
			changed()
		} else if told == nil || !errors.Is(err, told) && err.Error() != told.Error() {
			told = err
			log.Error("revoked keys cannot be read; the last list stays in force", "file", r.path, "err", err)
		}
	}
}
