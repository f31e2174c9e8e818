package weight

import (
	"sync"
	"sync/atomic"
	"time"
)

// Light is the size in bytes up to which a message takes nothing of a budget:
// there can only be so many, so their total is bounded too.
const Light = 32 << 10

// tooSlow is how long a write of an answer may last once its room is wanted.
const tooSlow = time.Second

// Budget is a number of bytes. Its methods are safe for concurrent use.
type Budget struct {
	limit int64
	now   func() time.Time

	mu      sync.Mutex
	used    int64
	owners  owners
	writing map[*Share]struct{}
}

// New makes a budget of so many bytes. now tells the time.
func New(limit int64, now func() time.Time) *Budget {
	return &Budget{limit: limit, now: now, writing: map[*Share]struct{}{}}
}

// reserve is what answers may take beyond the limit.
func (b *Budget) reserve() int64 { return b.limit / 4 }

// Used is how many bytes are taken.
func (b *Budget) Used() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.used
}

// Share is what one message, or one batch of them, takes of a budget. The zero
// Share, and a nil one, are of no budget and take nothing. Its methods are safe
// for concurrent use.
type Share struct {
	of      *Budget
	owner   string // "" is nobody in particular
	bytes   int64  // guarded by of.mu, as all that follows
	answers int64  // bytes of answers, see Answer
	batch   bool
	full    bool      // an answer of the batch was too much
	since   time.Time // when its writing began
	cut     func()    // ends its writing

	seen atomic.Int64 // see Unpaid
}

// Share returns a share of nothing yet; of a nil budget it takes nothing. Release
// must follow if something has been taken. A share must not be copied after that.
func (b *Budget) Share() Share { return Share{of: b} }

// ShareOf is Share for an owner. Nobody can take so much that there is no room for
// others: see owners.
func (b *Budget) ShareOf(owner string) Share { return Share{of: b, owner: owner} }

// Batch returns an owner's share for several answers that are sent together: each
// is held once more when they are joined, and the small ones count too.
func (b *Budget) Batch(owner string) *Share { return &Share{of: b, owner: owner, batch: true} }

// Grow takes what is needed for so many bytes in all, beyond what the share has,
// and reports whether there is room. Up to Light bytes need none.
func (s *Share) Grow(total int) bool {
	if s == nil || s.of == nil || total <= Light {
		return true
	}
	return s.Hold(total)
}

// Hold is Grow for what needs room however small it is: there can be any number
// of it.
func (s *Share) Hold(total int) bool {
	if s == nil || s.of == nil {
		return true
	}
	s.of.mu.Lock()
	ok, cut := s.take(int64(total)-s.bytes, s.of.limit), func() {}
	if !ok {
		cut = s.slowest()
	}
	s.of.mu.Unlock()
	cut()
	return ok
}

// Verdict is what becomes of an answer.
type Verdict int

// The verdicts.
const (
	// Fits: the share has taken its bytes.
	Fits Verdict = iota
	// NoRoom: there are too many large messages at the moment.
	NoRoom
	// TooMuch: together with the other answers of its batch it is too large.
	TooMuch
)

// Answer takes the bytes of one more answer. The answers of a batch together may
// have most bytes. While there is more than the budget, whoever has been reading an answer
// for longest, and for too long, is cut off.
func (s *Share) Answer(size int, most int64) Verdict {
	if s == nil || s.of == nil || size <= Light && !s.batch {
		return Fits
	}
	s.See(int64(size))
	v, cut := s.answer(int64(size), most)
	cut()
	return v
}

func (s *Share) answer(size, most int64) (v Verdict, cut func()) {
	s.of.mu.Lock()
	defer s.of.mu.Unlock()
	need := size
	if s.batch {
		if s.answers+size > most {
			s.full = true
			return TooMuch, func() {}
		}
		need = 2 * size
	}
	ok := s.take(need, s.of.limit+s.of.reserve())
	cut = func() {}
	if !ok || s.of.used > s.of.limit {
		cut = s.slowest()
	}
	if !ok {
		return NoRoom, cut
	}
	s.answers += size
	return Fits, cut
}

// See notes that a large answer has come, whatever becomes of it.
func (s *Share) See(size int64) {
	if s != nil {
		s.seen.Add(size)
	}
}

// Unpaid returns how many bytes the large answers had that have come since it was
// asked last, those of a batch together.
func (s *Share) Unpaid() int64 {
	if s == nil {
		return 0
	}
	return s.seen.Swap(0)
}

// Full reports whether an answer of a batch was too much: there is no room for
// more of any size worth running a call for.
func (s *Share) Full() bool {
	if s == nil || !s.batch {
		return false
	}
	s.of.mu.Lock()
	defer s.of.mu.Unlock()
	return s.full
}

// take takes some bytes more, if the budget does not hold more than so many then.
func (s *Share) take(more, limit int64) bool {
	switch {
	case more <= 0:
		return true
	case s.of.used+more > limit, !s.of.owners.take(s.owner, more, limit, s.of.used, s.of.now):
		return false
	}
	s.of.used += more
	s.bytes += more
	return true
}

// Release returns everything to the budget. Repeating it does no harm.
func (s *Share) Release() {
	if s == nil || s.of == nil || s.bytes == 0 {
		return
	}
	s.of.mu.Lock()
	defer s.of.mu.Unlock()
	s.of.used -= s.bytes
	s.of.owners.release(s.owner, s.bytes)
	s.bytes, s.answers, s.cut = 0, 0, nil
	delete(s.of.writing, s)
}

// Writing notes that the answers begin to be written. cut ends that, must not
// block, and may be called until Release.
func (s *Share) Writing(cut func()) {
	if s == nil || s.of == nil || s.bytes == 0 {
		return
	}
	s.of.mu.Lock()
	defer s.of.mu.Unlock()
	s.since, s.cut = s.of.now(), cut
	s.of.writing[s] = struct{}{}
}

// slowest returns what ends the writing that has lasted for longest; nothing if
// none has lasted for too long. An owner with more than its share ends its own.
func (s *Share) slowest() func() {
	b := s.of
	now, own := b.now(), b.owners.hogs(s.owner, b.limit)
	var worst *Share
	for other := range b.writing {
		if own && other.owner != s.owner {
			continue
		}
		if now.Sub(other.since) >= tooSlow && (worst == nil || other.since.Before(worst.since)) {
			worst = other
		}
	}
	if worst == nil {
		return func() {}
	}
	delete(b.writing, worst)
	return worst.cut
}
