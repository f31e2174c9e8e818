package quota

import (
	"math"
	"time"

	"golang.org/x/time/rate"
)

// bucket is an amount that is used up, and fills again evenly over its span. A nil
// bucket is no limit.
type bucket struct {
	limiter *rate.Limiter
	size    int64
	per     rate.Limit // tokens a second
}

// maxDebt is how many times its size a bucket can be overdrawn.
const maxDebt = 24

// resize makes a bucket of a size that fills, from empty, amount tokens in span. What
// was used of the old one is used of it. Without a size there is none.
func (b *bucket) resize(size, amount int64, span time.Duration, now time.Time) *bucket {
	if size == 0 {
		return nil
	}
	per := rate.Limit(float64(amount) / span.Seconds())
	if b != nil && b.size == size && b.per == per {
		return b
	}
	next := &bucket{limiter: rate.NewLimiter(per, int(size)), size: size, per: per}
	if b != nil {
		const dust = 1e-6 // Of floating point.
		next.take(int64(math.Ceil(float64(b.size)-b.limiter.TokensAt(now)-dust)), now)
	}
	return next
}

// take uses up n tokens, even if there are not so many.
func (b *bucket) take(n int64, now time.Time) {
	if b == nil {
		return
	}
	n = min(n, maxDebt*b.size)
	for n > 0 {
		part := min(n, b.size)
		b.limiter.ReserveN(now, int(part))
		n -= part
	}
}

// wait is how long it takes until there are n tokens; 0 if there are.
func (b *bucket) wait(n float64, now time.Time) time.Duration {
	if b == nil {
		return 0
	}
	missing := n - b.limiter.TokensAt(now)
	const dust = 1e-6
	if missing <= dust {
		return 0
	}
	return time.Duration(math.Ceil(missing / float64(b.per) * float64(time.Second)))
}

// full reports whether nothing is used.
func (b *bucket) full(now time.Time) bool {
	return b == nil || b.limiter.TokensAt(now) >= float64(b.size)
}
