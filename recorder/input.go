package recorder

import (
	"encoding/base64"
	"errors"
	"io/fs"
	"iter"
	"path/filepath"
)

// ErrNoInput says that nothing of what went into a session was kept.
var ErrNoInput = errors.New("nothing of what went in was kept")

// OpenInput opens what went into a session: what was typed at its terminal,
// where its rule keeps that, and the input of one without. Its events are
// [CodeInput], and [CodeBase64] for what is no text; its Header is empty. The
// error is [ErrNoInput] when nothing was kept. What it gives is no safer than
// a cast; see [Reader].
func OpenInput(path string, with Identities) (*Reader, error) {
	return openDecrypted(path, with, func(folder string) (*Reader, error) {
		if buried(folder) {
			return nil, ErrDeleted
		}
		if IsEncrypted(folder) {
			return nil, ErrEncrypted
		}
		f, err := openRegular(filepath.Join(folder, streamStdin+besideEnd))
		if errors.Is(err, fs.ErrNotExist) {
			return nil, ErrNoInput
		}
		if err != nil {
			return nil, err
		}
		return &Reader{f: f}, nil
	})
}

// Input iterates over the bytes that events of [OpenInput] hold, whatever their
// code. What is no base64 where that is due is a [*LineError].
func (r *Reader) Input() iter.Seq2[TimedEvent, error] {
	return func(yield func(TimedEvent, error) bool) {
		for e, err := range r.Events() {
			if err == nil && e.Code == CodeBase64 {
				var raw []byte
				if raw, err = base64.StdEncoding.DecodeString(e.Data); err != nil {
					err = &LineError{e.Offset, err}
				}
				e.Data = string(raw)
			}
			if !yield(e, err) {
				return
			}
		}
	}
}
