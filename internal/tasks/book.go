package tasks

import (
	"cmp"
	"encoding/json"
	"slices"
	"sync"
	"time"

	"gatehouse/internal/endpoint"
)

// The most tasks that are remembered: of each owner, and together.
const (
	MaxOwned = 200
	MaxAll   = 10_000
)

// MaxID is the longest id, in bytes, by which a server may know a task.
const MaxID = 1 << 10

// Owner is whose a task is.
type Owner struct {
	// Who is a credential, or else an address or a conversation.
	Who string
	// Agent is an agent of the rules.
	Agent string
}

// Task is a result that a server has promised.
type Task struct {
	ID     string // by which its owner knows it
	Theirs string // by which its server knows it
	Owner  Owner
	Server string
	Tool   string
	// Stateless says that it is one of the extension of 2026-07-28; otherwise it is
	// one of 2025-11-25. Each is asked for in its own way.
	Stateless bool
	// Run is the server's run that made it. The zero Run is over.
	Run endpoint.Run
	// Idle is for how long it is kept if nobody asks for it.
	Idle time.Duration
	// State is what the server last said of it, an object without its id.
	State json.RawMessage
	// Tell, unless nil, takes what the server says of it unasked to its owner. It does
	// not block.
	Tell func(t Task, said json.RawMessage)
	// Forgotten, unless nil, is called once the book has no such task any more. It
	// neither blocks nor asks the book.
	Forgotten func()

	place uint64    // in the order in which they came
	asked time.Time // when its owner last asked for it
	over  bool      // it has come to an end that its owner has heard of
	owed  bool      // its run is counted as owing it
}

// owe counts the task as one that its run owes, or as none.
func (t *Task) owe(owed bool) {
	switch {
	case t.owed == owed || t.Run.Cell == nil:
	case owed:
		t.Run.Cell.Promise(1)
	default:
		t.Run.Cell.Promise(-1)
	}
	t.owed = owed
}

// Book remembers tasks. The zero Book is empty. Its methods may be called from any
// goroutine and do not block.
type Book struct {
	mu    sync.Mutex
	tasks map[string]*Task
	owned map[string]int // by Owner.Who, places that are held included
	all   int
	count uint64
}

// Hold takes a place for a task that who may be promised. ok reports whether there is
// one; the oldest of its tasks that are over gives way. Where all owners together have
// too many, the oldest of whoever has the most gives way: it is returned, to be
// cancelled. Keep or Release must follow.
func (b *Book) Hold(who string) (given *Task, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.owned[who] < MaxOwned && b.all < MaxAll, b.dropOldest(who, true) != nil:
	case b.owned[who] >= MaxOwned:
		return nil, false
	default:
		most := b.richest()
		if b.owned[most] <= b.owned[who]+1 {
			return nil, false
		}
		if given = b.dropOldest(most, false); given == nil {
			return nil, false // It holds places only.
		}
	}
	if b.owned == nil {
		b.owned = map[string]int{}
	}
	b.owned[who]++
	b.all++
	return given, true
}

// richest is the owner that has the most.
func (b *Book) richest() (most string) {
	for who, n := range b.owned {
		if n > b.owned[most] || n == b.owned[most] && who < most {
			most = who
		}
	}
	return most
}

// Release frees a place that is held.
func (b *Book) Release(who string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.release(who)
}

func (b *Book) release(who string) {
	b.all--
	if b.owned[who]--; b.owned[who] <= 0 {
		delete(b.owned, who)
	}
}

// dropOldest forgets the oldest task of an owner, of those that are over or of all,
// and returns it; nil if there is none.
func (b *Book) dropOldest(who string, over bool) (oldest *Task) {
	for _, t := range b.tasks {
		if (t.over || !over) && t.Owner.Who == who && (oldest == nil || t.place < oldest.place) {
			oldest = t
		}
	}
	if oldest != nil {
		b.drop(oldest)
	}
	return oldest
}

func (b *Book) drop(t *Task) {
	t.owe(false)
	delete(b.tasks, t.ID)
	b.release(t.Owner.Who)
	if t.Forgotten != nil {
		t.Forgotten()
	}
}

// Keep remembers a task at the place that is held for it. Its ID is one that
// nobody else has.
func (b *Book) Keep(t Task, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.tasks == nil {
		b.tasks = map[string]*Task{}
	}
	b.count++
	t.place, t.asked = b.count, now
	t.owe(true)
	b.tasks[t.ID] = &t
}

// Find returns a task of an owner, which has asked for it. ok is false if it has
// no such one.
func (b *Book) Find(o Owner, id string, now time.Time) (t Task, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	found := b.tasks[id]
	if found == nil || found.Owner != o {
		return Task{}, false
	}
	found.asked = now
	return *found, true
}

// Look returns a task, whoever asks and without that counting as asked. ok is false if
// there is none.
func (b *Book) Look(id string) (t Task, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	found := b.tasks[id]
	if found == nil {
		return Task{}, false
	}
	return *found, true
}

// Follow has what a server says unasked of a task told in another way than before.
func (b *Book) Follow(id string, tell func(t Task, said json.RawMessage)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if t := b.tasks[id]; t != nil {
		t.Tell = tell
	}
}

// Of returns the tasks of an owner, the oldest first.
func (b *Book) Of(o Owner) []Task {
	b.mu.Lock()
	defer b.mu.Unlock()
	var list []Task
	for _, t := range b.tasks {
		if t.Owner == o {
			list = append(list, *t)
		}
	}
	slices.SortFunc(list, func(a, b Task) int { return cmp.Compare(a.place, b.place) })
	return list
}

// Note keeps what a task's owner has heard of its state; over says that this was
// its end.
func (b *Book) Note(id string, state json.RawMessage, over bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if t := b.tasks[id]; t != nil {
		if t.State, t.over = state, t.over || over; t.over {
			t.owe(false)
		}
	}
}

// Expire forgets the tasks that nobody has asked for within their Idle, and returns
// those of them that may still be running. Runs that are over are let go. shortest is
// the shortest Idle of those that are left; 0: there are none.
func (b *Book) Expire(now time.Time) (running []Task, shortest time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, t := range b.tasks {
		if t.Run.Session() == nil {
			t.owe(false)
			t.Run = endpoint.Run{}
		}
		if now.Sub(t.asked) < t.Idle {
			if shortest == 0 || t.Idle < shortest {
				shortest = t.Idle
			}
			continue
		}
		b.drop(t)
		if !t.over && t.Run != (endpoint.Run{}) {
			running = append(running, *t)
		}
	}
	return running, shortest
}
