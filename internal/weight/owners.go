package weight

import "time"

const (
	// part is the inverse of the share that each owner has for sure.
	part = 8
	// wants is how long an owner counts as one that wants room, from when it has
	// last asked for some.
	wants = time.Second
)

// owners are who has how much of a budget. Up to an eighth of all an owner gets
// whatever is free. Beyond that it leaves an eighth free for others, and half
// of all while others ask.
type owners struct {
	bytes map[string]int64
	// last is who asked last, and when; otherAt is when anybody else did.
	last            string
	lastAt, otherAt time.Time
}

// take notes that an owner takes some bytes more of so many, of which used are
// taken, and reports whether it may. Nobody in particular always may.
func (o *owners) take(owner string, more, limit, used int64, now func() time.Time) bool {
	if owner == "" {
		return true
	}
	at := now()
	if o.last != owner {
		o.last, o.otherAt = owner, o.lastAt
	}
	o.lastAt = at
	left := limit / part
	if !o.otherAt.IsZero() && at.Sub(o.otherAt) < wants {
		left = limit / 2
	}
	if o.bytes[owner]+more > limit/part && used+more > limit-left {
		return false
	}
	if o.bytes == nil {
		o.bytes = map[string]int64{}
	}
	o.bytes[owner] += more
	return true
}

func (o *owners) release(owner string, bytes int64) {
	if owner == "" {
		return
	}
	if o.bytes[owner] -= bytes; o.bytes[owner] <= 0 {
		delete(o.bytes, owner)
	}
}

// hogs reports whether an owner has more than its share.
func (o *owners) hogs(owner string, limit int64) bool {
	return owner != "" && o.bytes[owner] > limit/part
}
