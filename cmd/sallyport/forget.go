package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/sallyport/sallyport/store"
)

// refuseForgetting refuses to begin with an empty database where there are
// recordings already. Either the database is lost or this is the wrong
// directory; to go on would hand out sequences of recordings a second time.
func refuseForgetting(ctx context.Context, c *Config) error {
	full, err := hasRecordings(c.recordings())
	if err != nil || !full {
		return err
	}
	used, err := databaseUsed(ctx, c)
	if err != nil || used {
		return err
	}
	return fmt.Errorf("the database %s is missing or empty, but there are recordings in %s.\n"+
		"To restore: put the newest backup of sallyport.db in its place, start again.\n"+
		"Without a backup: run `sallyport reindex`: sessions come back from the recordings; requests, grants and locks do not",
		c.database(), c.recordings())
}

// hasRecordings reports whether there is anything but our own reserve.
func hasRecordings(dir string) (bool, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") {
			return true, err
		}
	}
	return false, err
}

// databaseUsed reports whether a server or reindex ever wrote to the
// database: each leaves an audit event. It makes no file. One that is damaged
// or of another version passes: opening it says what is wrong with it.
func databaseUsed(ctx context.Context, c *Config) (bool, error) {
	info, err := os.Stat(c.database())
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if info.Size() == 0 {
		_, err := os.Stat(c.database() + "-wal") // what was committed may be there alone
		return err == nil, nil
	}
	s, err := store.OpenForReading(ctx, storeConfig(c))
	if err != nil {
		return true, nil //nolint:nilerr // the one who opens it for writing tells it better
	}
	rows, err := s.Audit(ctx, 0, 1)
	return len(rows) > 0, errors.Join(err, s.Close())
}
