package recorder

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"

	"github.com/sallyport/sallyport/access"
)

// place is where a manifest stands among those of its bastion.
type place struct {
	session  access.SessionID
	bastion  string
	sequence uint64
	digest   string
	previous string
}

// VerifyTree verifies every recording below root, handing each result to
// visit, and then the sequence that chains their manifests: a recording that
// was removed, folder and all, leaves a gap in it and is reported as Missing
// without a session. Where only some recordings were copied, that is no
// surprise. Anchors, which may be nil, are compared with each. A visit's error
// ends it.
func VerifyTree(root string, trust Trust, anchors Anchors, visit func(Verification) error) error {
	var places []place
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() || !access.ValidID(d.Name()) {
			return err
		}
		v := &verifier{dir: path, id: access.SessionID(d.Name())}
		if err := v.run(trust, anchors); err != nil {
			return fmt.Errorf("%s: %w", d.Name(), err)
		}
		if v.m.Sequence > 0 {
			places = append(places, place{v.id, v.m.BastionID, v.m.Sequence, hex.EncodeToString(v.digest[:]), v.m.Previous})
		}
		if err := visit(v.result()); err != nil {
			return err
		}
		return fs.SkipDir
	})
	if err != nil {
		return err
	}
	for _, v := range sequenceFaults(places) {
		if err := visit(v); err != nil {
			return err
		}
	}
	return nil
}

// sequenceFaults finds gaps and forks in the chains of manifests.
func sequenceFaults(places []place) (faults []Verification) {
	slices.SortFunc(places, func(a, b place) int {
		return cmp.Or(cmp.Compare(a.bastion, b.bastion), cmp.Compare(a.sequence, b.sequence))
	})
	last := place{digest: firstPrevious}
	for _, p := range places {
		if p.bastion != last.bastion {
			last = place{bastion: p.bastion, digest: firstPrevious}
		}
		name := access.Plain(p.bastion, 80)
		switch {
		case p.sequence == last.sequence:
			faults = append(faults, Verification{Session: p.session, Verdict: Altered, File: manifestName,
				Detail: fmt.Sprintf("%s: %s has the same sequence %d", name, last.session, p.sequence)})
		case p.sequence > last.sequence+1:
			faults = append(faults, Verification{Verdict: Missing,
				Detail: fmt.Sprintf("%s: no recording of sequence %d to %d", name, last.sequence+1, p.sequence-1)})
		case p.previous != last.digest:
			faults = append(faults, Verification{Session: p.session, Verdict: Altered, File: manifestName,
				Detail: fmt.Sprintf("%s: the manifest before sequence %d is not the one it was chained to", name, p.sequence)})
		}
		last = p
	}
	return faults
}

// firstPrevious is what the first manifest of a bastion has as Previous.
const firstPrevious = "0000000000000000000000000000000000000000000000000000000000000000"
