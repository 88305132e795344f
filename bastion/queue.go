package bastion

import "sync"

// queue hands what is put into it to do, one at a time and in order. The
// goroutine for that is there only while there is something: most connections
// are quiet most of the time, and each stack counts a thousand times.
type queue[T any] struct {
	do   func(T)
	most int // that may wait

	mu    sync.Mutex
	items []T
	busy  bool // somebody empties it
}

// put adds one and reports whether there was room.
func (q *queue[T]) put(x T) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.add(x)
}

// add is put for who holds mu.
func (q *queue[T]) add(x T) bool {
	if len(q.items) >= q.most {
		return false
	}
	q.items = append(q.items, x)
	if !q.busy {
		q.busy = true
		go q.run()
	}
	return true
}

func (q *queue[T]) run() {
	for x, ok := q.next(); ok; x, ok = q.next() {
		q.do(x)
	}
}

func (q *queue[T]) next() (x T, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.items) == 0 {
		q.items, q.busy = nil, false
		return x, false
	}
	x, q.items = q.items[0], q.items[1:]
	return x, true
}
