package find

import "slices"

const (
	// MaxHits is the largest number of hits of one search.
	MaxHits = 50
	// maxOfOne is how many of the first ten hits one server may have, if others
	// have some and the question does not name it.
	maxOfOne = 5
	// maxNear is how many hits are shown when nothing fits.
	maxNear = 5
)

// Hit is a tool that was found.
type Hit struct {
	Server, Tool string
	At           int // its place in the server's list, from 0
}

// Result is the answer to a question.
type Result struct {
	// Fits is false if no tool has enough of the question: the hits, five at
	// most, are then only the nearest by words.
	Fits bool
	Hits []Hit // best first, each tool once
}

// Search returns the tools of the view that fit a query best, at most limit of
// them, and those of one server only, unless that is "". It takes about a
// millisecond for 2,000 tools.
func (v *View) Search(query, server string, limit int) Result {
	q := v.read(query)
	found := v.rank(q, server)
	r := Result{Fits: len(found) > 0 && fits(found[0])}
	if v.has(Spread) && server == "" && len(q.homes) == 0 {
		found = v.spread(found)
	}
	if !r.Fits {
		limit = min(limit, maxNear)
	}
	for _, m := range found[:min(len(found), limit)] {
		d := &v.x.docs[m.doc]
		r.Hits = append(r.Hits, Hit{Server: d.server, Tool: d.tool, At: d.at})
	}
	return r
}

// fits reports whether a tool has enough of a question to be an answer: most of
// its weight, or, of a long one, several words.
func fits(m match) bool {
	return m.covered >= 0.36 || m.covered >= 0.23 && m.words >= 3
}

// spread keeps one server from filling the first ten hits: what it has beyond
// five comes after the others'. Exact names stay where they are.
func (v *View) spread(found []match) []match {
	const first = 10
	var out, later []match
	of := map[string]int{}
	for i, m := range found {
		server := v.x.docs[m.doc].server
		if len(out) == first {
			return slices.Concat(out, later, found[i:])
		}
		if of[server]++; of[server] > maxOfOne && m.exact == inexact {
			later = append(later, m)
		} else {
			out = append(out, m)
		}
	}
	return append(out, later...)
}
