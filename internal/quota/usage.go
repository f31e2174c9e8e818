package quota

import (
	"time"

	"gatehouse/internal/policy"
)

// usage is what one set of amounts is compared with. Its user's mutex guards it.
type usage struct {
	amounts policy.Amounts
	calls   *bucket
	bytes   *bucket
	running int64
}

// fit brings the usage in line with amounts, which may have changed.
func (u *usage) fit(a policy.Amounts, now time.Time) {
	u.amounts = a
	u.calls = u.calls.resize(a.BurstOrAll(), a.CallsPerMinute.N, time.Minute, now)
	u.bytes = u.bytes.resize(a.ResultBytesPerHour.N, a.ResultBytesPerHour.N, time.Hour, now)
}

// soonest is when it is worth trying again where that is not known.
const soonest = time.Second

// exceeded returns the limit that one more call would exceed, and for how long
// at least; the zero Limit is none.
func (u *usage) exceeded(now time.Time) (over Exceeded) {
	note := func(kind Kind, l policy.Limit, wait time.Duration) {
		if wait > over.Wait {
			over = Exceeded{Kind: kind, Limit: l, Burst: u.amounts.BurstOrAll(), Wait: wait}
		}
	}
	note(Calls, u.amounts.CallsPerMinute, u.calls.wait(1, now))
	note(Bytes, u.amounts.ResultBytesPerHour, u.bytes.wait(1, now))
	if most := u.amounts.Concurrent; most.N > 0 && u.running >= most.N {
		note(Concurrent, most, soonest)
	}
	return over
}

func (u *usage) enter(now time.Time) {
	u.calls.take(1, now)
	u.running++
}

// idle reports whether nothing of it is used.
func (u *usage) idle(now time.Time) bool {
	return u.running == 0 && u.calls.full(now) && u.bytes.full(now)
}
