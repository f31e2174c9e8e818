package main

import "sync"

// inOrder does things one after the other, in the order in which they came. It has a
// goroutine while there is something to do.
type inOrder struct {
	mu      sync.Mutex
	waiting []func() // the first is being done
}

// add has something done by a goroutine that start starts. It does not block.
func (q *inOrder) add(start func(func()), do func()) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting = append(q.waiting, do)
	if len(q.waiting) == 1 {
		start(func() { q.work(do) })
	}
}

func (q *inOrder) work(do func()) {
	for do != nil {
		do()
		do = q.next()
	}
}

// next ends what is being done and returns what is next, nil if there is nothing.
func (q *inOrder) next() func() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting[0] = nil // What it holds can be freed.
	q.waiting = q.waiting[1:]
	if len(q.waiting) == 0 {
		q.waiting = nil
		return nil
	}
	return q.waiting[0]
}
