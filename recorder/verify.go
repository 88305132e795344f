package recorder

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/sallyport/sallyport/access"
)

// Verdict is what verifying a recording comes to. The values are contract.
type Verdict string

const (
	Intact    Verdict = "intact"    // a signed recording, every byte as signed
	Recovered Verdict = "recovered" // cut short by a crash: consistent, and genuine up to the last head kept elsewhere
	Truncated Verdict = "truncated" // a file ends too early
	Altered   Verdict = "altered"   // bytes are not as signed
	Missing   Verdict = "missing"   // the manifest or a file is not there
)

// Verification is the result of verifying one recording.
type Verification struct {
	Session access.SessionID // by the folder's name
	Verdict Verdict
	File    string // the file that is wrong; empty when none is
	// FirstBadOffset in File: bytes before it are as signed, and the first
	// wrong one is in the block that begins there. -1 when nothing is wrong.
	FirstBadOffset int64
	Detail         string // safe to show
	// Deleted says that the recording is Missing because it was deleted, by a
	// tombstone that is genuine.
	Deleted bool
}

// Verify checks the recording in a folder against its manifest and the
// manifest against trust, offline, with nothing but what is there. It finds
// any changed, removed, inserted or reordered byte of a sealed recording. It
// cannot find that everything was made anew by who has the signing key: for
// that compare heads and manifests' digests that were kept elsewhere.
//
// The error is one of reading, such as a denied permission; the Verification
// then says nothing.
func Verify(dir string, trust Trust) (Verification, error) { return VerifyAnchored(dir, trust, nil) }

// VerifyAnchored is [Verify], and compares the recording with what was kept
// elsewhere of it.
func VerifyAnchored(dir string, trust Trust, anchors *Anchors) (Verification, error) {
	v := &verifier{dir: dir, id: access.SessionID(filepath.Base(filepath.Clean(dir)))}
	if err := v.run(trust, anchors); err != nil {
		return Verification{Session: v.id, FirstBadOffset: -1}, err
	}
	return v.result(), nil
}

type verifier struct {
	dir      string
	id       access.SessionID
	m        Manifest
	digest   [sha256.Size]byte // of the manifest
	buried   bool              // deleted, with a genuine tombstone
	anchored uint64            // the last block whose head an anchor holds
	findings []Verification
}

func (v *verifier) find(verdict Verdict, file string, offset int64, format string, args ...any) {
	v.findings = append(v.findings, Verification{Session: v.id, Verdict: verdict, File: file, FirstBadOffset: offset,
		Detail: access.Plain(fmt.Sprintf(format, args...), 500)})
}

// result is the gravest finding: changed bytes, then missing ones.
func (v *verifier) result() Verification {
	for _, verdict := range []Verdict{Altered, Missing, Truncated} {
		for _, f := range v.findings {
			if f.Verdict == verdict {
				f.Deleted = v.buried && verdict == Missing
				return f
			}
		}
	}
	out := Verification{Session: v.id, Verdict: Intact, FirstBadOffset: -1}
	if v.m.Recovery != nil {
		out.Verdict = Recovered
		out.Detail = fmt.Sprintf("closed after a crash; genuine up to the last head kept elsewhere; %d blocks were closed before it", v.m.Recovery.Blocks)
		if v.anchored > 0 {
			out.Detail = fmt.Sprintf("closed after a crash; genuine up to block %d, which the audit chain anchors; %d blocks were closed before the crash", v.anchored, v.m.Recovery.Blocks)
		}
	}
	for _, g := range v.m.Gaps {
		out.Detail = strings.TrimPrefix(fmt.Sprintf("%s; %d bytes were not recorded at %s", out.Detail, g.Bytes, micros(g.From)), "; ")
	}
	return out
}

func (v *verifier) run(trust Trust, anchors *Anchors) error {
	if buried(v.dir) {
		return errors.Join(v.tombstone(trust), v.compare(anchors))
	}
	ok, err := v.manifest(trust)
	if err != nil || !ok {
		return err
	}
	sums := newPrefixes(v.dir)
	defer sums.close()
	bad, err := v.files(sums)
	if err != nil {
		return err
	}
	if len(bad) > 0 || v.m.Recovery != nil {
		if err := v.locate(bad); err != nil {
			return err
		}
	}
	return errors.Join(v.strangers(), v.compare(anchors))
}

// manifest reads the manifest and reports whether it can be relied upon.
func (v *verifier) manifest(trust Trust) (bool, error) {
	data, err := readManifestFile(v.dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if hasFile(v.dir, castName) || hasFile(v.dir, sidecarName) {
			v.find(Missing, manifestName, 0, "there is no manifest: the session is live, or waits for recovery, or somebody removed it")
		} else {
			v.find(Missing, manifestName, 0, "there is no recording")
		}
		return false, nil
	case errors.Is(err, errOversize), errors.Is(err, errIrregular):
		v.find(Altered, manifestName, 0, "%v", err)
		return false, nil
	case err != nil:
		return false, err
	}
	m, signed, sig, err := parseManifest(data)
	if err == nil {
		err = m.verifySignature(signed, sig, trust)
	}
	if err != nil {
		v.find(Altered, manifestName, 0, "manifest: %v", err)
		return false, nil
	}
	v.m, v.digest = m, sha256.Sum256(data)
	if access.ValidID(string(v.id)) && m.Session.ID != string(v.id) {
		v.find(Altered, manifestName, 0, "this is the recording of %s in the folder of %s", m.Session.ID, v.id)
	}
	v.id = access.SessionID(m.Session.ID)
	return true, nil
}

// files compares each file as a whole with what is signed, and returns those
// that differ.
func (v *verifier) files(sums *prefixes) (bad []FileDigest, err error) {
	for _, f := range v.m.Files {
		sum, err := sums.digest(f.Name, f.Bytes)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			v.find(Missing, f.Name, 0, "%s is missing", f.Name)
			continue
		case errors.Is(err, errIrregular):
			v.find(Altered, f.Name, 0, "%v", err)
			continue
		case errors.Is(err, errShort):
			bad = append(bad, f)
			continue
		case err != nil:
			return nil, err
		case sum != f.SHA256:
			bad = append(bad, f)
			continue
		}
		n, _, err := sums.rest(f.Name)
		if err != nil {
			return nil, err
		}
		if n != f.Bytes {
			v.find(Altered, f.Name, f.Bytes, "%s: %d bytes were appended", f.Name, n-f.Bytes)
		}
	}
	return bad, nil
}

// locate finds where files went wrong, by the blocks of the sidecar as far as
// its chain holds.
func (v *verifier) locate(bad []FileDigest) error {
	sums := newPrefixes(v.dir)
	defer sums.close()
	wrong := map[string]*blockError{}
	scan, err := v.scan(sums, wrong)
	if err != nil {
		return err
	}
	if len(bad) == 0 {
		for _, w := range wrong {
			v.find(Altered, w.name, w.from, "changed before it was recovered: %v", w)
		}
	}
	for _, f := range bad {
		n, err := fileSize(v.dir, f.Name)
		if err != nil {
			return err
		}
		block := f.Name // as blocks know it
		if number, err := tailNumber(filepath.Join(v.dir, f.Name)); err == nil && f.Name == tailName {
			block = tailNumberName(number)
		}
		from, short := sums.checked(block), n < f.Bytes
		if w := wrong[block]; w != nil {
			from, short = w.from, w.short
		}
		if f.Name == sidecarName && scan != nil {
			from, short = scan.last.end, short && scan.broken == nil
		}
		if short {
			v.find(Truncated, f.Name, min(from, n), "%s has %d of %d bytes", f.Name, n, f.Bytes)
			continue
		}
		v.find(Altered, f.Name, min(from, n), "%s is not as signed", f.Name)
	}
	return nil
}

// scan goes through the sidecar's blocks and notes the first one of each file
// that does not hold. Without a sidecar it gives nil.
func (v *verifier) scan(sums *prefixes, wrong map[string]*blockError) (*sidecarScan, error) {
	idx, err := openRegular(filepath.Join(v.dir, sidecarName))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, errIrregular) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer idx.Close()
	var failed error
	scan, err := scanSidecar(idx, func(b sidecarBlock) error {
		for _, f := range b.files {
			if wrong[f.Name] != nil {
				continue
			}
			one := sidecarBlock{number: b.number, files: []FileDigest{f}}
			err := sums.checkBlock(one)
			var w *blockError
			switch {
			case errors.As(err, &w):
				wrong[f.Name] = w
			case errors.Is(err, errIrregular):
				wrong[f.Name] = &blockError{block: b.number, name: f.Name, to: f.Bytes}
			case err != nil:
				failed = err
				return err
			}
		}
		return nil
	})
	if err := errors.Join(err, failed); err != nil {
		return nil, err
	}
	return scan, nil
}

// strangers finds files that pass for parts of the recording and are not in
// the manifest.
func (v *verifier) strangers() error {
	entries, err := os.ReadDir(v.dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		name := e.Name()
		if name == manifestName || name == keyframeName ||
			slices.ContainsFunc(v.m.Files, func(f FileDigest) bool { return f.Name == name }) {
			continue
		}
		for _, ours := range []string{"session.", "stdin.", "stdout.", "stderr.", "events.", "key.", "tail."} {
			if strings.HasPrefix(name, ours) {
				v.find(Altered, name, 0, "%s is not in the manifest", name)
			}
		}
		if numbered.MatchString(name) || numberedTail.MatchString(name) {
			v.find(Altered, name, 0, "%s is not in the manifest", name)
		}
	}
	return nil
}

func fileSize(dir, name string) (int64, error) {
	fi, err := os.Lstat(filepath.Join(dir, name))
	if err != nil {
		return 0, err
	}
	return fi.Size(), nil
}
