package main

import (
	"log/slog"
	"path/filepath"

	"github.com/sallyport/sallyport/recorder/screens"
	"github.com/sallyport/sallyport/store"
)

var _ screens.Index = (*store.Store)(nil)

// indexer makes recordings findable once their sessions have ended.
func (h *house) indexer() *screens.Indexer {
	return newIndexer(h.config, h.store, h.log)
}

func newIndexer(c *Config, s *store.Store, log *slog.Logger) *screens.Indexer {
	return screens.NewIndexer(screens.Config{
		Index: s, Log: log,
		Folder: func(recording string) string { return filepath.Join(c.recordings(), filepath.FromSlash(recording)) },
	})
}
