package fair

import "time"

const (
	// part is the inverse of the share that each owner has for sure.
	part = 8
	// wants is how long an owner counts as one that wants places, from when it
	// has last asked for one.
	wants = time.Second
	// stays is how long it counts as one that may come back.
	stays = 10 * time.Minute
	// roomy is how many places there are at least where a part of them is kept
	// for owners that nobody has seen yet.
	roomy = 64
)

// dimension is one of the two ways to count by owner.
type dimension struct {
	// accounts are those who hold places, and some who did.
	accounts map[string]*account
	// last is who asked last, and when; otherAt is when anybody else did.
	last            *account
	lastAt, otherAt time.Time
}

// account is what one owner holds.
type account struct {
	name   string
	held   int
	busy   busy
	burden burden
}

// maxAccounts is how many accounts there are before those that hold nothing are
// dropped.
const maxAccounts = 1024

// of is the account of an owner; nil if it has no name.
func (d *dimension) of(owner string) *account {
	switch {
	case owner == "":
		return nil
	case d.last != nil && d.last.name == owner:
		return d.last
	}
	a := d.accounts[owner]
	if a == nil {
		d.tidy()
		a = &account{name: owner}
		d.accounts[owner] = a
	}
	return a
}

// tidy makes room for one more account.
func (d *dimension) tidy() {
	if d.accounts == nil {
		d.accounts = map[string]*account{}
	}
	if len(d.accounts) < maxAccounts {
		return
	}
	for name, a := range d.accounts {
		if a.held == 0 && a != d.last {
			delete(d.accounts, name)
		}
	}
}

func (d *dimension) asks(a *account, now time.Time) {
	if a == nil {
		return
	}
	if a != d.last {
		d.last, d.otherAt = a, d.lastAt
	}
	d.lastAt = now
}

// others is when anybody but this owner has last asked; zero is never.
func (d *dimension) others(a *account) time.Time {
	if a == d.last {
		return d.otherAt
	}
	return d.lastAt
}

// wanted reports whether anybody but this owner has asked just now.
func (d *dimension) wanted(a *account, now time.Time) bool {
	others := d.others(a)
	return a != nil && !others.IsZero() && now.Sub(others) < wants
}

func (a *account) take(now time.Time) {
	if a == nil {
		return
	}
	if a.held == 0 {
		a.busy = busy{since: now}
	}
	a.held++
}

func (a *account) leave() {
	if a == nil {
		return
	}
	a.held--
	a.busy.returned++
}

func (a *account) holds() int {
	if a == nil {
		return 0
	}
	return a.held
}

// limit is how many of so many places an owner may hold now.
func (d *dimension) limit(a *account, places int, now time.Time) int {
	others := d.others(a)
	switch {
	case d.wanted(a, now):
		// Of few places an eighth is too little to keep a server busy.
		return max(share(places), min(places-1, part))
	case places >= roomy, !others.IsZero() && now.Sub(others) < stays:
		return max(1, places-share(places))
	}
	return places
}

// may reports whether an owner may hold one more place, if there is one.
func (p *Pool) may(who, name *account, now time.Time) bool {
	return p.who.may(who, p.places, now) && p.name.may(name, p.places, now)
}

func (d *dimension) may(a *account, places int, now time.Time) bool {
	return a == nil || d.affords(a, now) && d.tries(a, now) && (a.held < share(places) || a.held < d.limit(a, places, now))
}

// behind reports whether others hold more than an owner.
func (p *Pool) behind(who, name *account) bool { return p.who.behind(who) || p.name.behind(name) }

func (d *dimension) behind(a *account) bool {
	if a == nil {
		return false
	}
	for _, other := range d.accounts {
		if other.held > a.held {
			return true
		}
	}
	return false
}

// mayWait reports whether there is room for one more in the queues: an owner's
// share may wait, and what it does not hold of it yet.
func (p *Pool) mayWait(o Owner, who, name *account) bool {
	most := max(part, share(p.places))
	held := min(most, max(who.holds(), name.holds()))
	return p.waiting < max(part, p.places) && len(p.queues[o]) < 2*most-held
}

// share is what each owner has for sure of so many places.
func share(places int) int { return max(1, places/part) }
