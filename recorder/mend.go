package recorder

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// mending brings what a crash left into the state of a live recording that is
// about to be closed: every file ends with a whole line, the sidecar's chain
// holds, and the streams carry what they carried.
type mending struct {
	rec  *Recording
	scan *sidecarScan
}

func micros(n int64) time.Duration { return time.Duration(n) * time.Microsecond }

func (m *mending) note(format string, args ...any) {
	m.rec.recovery.Notes = append(m.rec.recovery.Notes, fmt.Sprintf(format, args...))
}

// close closes what mend opened, when it comes to nothing.
func (m *mending) close() {
	if m.rec.idx == nil {
		m.rec.idx = &sidecar{}
	}
	for _, f := range append(m.rec.files(), &m.rec.idx.file) {
		if f != nil && f.f != nil {
			_ = f.f.Close() // what counts was an earlier error
		}
	}
}

// mend does all of it, in the order in which each step relies on the ones
// before: files first, then the sidecar, which is checked against them.
func (m *mending) mend() error {
	rec := m.rec
	if err := m.folder(); err != nil {
		return err
	}
	var err error
	if rec.cast, err = m.lines(castName, validCastLine); err != nil {
		return err
	}
	if rec.stdin, err = m.lines(stdinName, validEvent); err != nil {
		return err
	}
	if rec.events, err = m.lines(eventsName, validObject); err != nil {
		return err
	}
	if err := m.header(); err != nil {
		return err
	}
	if err := m.sidecar(); err != nil {
		return err
	}
	if err := m.count(); err != nil {
		return err
	}
	return m.tails()
}

// folder makes sure that there is one.
func (m *mending) folder() error {
	if _, err := os.Stat(m.rec.dir); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	m.note("the folder was missing")
	return makeFolder(m.rec.r.Dir, m.rec.session.Recording)
}

// header begins a new cast when the header was lost with everything else.
func (m *mending) header() error {
	if m.rec.cast != nil && m.rec.cast.size > 0 {
		return nil
	}
	m.note("the cast was missing or had no header")
	line, err := encodeHeader(m.rec.session, Shape{})
	if err != nil {
		return err
	}
	return m.rec.appendTo(&m.rec.cast, castName, line)
}

// lines cuts a file after its last whole and valid line, and opens it for
// appending. Without the file it gives nil.
func (m *mending) lines(name string, valid func(offset int64, line []byte) bool) (*file, error) {
	f, err := os.Open(filepath.Join(m.rec.dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	good, err := wholeLines(f, valid)
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	if err := m.cut(name, good); err != nil {
		return nil, err
	}
	return reopenFile(m.rec.dir, name, &m.rec.r.reserve)
}

// wholeLines is the offset after the last line that is whole and valid.
func wholeLines(f *os.File, valid func(offset int64, line []byte) bool) (int64, error) {
	fi, err := f.Stat()
	if err != nil {
		return 0, err
	}
	for end := fi.Size(); end > 0; {
		begin, stop, err := lastLine(f, 0, end)
		if err != nil || stop == begin {
			return 0, err
		}
		if n := stop - 1 - begin; n <= maxLine {
			line := make([]byte, n)
			if _, err := f.ReadAt(line, begin); err != nil && err != io.EOF {
				return 0, err
			}
			if valid(begin, line) {
				return stop, nil
			}
		}
		end = begin
	}
	return 0, nil
}

func validCastLine(offset int64, line []byte) bool {
	if offset > 0 {
		return validEvent(offset, line)
	}
	var h Header
	return json.Unmarshal(line, &h) == nil && h.Version == 2
}

func validEvent(_ int64, line []byte) bool {
	_, _, _, err := parseLine(line, nil)
	return err == nil
}

func validObject(_ int64, line []byte) bool {
	return len(line) > 0 && line[0] == '{' && json.Valid(line)
}

// cut moves what is at or after an offset of a file to NAME.cut-OFFSET. The
// copy is durable before the file is shortened, so that a crash in between
// only makes it do the same again.
func (m *mending) cut(name string, at int64) error {
	dir := m.rec.dir
	f, err := os.OpenFile(filepath.Join(dir, name), os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil || fi.Size() <= at {
		return err
	}
	kept, err := os.OpenFile(filepath.Join(dir, cutName(name, at)), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	n, err := io.Copy(kept, io.NewSectionReader(f, at, fi.Size()-at))
	if err == nil {
		err = kept.Sync()
	}
	if err := errors.Join(err, kept.Close(), syncDir(dir)); err != nil {
		return err
	}
	if err := f.Truncate(at); err != nil {
		return err
	}
	m.rec.recovery.Cuts = append(m.rec.recovery.Cuts, Cut{name, at, n})
	return f.Sync()
}

const cutMark = ".cut-"

func cutName(name string, at int64) string { return fmt.Sprintf("%s%s%d", name, cutMark, at) }

// reopenFile opens a file to go on appending to it.
func reopenFile(dir, name string, r *reserve) (*file, error) {
	f := &file{name: name, reserve: r, sum: sha256.New(), blocked: -1}
	var err error
	if f.size, err = hashFile(dir, name, f.sum); err != nil {
		return nil, err
	}
	f.f, err = os.OpenFile(filepath.Join(dir, name), os.O_WRONLY|os.O_APPEND, 0)
	return f, err
}

// sidecar checks the sidecar against the files and cuts it where it ends to
// be true: at a torn line, a break of the chain, or a block about bytes that
// power loss took. A block about bytes that are there, but others, stays as
// the witness that it is.
func (m *mending) sidecar() error {
	rec := m.rec
	if err := m.scanSidecar(); err != nil {
		return err
	}
	good := m.scan.good
	if m.scan.link == nil || m.scan.recording != rec.session.ID || m.scan.bastion != rec.session.BastionID {
		m.note("the sidecar was missing, had no beginning, or was another's")
		good = 0
		m.scan = &sidecarScan{carries: map[string]carries{}}
	} else if m.scan.broken != nil {
		m.note("%v", m.scan.broken)
	}
	var idx *file
	path := filepath.Join(rec.dir, sidecarName)
	if _, err := os.Stat(path); err == nil {
		if err := m.cut(sidecarName, good); err != nil {
			return err
		}
		if idx, err = reopenFile(rec.dir, sidecarName, &rec.r.reserve); err != nil {
			return err
		}
	} else if idx, err = createFile(rec.dir, sidecarName, &rec.r.reserve); err != nil {
		return err
	}
	rec.idx = &sidecar{file: *idx}
	if good == 0 {
		rec.idx.start(genesis(rec.session.BastionID, rec.session.ID))
		return rec.idx.note(appendPreamble(nil, rec.session.BastionID, rec.session.ID))
	}
	rec.idx.blocks, rec.idx.chain, rec.idx.link = m.scan.last.number, m.scan.last.chain, m.scan.link
	rec.recovery.Blocks = m.scan.last.number
	if rec.recovery.Blocks > 0 {
		rec.recovery.Chain = hex.EncodeToString(m.scan.last.chain[:])
	}
	return rec.idx.note(appendVoidNote(nil, rec.cast.size))
}

// scanSidecar reads the sidecar and compares its blocks with the files.
func (m *mending) scanSidecar() error {
	f, err := os.Open(filepath.Join(m.rec.dir, sidecarName))
	if errors.Is(err, fs.ErrNotExist) {
		m.scan = &sidecarScan{}
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	sums := newPrefixes(m.rec.dir)
	defer sums.close()
	var failed error
	m.scan, err = scanSidecar(f, func(b sidecarBlock) error {
		if m.rec.recovery.Mismatch == nil {
			err := sums.checkBlock(b)
			var wrong *blockError
			if errors.As(err, &wrong) && !wrong.short {
				m.rec.recovery.Mismatch = &Mismatch{wrong.name, wrong.from, wrong.to}
				err = nil
			}
			if err != nil {
				if wrong == nil {
					failed = err
				}
				return err
			}
		}
		for _, d := range b.streams {
			for _, s := range m.rec.streams() {
				if s.name == d.Name {
					s.known = d
				}
			}
		}
		return nil
	})
	return errors.Join(err, failed)
}

// count reads the files once to know what a live recording would know: what
// passed, when, and what is held back.
func (m *mending) count() error {
	rec := m.rec
	m.scan.void(rec.cast.size)
	cast, err := Open(rec.dir)
	if err != nil {
		return err
	}
	defer cast.Close()
	unreadable := 0
	for ev, err := range cast.Events() {
		var bad *LineError
		if errors.As(err, &bad) {
			unreadable++
			continue
		}
		if err != nil {
			return err
		}
		m.countEvent(ev)
	}
	if unreadable > 0 {
		m.note("%d lines of the cast cannot be read", unreadable)
	}
	for _, s := range []*stream{rec.out, rec.err} {
		c := m.scan.carries[s.name].last
		if len(c.bytes) == unfinished(c.bytes) {
			s.carry.n = copy(s.carry.buf[:], c.bytes)
			s.bytes += int64(s.carry.n)
			s.stored += int64(s.carry.n)
		}
	}
	return m.countInput()
}

func (m *mending) countEvent(ev TimedEvent) {
	rec := m.rec
	rec.counts.Events++
	rec.last = max(rec.last, ev.At.Microseconds())
	switch ev.Code {
	case CodeResize:
		rec.counts.Resizes++
	case CodeMarker:
		rec.counts.Markers++
	case CodeOutput:
		note := m.scan.note(ev.Offset)
		s := rec.out
		if note.stderr {
			s = rec.err
		}
		n := int64(len(ev.Data)) - int64(note.invalid)*int64(len(replacement)-1)
		s.bytes += n
		s.stored += n
		if m.scan.carries[s.name].last.offset <= ev.Offset {
			delete(m.scan.carries, s.name) // it went into this event
		}
	}
}

// countInput reads stdin.ndjson.
func (m *mending) countInput() error {
	rec := m.rec
	if rec.stdin == nil {
		return nil
	}
	f, err := os.Open(filepath.Join(rec.dir, stdinName))
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
		var at time.Duration
		var code byte
		if err == nil {
			at, code, text, err = parseLine(line, text[:0])
		}
		if errors.Is(err, errLine) {
			continue
		}
		if err != nil {
			return err
		}
		n := len(text)
		if code == CodeBase64 {
			n = base64.StdEncoding.DecodedLen(n)
			for i := len(text) - 1; i >= 0 && text[i] == '='; i-- {
				n--
			}
		}
		rec.in.bytes += int64(n)
		rec.in.stored += int64(n)
		rec.last = max(rec.last, at.Microseconds())
	}
}

// tails learns from the tails how long the streams were.
func (m *mending) tails() error {
	for _, s := range m.rec.streams() {
		_, end, found, err := joinTail(m.rec.dir, s.name, &m.rec.r.reserve)
		if err != nil {
			return err
		}
		if found {
			s.bytes = max(s.bytes, end)
		}
	}
	return nil
}
