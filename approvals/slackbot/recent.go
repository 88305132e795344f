package slackbot

import "sync"

// recent is a map that forgets the oldest entry beyond its size. It is safe for concurrent use.
type recent[V any] struct {
	mu    sync.Mutex
	size  int
	known map[string]V
	order []string // ring of keys in order of arrival; "" where one was forgotten
	next  int
}

func newRecent[V any](size int) *recent[V] {
	return &recent[V]{size: size, known: map[string]V{}, order: make([]string, size)}
}

func (r *recent[V]) get(key string) (V, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	v, ok := r.known[key]
	return v, ok
}

// put remembers, and reports whether the key was new.
func (r *recent[V]) put(key string, v V) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, old := r.known[key]; old {
		r.known[key] = v
		return false
	}
	r.insert(key, v)
	return true
}

// insert adds what is not known; mu is held.
func (r *recent[V]) insert(key string, v V) {
	r.known[key] = v
	if gone := r.order[r.next]; gone != "" {
		delete(r.known, gone)
	}
	r.order[r.next] = key
	r.next = (r.next + 1) % r.size
}

// add remembers a value unless there is one, and gives the one that is there.
func (r *recent[V]) add(key string, v V) (kept V, fresh bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if old, ok := r.known[key]; ok {
		return old, false
	}
	r.insert(key, v)
	return v, true
}

func (r *recent[V]) forget(key string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, ok := r.known[key]; !ok {
		return
	}
	delete(r.known, key)
	for i, k := range r.order {
		if k == key {
			r.order[i] = ""
		}
	}
}
