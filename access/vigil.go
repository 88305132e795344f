package access

import (
	"context"
	"slices"
	"sync"
)

// Vigil says who watches a session that runs only while a second person does.
// The desk sets it; the front door obeys it. It is safe for concurrent use.
type Vigil struct {
	// May are those who may keep it, for the person who waits.
	May []PersonName
	// Begun tells the desk that the session has a recording that can be watched
	// and waits for the first to do so. It is called once.
	Begun func(ctx context.Context)

	mu       sync.Mutex
	watchers []PersonName
	changed  chan struct{} // closed when watchers change; nil while nobody asks
}

// Set says who watches from now on.
func (v *Vigil) Set(watchers []PersonName) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if slices.Equal(v.watchers, watchers) {
		return
	}
	v.watchers = slices.Clone(watchers)
	if v.changed != nil {
		close(v.changed)
		v.changed = nil
	}
}

// Kept reports whether somebody watches now. A nil vigil always is.
func (v *Vigil) Kept() bool {
	if v == nil {
		return true
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.watchers) > 0
}

// Now is who watches, and a channel that is closed when that changes. Of a nil
// vigil it never does.
func (v *Vigil) Now() (watchers []PersonName, changed <-chan struct{}) {
	if v == nil {
		return nil, nil
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.changed == nil {
		v.changed = make(chan struct{})
	}
	return slices.Clone(v.watchers), v.changed
}

// Await returns once somebody watches, or with the cause of ctx's end.
func (v *Vigil) Await(ctx context.Context) error {
	for !v.Kept() {
		watchers, changed := v.Now()
		if len(watchers) > 0 {
			break
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}
