package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// lockData takes the data directory for this process alone: two bastions on
// one directory would write one recording each over the other's.
func (h *house) lockData(context.Context) error {
	dir := h.config.DataDir
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("data_dir: %w", err)
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		return fmt.Errorf("data_dir: %w", err)
	}
	lock, err := lockDir(dir)
	h.lock = lock
	return err
}

// lockDir takes the lock, until the file is closed.
func lockDir(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("data_dir: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		if errors.Is(err, syscall.EWOULDBLOCK) {
			err = errors.New("another process has it; is a bastion running there?")
		}
		return nil, errors.Join(fmt.Errorf("data_dir %s: %w", dir, err), f.Close())
	}
	return f, nil
}

// ownData refuses to make files in the data directory as somebody else than
// whose it is: root's would shut the server out of its own directory.
func ownData(dir, command string) error {
	info, err := os.Stat(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil // whoever comes first makes it, as with serve
	}
	if err != nil {
		return fmt.Errorf("data_dir: %w", err)
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok || int(stat.Uid) == os.Geteuid() {
		return nil
	}
	owner := strconv.Itoa(int(stat.Uid))
	name := "#" + owner
	if u, err := user.LookupId(owner); err == nil {
		name = u.Username
	}
	return fmt.Errorf("data_dir %s is %s's, and what others make there would shut the server out: run sudo -u %s sallyport %s", dir, name, name, command)
}
