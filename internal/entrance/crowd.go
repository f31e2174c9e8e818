package entrance

// crowd are connections of one kind, by owner.
type crowd struct {
	by   map[string]map[*conn]struct{}
	size int
}

func (d *crowd) add(c *conn) {
	if d.by == nil {
		d.by = map[string]map[*conn]struct{}{}
	}
	if d.by[c.owner] == nil {
		d.by[c.owner] = map[*conn]struct{}{}
	}
	d.by[c.owner][c] = struct{}{}
	d.size++
}

// drop takes a connection out, and reports whether it was in.
func (d *crowd) drop(c *conn) bool {
	of := d.by[c.owner]
	if _, in := of[c]; !in {
		return false
	}
	d.size--
	if delete(of, c); len(of) == 0 {
		delete(d.by, c.owner)
	}
	return true
}

// hog is who has the most connections; of equals preferably this one.
func (d *crowd) hog(preferred string) (hog string) {
	most := 0
	for owner, of := range d.by {
		if n := len(of); n > most || n == most && owner == preferred {
			most, hog = n, owner
		}
	}
	return hog
}

// first is the connection of an owner that came first.
func (d *crowd) first(owner string) (first *conn) {
	for c := range d.by[owner] {
		if first == nil || c.since.Load() < first.since.Load() {
			first = c
		}
	}
	return first
}

// last is the connection of an owner that can be spared best: the one that has
// been idle longest, or else the one that came last.
func (d *crowd) last(owner string) (last *conn) {
	for c := range d.by[owner] {
		if last == nil || c.rather(last) {
			last = c
		}
	}
	return last
}
