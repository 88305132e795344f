package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/sallyport/sallyport/audit"
	"github.com/sallyport/sallyport/store"
)

// notes brings back what auditors remarked upon recordings: from the audit
// chain's files, those that were set aside included, since that is where a
// lost database's notes are. A file is used as far as its chain holds.
func (r *reindexing) notes(ctx context.Context, to *store.Rebuild) error {
	files, err := filepath.Glob(filepath.Join(r.audit, "*.ndjson*"))
	if err != nil {
		return err
	}
	for _, path := range files {
		if err := ctx.Err(); err != nil {
			return err
		}
		var failed error
		err := auditEvents(path, func(e audit.Event) error {
			if n, ok := store.NoteOf(e); ok {
				failed = to.AddNote(n)
			}
			return failed
		})
		if failed != nil {
			return failed
		}
		if err != nil {
			r.refuse(to, path, err)
		}
	}
	r.found.Notes = to.Notes()
	return nil
}

// auditEvents calls f with the events of a file of the audit chain, as long as
// each row follows from the one before in it. A last line that a crash cut is
// left out.
func auditEvents(path string, f func(audit.Event) error) (err error) {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	var chain *audit.Verifier
	for in := bufio.NewReaderSize(file, 1<<20); ; { // an event is far smaller
		line, err := in.ReadSlice('\n')
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		row, err := audit.ParseLine(bytes.TrimSpace(line))
		if err != nil {
			return err
		}
		if chain == nil {
			if chain = new(audit.Verifier); row.Seq > 1 { // earlier days are in other files
				chain.Seq, chain.Head = row.Seq-1, row.Prev
			}
		}
		if err := chain.Check(row); err != nil {
			return fmt.Errorf("used as far as its chain holds: %w", err)
		}
		e, err := row.Event()
		if err == nil {
			err = f(e)
		}
		if err != nil {
			return err
		}
	}
}
