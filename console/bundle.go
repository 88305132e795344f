package console

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/audit"
	"github.com/sallyport/sallyport/internal/player"
	"github.com/sallyport/sallyport/recorder"
)

// A bundle is a recording with all that is needed to understand it elsewhere:
// its files as they are, beside a README, a page that plays it, and in about/
// what the bastion knows of it. Its folder is one that verify takes.
const (
	bundleReadme  = "README.txt"
	bundlePage    = "player.html"
	bundleSession = "about/session.json"
	bundleRequest = "about/request.json"
	bundleCert    = "about/certificate.json"
	bundleAudit   = "about/audit.ndjson"
	bundleKeys    = "about/recording-keys.pub"
)

// BundleNotes is the file of notes in a bundle; see [ReadNotes].
const BundleNotes = "about/notes.json"

// maxPage bounds what a page holds, in bytes of cast: browsers hold all of it.
const maxPage = 64 << 20

// exportBundle writes the bundle of s.
func (c *call) exportBundle(s access.Session) error {
	folder := filepath.Join(c.Recordings, filepath.FromSlash(s.Recording))
	b := &bundle{archive: tar.NewWriter(c.Stdout), root: string(s.ID), at: c.Now()}
	if err := b.recording(c.Recordings, s); err != nil {
		return unreadable(s, err)
	}
	paged, err := b.page(folder, s)
	if err != nil {
		return unreadable(s, err)
	}
	asked, err := c.askedFor(s)
	if err != nil {
		return err
	}
	notes, err := c.Store.Notes(c.ctx, s.ID)
	if err != nil {
		return err
	}
	keys, err := c.Keys.ExportTrust()
	if err != nil {
		return err
	}
	b.json(bundleSession, sessionJSON(s))
	b.json(bundleCert, usedJSON(s.Certificate))
	if asked != nil {
		b.json(bundleRequest, requestJSON(*asked))
	}
	if len(notes) > 0 {
		b.json(BundleNotes, each(notes, noteJSON))
	}
	b.file(bundleKeys, keys)
	if err := b.spooled(bundleAudit, func(w io.Writer) error { return c.extract(w, s) }); err != nil {
		return err
	}
	b.file(bundleReadme, []byte(c.readme(s, asked, len(notes), paged)))
	if b.err != nil {
		return b.err
	}
	return b.archive.Close()
}

// askedFor is the request that a session was opened under; nil with standing
// access.
func (c *call) askedFor(s access.Session) (*access.Request, error) {
	if s.RequestID == "" {
		return nil, nil
	}
	r, err := c.Store.Request(c.ctx, s.RequestID)
	var shown *access.Error
	if errors.As(err, &shown) && shown.Reason == access.ReasonNotFound {
		return nil, nil // a reindex brings no requests back
	}
	return &r, err
}

// extract writes the rows of the audit chain about a session, its request and
// its grant, verbatim.
func (c *call) extract(w io.Writer, s access.Session) error {
	for after := int64(0); ; {
		rows, err := c.Store.Audit(c.ctx, after, auditPage)
		if err != nil {
			return err
		}
		for _, row := range rows {
			after = row.Seq
			e, err := row.Event()
			if err != nil {
				return err
			}
			if e.Session != string(s.ID) && (s.RequestID == "" || e.Request != string(s.RequestID)) && (s.GrantID == "" || e.Grant != string(s.GrantID)) {
				continue
			}
			if _, err := w.Write(audit.AppendLine(nil, row)); err != nil {
				return err
			}
		}
		if len(rows) < auditPage {
			return nil
		}
		if c.ctx.Err() != nil {
			return context.Cause(c.ctx)
		}
	}
}

type usedCertificate struct {
	Serial         string `json:"serial"`
	KeyID          string `json:"key_id"`
	CAFingerprint  string `json:"ca_fingerprint"`
	ValidBefore    stamp  `json:"valid_before"`
	VaultRequestID string `json:"vault_request_id,omitempty"`
}

func usedJSON(c access.Certificate) usedCertificate {
	return usedCertificate{fmt.Sprint(c.Serial), c.KeyID, c.CAFingerprint, stamp(c.ValidBefore), c.VaultRequestID}
}

// bundle writes an archive; the first error stays.
type bundle struct {
	archive *tar.Writer
	root    string
	at      time.Time
	err     error
}

// recording adds the files of a recording as they are.
func (b *bundle) recording(dir string, s access.Session) error {
	return addRecording(b.archive, dir, s)
}

func (b *bundle) file(name string, data []byte) {
	b.stream(name, int64(len(data)), bytes.NewReader(data))
}

func (b *bundle) json(name string, v any) {
	var text bytes.Buffer
	if err := writeJSON(&text, v); err != nil {
		b.err = errors.Join(b.err, err)
	}
	b.file(name, text.Bytes())
}

func (b *bundle) stream(name string, size int64, from io.Reader) {
	if b.err != nil {
		return
	}
	b.err = b.archive.WriteHeader(&tar.Header{
		Typeflag: tar.TypeReg, Name: b.root + "/" + name, Size: size, Mode: 0o600, ModTime: b.at, Format: tar.FormatPAX,
	})
	if b.err == nil {
		_, b.err = io.CopyN(b.archive, from, size)
	}
}

// spooled adds a file whose length is known once it is made. It waits on disk,
// without a name.
func (b *bundle) spooled(name string, write func(io.Writer) error) error {
	f, err := os.CreateTemp("", "sallyport-export-")
	if err != nil {
		return err
	}
	defer f.Close()
	if err := os.Remove(f.Name()); err != nil {
		return err
	}
	if err := write(f); err != nil {
		return err
	}
	size, err := f.Seek(0, io.SeekCurrent)
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		return err
	}
	b.stream(name, size, f)
	return b.err
}

// page adds the page that plays the recording, where that can be done.
func (b *bundle) page(folder string, s access.Session) (added bool, err error) {
	r, err := recorder.Open(folder)
	if err != nil {
		return false, nil //nolint:nilerr // encrypted, or damaged: it is evidence all the same
	}
	defer r.Close()
	if size, err := r.Size(); err != nil || size > maxPage {
		return false, err
	}
	return true, b.spooled(bundlePage, func(w io.Writer) error { return writePage(w, r, s) })
}

// writePage writes a page that plays r.
func writePage(w io.Writer, r *recorder.Reader, s access.Session) error {
	cast, fill := io.Pipe()
	go func() { fill.CloseWithError(recorder.WriteForPlayers(fill, r)) }()
	err := player.Write(w, player.Page{
		Title: "Session " + string(s.ID),
		Facts: [][2]string{
			{"person", string(s.Person)}, {"target", s.Target.String()}, {"kind", string(s.Kind)}, {"command", access.Plain(s.Command, longest)},
			{"started", clock(s.StartedAt)}, {"ended", clock(s.EndedAt)}, {"end", access.Plain(s.EndCause, longest)},
			{"rule", s.Rule}, {"approved by", names(s.Approvers)},
		},
		Cast: cast,
	})
	cast.CloseWithError(err) // ends the goroutine, if the page could not be written
	return err
}

func names(people []access.PersonName) string {
	all := make([]string, len(people))
	for i, p := range people {
		all[i] = string(p)
	}
	return strings.Join(all, ", ")
}

// readme says what the bundle is and how to check it.
func (c *call) readme(s access.Session, asked *access.Request, notes int, paged bool) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("Recording of the session %s", s.ID)
	line("%s", access.Plain(fmt.Sprintf("%s as %s, %s to %s", s.Person, s.Target, clock(s.StartedAt), clock(s.EndedAt)), longest))
	line("exported from %s on %s by %s", s.BastionID, clock(c.Now()), actorName(c.Actor))
	line("")
	line("TO VERIFY IT, with public keys that you have from elsewhere than this archive:")
	line("    sallyport verify %s/ --trust recording-keys.pub", s.ID)
	line("")
	encrypted := recorder.IsEncrypted(filepath.Join(c.Recordings, filepath.FromSlash(s.Recording)))
	switch {
	case encrypted:
		line("TO SEE IT, with the private key of a recipient (it is encrypted for them):")
		line("    sallyport replay %s/ --identity KEY", s.ID)
		line("    age -d -i KEY key.age > session.key; age -d -i session.key 0001.cast.zst.age | zstd -d")
	case paged:
		line("TO SEE IT: open player.html in a browser; it loads nothing from elsewhere.")
		line("player.html#t=1:30 begins a minute and a half after the beginning. Or")
		line("    sallyport replay %s/        asciinema play session.cast", s.ID)
	default:
		line("TO SEE IT (too long for a page that plays it, or damaged):")
		line("    sallyport replay %s/        asciinema play session.cast", s.ID)
	}
	line("")
	line("manifest.json          signed: all files of the recording with their digests")
	if !encrypted {
		line("session.cast           what was shown, asciicast v2")
	}
	line("session.idx            the chain of its blocks")
	line("about/session.json     who, where, when, under which rule")
	line("about/certificate.json of the certificate that logged in to the host")
	if asked != nil {
		line("about/request.json     what was asked for, and who decided")
	}
	if notes > 0 {
		line("about/notes.json       what auditors remarked upon its moments")
	}
	line("about/audit.ndjson     the rows of the audit chain about it, verbatim; whole chain: audit --json")
	line("about/recording-keys.pub  the bastion's public keys; trust them only as far as this archive")
	line("")
	line("What lies in about/ and player.html is not signed; the audit rows are chained:")
	line("compare them with a copy of the chain. asciinema-player in player.html is under")
	line("the Apache License 2.0: https://github.com/asciinema/asciinema-player")
	return b.String()
}
