package recorder

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// CopyOutput writes to w what the host sent, byte for byte: the text of the
// cast with the bytes that were not UTF-8 put back from the sidecar. Streams
// are "stdout" and "stderr"; without any it is both, in the order in which
// they were shown. Of an sftp session stdout comes first, since it lies beside
// the cast. Nothing is verified; see [Verify]. What comes out is not
// fit for a terminal.
func CopyOutput(w io.Writer, dir string, streams ...string) error {
	r, err := Open(dir)
	if err != nil {
		return err
	}
	defer r.Close()
	if len(streams) == 0 {
		streams = []string{streamStdout, streamStderr}
	}
	if slices.Contains(streams, streamStdout) {
		if err := CopyBeside(w, dir, streamStdout); err != nil {
			return err
		}
	}
	idx, err := openRegular(filepath.Join(dir, sidecarName))
	if err != nil {
		return err
	}
	defer idx.Close()
	scan, err := scanSidecar(idx, func(sidecarBlock) error { return nil })
	if err != nil {
		return err
	}
	for ev, err := range r.Events() {
		if err != nil {
			return err
		}
		if ev.Code != CodeOutput {
			continue
		}
		note := scan.note(ev.Offset)
		if !slices.Contains(streams, note.stream()) {
			continue
		}
		data := []byte(ev.Data)
		if note.invalid > 0 {
			if data, err = restore(ev.Data, idx, note); err != nil {
				return err
			}
		}
		if _, err := w.Write(data); err != nil {
			return err
		}
	}
	return nil
}

// CopyBeside writes to w what was recorded of a stream, "stdin" or "stdout",
// that is not in the cast. Where there is none it writes nothing.
func CopyBeside(w io.Writer, dir, stream string) error {
	f, err := openRegular(filepath.Join(dir, stream+besideEnd))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	lines := newLineReader(f, 0)
	var text []byte
	for {
		line, err := lines.next()
		if err == io.EOF {
			return nil
		}
		var code byte
		if err == nil {
			_, code, text, err = parseLine(line, text[:0])
		}
		if err == nil && code == CodeBase64 {
			text, err = base64.StdEncoding.AppendDecode(nil, text)
		}
		if err == nil {
			_, err = w.Write(text)
		}
		if err != nil {
			return err
		}
	}
}

// restore puts the original bytes back in place of U+FFFD.
func restore(text string, idx *os.File, note eventNote) ([]byte, error) {
	line, err := newLineReader(idx, note.line).next()
	if err != nil {
		return nil, err
	}
	var l sidecarLine
	if err := json.Unmarshal(line, &l); err != nil {
		return nil, err
	}
	out := make([]byte, 0, len(text))
	for _, c := range l.Original {
		before, after, ok := strings.Cut(text, replacement)
		if !ok {
			return nil, errors.New("the sidecar has more bytes than the event")
		}
		out = append(out, before...)
		if c == 0 {
			out = append(out, replacement...)
		} else {
			out = append(out, c)
		}
		text = after
	}
	if strings.Contains(text, replacement) {
		return nil, fmt.Errorf("the sidecar has too few bytes for the event at %d", note.offset)
	}
	return append(out, text...), nil
}
