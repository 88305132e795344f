package recorder_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/recorder"
)

// index is an Index in memory: the rows that a store would keep. It outlives
// the recorders of a test as the database outlives a process.
type index struct {
	mu        sync.Mutex
	sessions  map[access.SessionID]access.Session
	unwritten map[access.SessionID]recorder.UnwrittenManifest
	transfers []access.Transfer
	places    map[uint64]access.SessionID // the sequence
	clashes   map[access.SessionID]access.SessionID
	added     chan struct{} // gets one when there are more transfers; lossy
	seq       uint64
	prev      [32]byte
	fail      error                 // returned by OpenSession and SealSession
	written   chan access.SessionID // gets the ID of each manifest written; lossy
}

func newIndex() *index {
	return &index{
		sessions:  map[access.SessionID]access.Session{},
		unwritten: map[access.SessionID]recorder.UnwrittenManifest{},
		places:    map[uint64]access.SessionID{},
		clashes:   map[access.SessionID]access.SessionID{},
		written:   make(chan access.SessionID, 1),
		added:     make(chan struct{}, 1),
	}
}

var _ recorder.Index = (*index)(nil)

func (x *index) OpenSession(_ context.Context, s access.Session) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.fail != nil {
		return x.fail
	}
	if _, ok := x.sessions[s.ID]; ok {
		return errors.New("known already")
	}
	x.sessions[s.ID] = s
	return nil
}

func (x *index) SealSession(_ context.Context, id access.SessionID, build func(uint64, [32]byte) ([]byte, access.Session, error)) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.fail != nil {
		return x.fail
	}
	if s, ok := x.sessions[id]; ok && s.State != access.SessionLive {
		return errors.New("not live")
	}
	manifest, s, err := build(x.seq+1, x.prev)
	if err != nil {
		return err
	}
	x.seq++
	x.prev = sha256.Sum256(manifest)
	x.places[x.seq] = id
	x.sessions[id] = s
	x.unwritten[id] = recorder.UnwrittenManifest{ID: id, Recording: s.Recording, Manifest: manifest}
	return nil
}

func (x *index) AddTransfers(_ context.Context, entries []access.Transfer) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.fail != nil {
		return x.fail
	}
	for _, e := range entries {
		if !slices.ContainsFunc(x.transfers, func(t access.Transfer) bool { return t.Session == e.Session && t.Place == e.Place }) {
			x.transfers = append(x.transfers, e)
		}
	}
	select {
	case x.added <- struct{}{}:
	default:
	}
	return nil
}

func (x *index) UnknownSessions(_ context.Context, ids []access.SessionID) (unknown []access.SessionID, err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, id := range ids {
		if _, ok := x.sessions[id]; !ok {
			unknown = append(unknown, id)
		}
	}
	return unknown, nil
}

func (x *index) AdoptSession(_ context.Context, a recorder.Adoption) (other access.SessionID, err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.sessions[a.Session.ID] = a.Session
	if other, ok := x.places[a.Sequence]; ok {
		x.clashes[a.Session.ID] = other
		return other, nil
	}
	if a.Sequence > 0 {
		x.places[a.Sequence] = a.Session.ID
	}
	if a.Sequence > x.seq {
		x.seq, x.prev = a.Sequence, a.Digest
	}
	return "", nil
}

// backup gives the index as it stands.
func (x *index) backup() *index {
	x.mu.Lock()
	defer x.mu.Unlock()
	y := newIndex()
	maps.Copy(y.sessions, x.sessions)
	maps.Copy(y.unwritten, x.unwritten)
	maps.Copy(y.places, x.places)
	y.transfers, y.seq, y.prev = slices.Clone(x.transfers), x.seq, x.prev
	return y
}

func (x *index) LiveSessions(_ context.Context, bastion string) (live []access.Session, err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, s := range x.sessions {
		if s.State == access.SessionLive && s.BastionID == bastion {
			live = append(live, s)
		}
	}
	return live, nil
}

func (x *index) UnwrittenManifests(context.Context, string) (all []recorder.UnwrittenManifest, err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, m := range x.unwritten {
		all = append(all, m)
	}
	return all, nil
}

func (x *index) ManifestWritten(_ context.Context, ids ...access.SessionID) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, id := range ids {
		delete(x.unwritten, id)
		select {
		case x.written <- id:
		default:
		}
	}
	return nil
}

func (x *index) state(id access.SessionID) access.SessionState {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.sessions[id].State
}

func sum(data []byte) string { return fmt.Sprintf("%x", sha256.Sum256(data)) }

func (x *index) setFail(err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.fail = err
}
