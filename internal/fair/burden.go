package fair

import "time"

const (
	// burst is how much work beyond that of small calls an owner may make at once
	// while others ask: some 30 MB of messages.
	burst = 250 * time.Millisecond
	// most is what is remembered of it: who was alone until now must not wait for
	// long.
	most = 4 * burst
	// paced is the inverse of the part of a core that it may use after that.
	paced = 20
	// forgets is how long it takes until half of what is usual is forgotten.
	forgets = time.Second
)

// burden is the work that an owner has made beyond that of small calls, in a
// core's time, as far as it is not worked off: a twentieth of a core does that.
type burden struct {
	debt time.Duration
	at   time.Time // when that was so
	// usual is what the owner's calls cost lately, so that those under way count
	// before it is known.
	usual time.Duration
}

func (b *burden) add(work time.Duration, now time.Time) {
	b.usual = max(work, b.expected(now))
	b.debt, b.at = min(b.owed(now)+work, most), now
}

func (b *burden) owed(now time.Time) time.Duration {
	return max(0, b.debt-now.Sub(b.at)/paced)
}

func (b *burden) expected(now time.Time) time.Duration {
	return b.usual >> min(max(now.Sub(b.at)/forgets, 0), 62)
}

// Burden notes that an owner has made so much work, in a core's time, beyond
// that of a small call. While others ask, and it has made much, it gets no more
// places until a twentieth of a core would have done it.
func (p *Pool) Burden(o Owner, work time.Duration, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, a := range []*account{p.who.of(o.Who), p.name.of(o.Name)} {
		if a != nil {
			a.burden.add(work, now)
		}
	}
}

// Abandon notes that nobody waits for a call of an owner any more: whoever runs
// it goes on, so it counts as one that is usual for the owner.
func (p *Pool) Abandon(o Owner, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, a := range []*account{p.who.of(o.Who), p.name.of(o.Name)} {
		if a != nil && a.burden.usual > 0 {
			a.burden.add(a.burden.expected(now), now)
		}
	}
}

// Overdrawn returns how long an owner that has made much work should wait before
// it makes more; 0 while nobody else asks.
func (p *Pool) Overdrawn(o Owner, now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return max(p.who.overdrawn(p.who.of(o.Who), now), p.name.overdrawn(p.name.of(o.Name), now))
}

func (d *dimension) overdrawn(a *account, now time.Time) time.Duration {
	if a == nil || a.burden.debt <= burst || !d.wanted(a, now) {
		return 0
	}
	return max(0, a.burden.owed(now)-burst) * paced
}

const (
	// trial is how many calls of an owner are let in at once while others ask and
	// nothing is known of what they cost. Each answer makes it one more, and so
	// does each trialGrows.
	trial      = 16
	trialGrows = 8 * time.Millisecond
)

// busy is since when an owner has held places without a pause, and how many it
// has returned meanwhile.
type busy struct {
	since    time.Time
	returned int
}

// tries reports whether an owner that may hold more places should get one of them
// now: its first calls tell what the next ones cost.
func (d *dimension) tries(a *account, now time.Time) bool {
	return a.held < trial || !d.wanted(a, now) ||
		a.held < trial+a.busy.returned+int(now.Sub(a.busy.since)/trialGrows)
}

// affords reports whether an owner may make more work now.
func (d *dimension) affords(a *account, now time.Time) bool {
	if a.burden.debt == 0 || !d.wanted(a, now) {
		return true
	}
	return a.burden.owed(now)+time.Duration(a.held)*a.burden.expected(now) <= burst
}
