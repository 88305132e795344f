package recorder

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
)

const reserveName = ".reserve"

// reserve is disk space set aside in a file, so that sessions which are live
// when the disk fills can be recorded to their end. It is given up at once
// when a write finds no room, and taken again when there is plenty.
type reserve struct {
	path    string
	size    int64 // 0 or less: none is kept
	minFree int64
	log     *slog.Logger

	given atomic.Uint64 // how often it was given up

	mu   sync.Mutex
	held bool
}

// take sets the space aside if it is not, and if new sessions would still be
// admitted after that. Not to have it is logged, and no error: below the free
// space line no session starts anyway.
func (r *reserve) take() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.held || r.size <= 0 {
		return
	}
	free, err := freeSpace(filepath.Dir(r.path))
	if err == nil && free < r.minFree+r.size {
		return
	}
	if err == nil {
		err = r.make()
	}
	if err != nil {
		r.log.Warn("recorder: no reserve of disk space", "err", err)
		return
	}
	r.held = true
}

func (r *reserve) make() error {
	f, err := os.OpenFile(r.path, os.O_CREATE|os.O_RDWR|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	err = errors.Join(allocate(f, r.size), f.Close())
	if err != nil {
		return errors.Join(fmt.Errorf("reserve %d bytes: %w", r.size, err), os.Remove(r.path))
	}
	return nil
}

// bytes is how much is set aside.
func (r *reserve) bytes() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.held {
		return 0
	}
	return r.size
}

// release gives the space up. It reports whether a write that found no room
// should be tried again: it should if space was given up, by whomever, since
// given stood at seen, which the caller read before it wrote.
func (r *reserve) release(seen uint64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.held {
		r.held = false
		if err := os.Remove(r.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			r.log.Error("recorder: the reserve cannot be given up", "err", err)
			return false
		}
		r.given.Add(1)
		r.log.Error("recorder: the disk is full; the reserve was given up so that live sessions can finish")
	}
	return r.given.Load() != seen
}
