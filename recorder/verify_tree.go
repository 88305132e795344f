package recorder

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/oklog/ulid/v2"

	"github.com/sallyport/sallyport/access"
)

// place is where a manifest stands among those of its bastion.
// It is as small as it can be, since there is one for each recording.
type place struct {
	session  ulid.ULID
	bastion  string // shared by all of one bastion
	sequence uint64
	digest   [sha256.Size]byte
	previous [sha256.Size]byte
}

// VerifyTree verifies every recording below root, handing each result to
// visit, and then the sequence that chains their manifests: a recording that
// was removed, folder and all, leaves a gap in it and is reported as Missing
// without a session. Where only some recordings were copied, that is no
// surprise. Anchors, which may be nil, are compared with each. A visit's error
// ends it.
func VerifyTree(root string, trust Trust, anchors *Anchors, visit func(Verification) error) error {
	var places []place
	bastions := map[string]string{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() || !access.ValidID(d.Name()) {
			return err
		}
		v := &verifier{dir: path, id: access.SessionID(d.Name())}
		if err := v.run(trust, anchors); err != nil {
			return fmt.Errorf("%s: %w", d.Name(), err)
		}
		if v.m.Sequence > 0 {
			id, _ := ulid.ParseStrict(string(v.id)) // of no session is zero
			bastion, ok := bastions[v.m.BastionID]
			if !ok {
				bastion = strings.Clone(v.m.BastionID)
				bastions[bastion] = bastion
			}
			places = append(places, place{id, bastion, v.m.Sequence, v.digest, digestOf(v.m.Previous)})
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
	var last place // the first one has zeros before it
	for _, p := range places {
		if p.bastion != last.bastion {
			last = place{bastion: p.bastion}
		}
		name := access.Plain(p.bastion, 80)
		switch {
		case p.sequence == last.sequence:
			faults = append(faults, Verification{Session: access.SessionID(p.session.String()), Verdict: Altered, File: manifestName,
				Detail: fmt.Sprintf("%s: %s has the same sequence %d", name, last.session, p.sequence)})
		case p.sequence > last.sequence+1:
			faults = append(faults, Verification{Verdict: Missing,
				Detail: fmt.Sprintf("%s: no recording of sequence %d to %d", name, last.sequence+1, p.sequence-1)})
		case p.previous != last.digest:
			faults = append(faults, Verification{Session: access.SessionID(p.session.String()), Verdict: Altered, File: manifestName,
				Detail: fmt.Sprintf("%s: the manifest before sequence %d is not the one it was chained to", name, p.sequence)})
		}
		last = p
	}
	return faults
}
