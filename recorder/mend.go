package recorder

import (
	"encoding/hex"
	"errors"
	"fmt"
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
	// segments are those of an encrypted recording that its blocks tell of.
	segments []FileDigest
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
	if err := m.tmpFiles(); err != nil {
		return err
	}
	if IsEncrypted(rec.dir) {
		return m.mendCrypt()
	}
	var err error
	if rec.cast, err = m.lines(castName, validCastLine); err != nil {
		return err
	}
	for _, s := range []*stream{rec.in, rec.out} {
		if s.file, err = m.lines(s.fileName(), validEvent); err != nil {
			return err
		}
		s.beside = s.beside || s.file != nil
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
	return m.rec.makeFolder()
}

// header begins a new cast when the header was lost, alone or with everything
// else. What stands behind a header that cannot be read is kept as it is, beside
// the cast: nothing says any more what it is.
func (m *mending) header() error {
	rec := m.rec
	if rec.cast != nil && rec.cast.size > 0 {
		if ok, err := hasHeader(filepath.Join(rec.dir, castName)); ok || err != nil {
			return err
		}
		if err := errors.Join(rec.cast.f.Close(), m.cut(castName, 0)); err != nil {
			return err
		}
		var err error
		if rec.cast, err = reopenFile(rec.dir, castName, &rec.r.reserve); err != nil {
			return err
		}
	}
	m.note("the cast was missing or had no header")
	line, err := encodeHeader(rec.session, Shape{})
	if err != nil {
		return err
	}
	return rec.appendTo(&rec.cast, castName, line)
}

// hasHeader reports whether a cast begins as one.
func hasHeader(path string) (bool, error) {
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	line, err := newLineReader(f, 0).next()
	if errors.Is(err, errLine) {
		return false, nil
	}
	return err == nil && validCastLine(0, line), err
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
	if rec.crypt != nil {
		return nil
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
		for _, f := range b.files {
			if numbered.MatchString(f.Name) {
				m.segments = append(m.segments, f)
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
