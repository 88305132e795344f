package console

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/audit"
	"github.com/sallyport/sallyport/recorder"
)

// verifying is what the help of verify says of paths.
func (k *copied) verifying() string {
	if !k.paths {
		return ""
	}
	return `

Of a folder of many, the sequence that chains their manifests is checked as well;
recordings that were not copied are missing from it. Where the folder has the
audit chain (audit/*.ndjson, as in data_dir), that is checked first, and then
each recording against what the chain says of it.

PATH may also be an archive, such as export writes: tar, or tar within zstd or gzip.
It is unpacked into the temporary folder (TMPDIR) for as long as that takes.`
}

// verifyCopy verifies what a folder holds.
func (c *call) verifyCopy(from *copied, asJSON bool) error {
	trust, err := from.trusted()
	if err != nil {
		return err
	}
	info, err := os.Stat(from.path)
	if err != nil {
		return cannotRead("the folder", err)
	}
	if info.Mode().IsRegular() {
		return c.verifyArchive(from, trust, asJSON)
	}
	return c.verifyFolder(from.path, trust, asJSON)
}

// verifyArchive verifies what an archive holds, unpacked for as long as that
// takes.
func (c *call) verifyArchive(from *copied, trust recorder.Trust, asJSON bool) (err error) {
	dir, err := recorder.Unpack(c.ctx, from.path)
	if err != nil {
		return cannotRead("the archive", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	at, err := within(dir)
	if err != nil {
		return cannotRead("the archive", err)
	}
	return c.verifyFolder(at, trust, asJSON)
}

// within is the folder that an unpacked archive is about: the recording of a
// bundle, or the one that an archive of a whole folder begins with.
func within(dir string) (string, error) {
	for at, depth := dir, 1; ; depth++ {
		names, err := os.ReadDir(at)
		if err != nil {
			return "", err
		}
		if len(names) != 1 || !names[0].IsDir() {
			return at, nil
		}
		next := filepath.Join(at, names[0].Name())
		if recorder.IsFolder(next) {
			if depth > 1 { // a copy with one recording in it
				next = dir
			}
			return next, nil
		}
		at = next
	}
}

// verifyFolder verifies what a folder holds.
func (c *call) verifyFolder(path string, trust recorder.Trust, asJSON bool) error {
	anchors, err := c.auditCopy(path, asJSON)
	if err != nil {
		return err
	}
	t := tally{asJSON: asJSON, many: !recorder.IsFolder(path)}
	visit := func(v recorder.Verification) error {
		if c.ctx.Err() != nil {
			return c.ctx.Err()
		}
		return c.verdict(&t, v, "")
	}
	if recorder.IsFolder(path) {
		v, err := recorder.VerifyAnchored(path, trust, anchors)
		if err != nil {
			return cannotRead("the recording", err)
		}
		if err := visit(v); err != nil {
			return err
		}
		return c.sum(&t)
	}
	if err := recorder.VerifyTree(path, trust, anchors, visit); err != nil {
		return cannotRead("the folder", err)
	}
	if t.total+t.deleted == 0 && anchors.Empty() {
		return access.Fail(access.ReasonNotFound, access.Plain(path+" holds no recording", 300), "Name another folder", nil)
	}
	return c.sum(&t)
}

// auditCopy checks the audit chain in a copied data directory and gives what
// it says of recordings; nil where there is none.
func (c *call) auditCopy(path string, quiet bool) (*recorder.Anchors, error) {
	files, err := filepath.Glob(filepath.Join(globQuoted(path), "audit", "*.ndjson"))
	if err != nil || len(files) == 0 {
		return nil, err
	}
	anchors := &recorder.Anchors{}
	var chain *audit.Verifier
	for _, name := range files { // in the order of their days
		if chain, err = auditFile(name, chain, anchors); err != nil {
			return nil, err
		}
	}
	if !quiet && chain != nil {
		c.page.linef("%s", fmt.Sprintf("audit chain: holds, up to row %d, %x", chain.Seq, chain.Head))
	}
	return anchors, nil
}

// longestRow bounds a line of the audit chain; those that are written are below
// a tenth of it.
const longestRow = 1 << 20

// auditFile checks one file of the chain that follows chain, which is nil
// before the first row.
func auditFile(name string, chain *audit.Verifier, anchors *recorder.Anchors) (*audit.Verifier, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, cannotRead("the audit chain", err)
	}
	defer f.Close()
	lines := bufio.NewReaderSize(f, longestRow)
	for {
		line, err := lines.ReadSlice('\n')
		if err == io.EOF && len(line) == 0 {
			return chain, nil
		}
		if err != nil {
			return nil, cannotRead("the audit chain", fmt.Errorf("%s: no whole row: %w", filepath.Base(name), err))
		}
		row, err := audit.ParseLine(line)
		if err == nil && chain == nil {
			// Older days may have been kept elsewhere.
			chain = &audit.Verifier{}
			if row.Seq > 1 {
				chain.Seq, chain.Head = row.Seq-1, row.Prev
			}
		}
		if err == nil {
			err = chain.Check(row)
		}
		if err != nil {
			return nil, access.Fail(access.ReasonInternal, access.Plain(filepath.Base(name)+": the "+err.Error(), 300),
				"Compare with a copy that is kept elsewhere", err)
		}
		e, err := row.Event()
		if err != nil {
			return nil, err
		}
		anchors.Take(string(e.Kind), access.SessionID(e.Session), e.Detail)
	}
}

// replayCopy shows a copied recording.
func (c *call) replayCopy(from *copied, p pace, input bool) error {
	folder, err := from.one()
	if err != nil {
		return err
	}
	ids, err := from.identities()
	if err != nil {
		return err
	}
	if input {
		return c.showInput(folder, ids, access.Session{ID: access.SessionID(filepath.Base(folder))}, p.at, p.until)
	}
	r, err := recorder.OpenWith(folder, ids)
	if errors.Is(err, recorder.ErrEncrypted) {
		return access.Refuse(access.ReasonRecording, "the recording is encrypted for its recipients", "Say --identity KEY with the private key of one")
	}
	if err != nil {
		return cannotRead("the recording", err)
	}
	defer r.Close()
	if r.Broken != nil {
		defer fmt.Fprintf(c.Stderr, "sallyport: %s\n", access.Plain(r.Broken.Error(), longest))
	}
	m := &movie{cast: r, terminal: true}
	s := access.Session{ID: access.SessionID(filepath.Base(folder))}
	if f := r.Header.Facts; f != nil {
		m.terminal, s.ID = f.Terminal, access.SessionID(f.ID)
	}
	return c.show(m, s, p)
}

// exportCopy writes a copied recording as export writes one of the server's.
func (c *call) exportCopy(from *copied, format string) error {
	folder, err := from.one()
	if err != nil {
		return err
	}
	var ids recorder.Identities
	if format != formatTar { // which is written as it is
		if ids, err = from.identities(); err != nil {
			return err
		}
	}
	return c.exportFolder(folder, format, ids)
}

// ExportFolder writes a copied recording to w, in a format of export. Its error
// is fit for a person.
func ExportFolder(ctx context.Context, w io.Writer, folder, format string, ids recorder.Identities) error {
	c := &call{Call: Call{Stdout: w, Stderr: io.Discard}, Console: New(Config{Now: time.Now}), ctx: ctx, page: &page{w: w}}
	return errors.Join(c.exportFolder(folder, format, ids), c.page.err)
}

func (c *call) exportFolder(folder, format string, ids recorder.Identities) error {
	if format != formatTar {
		s := access.Session{ID: access.SessionID(filepath.Base(folder))}
		if m, err := recorder.ReadManifest(folder); err == nil {
			s = m.Session.Session()
		}
		return c.exportAs(format, folder, ids, s)
	}
	m, err := recorder.ReadManifest(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return cannotRead("the recording", errors.New("it has no manifest: a copy of a session that ran"))
	}
	if err != nil {
		return cannotRead("the recording", err)
	}
	return exportTar(c.Stdout, filepath.Dir(folder), access.Session{ID: access.SessionID(m.Session.ID), Recording: filepath.Base(folder)})
}

// globQuoted escapes what a pattern would take for more than a name.
func globQuoted(dir string) string {
	var out []byte
	for i := range len(dir) {
		if bytes.IndexByte([]byte(`*?[\`), dir[i]) >= 0 {
			out = append(out, '\\')
		}
		out = append(out, dir[i])
	}
	return string(out)
}
