package recorder

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
)

// flushCarries writes, into what was decrypted, the beginnings of characters
// that a crash kept from being completed: they were shown. In a plain
// recording recovery does the same; here it could not read the notes.
func (d *decryption) flushCarries() error {
	if d.out[castName] == nil {
		return nil
	}
	cast, err := Open(d.to)
	if err != nil {
		return err
	}
	defer cast.Close()
	idx, err := os.Open(filepath.Join(d.to, sidecarName))
	if err != nil {
		return err
	}
	defer idx.Close()
	scan, err := scanSidecar(idx, func(sidecarBlock) error { return nil })
	if err != nil {
		return err
	}
	info, err := cast.f.Stat()
	if err != nil {
		return err
	}
	size, last := info.Size(), int64(0)
	scan.void(size)
	for ev, err := range cast.Events() {
		var bad *LineError
		if errors.As(err, &bad) {
			continue
		}
		if err != nil {
			return err
		}
		last = ev.At.Microseconds()
		if note := scan.note(ev.Offset); ev.Code == CodeOutput && scan.carries[note.stream()].last.offset <= ev.Offset {
			delete(scan.carries, note.stream())
		}
	}
	b := getBuffer()
	defer putBuffer(b)
	b.notes = appendVoidNote(b.notes, size)
	events := 0
	for _, name := range []string{streamStdout, streamStderr} {
		held := scan.carries[name].last.bytes
		if len(held) == 0 || len(held) != unfinished(held) {
			continue
		}
		s := &stream{name: name}
		s.carry.n = copy(s.carry.buf[:], held)
		events += b.output(s, last, size, nil, true)
	}
	if events == 0 {
		return nil
	}
	return errors.Join(d.write(sidecarName, bytes.NewReader(b.notes)), d.write(castName, bytes.NewReader(b.cast)))
}
