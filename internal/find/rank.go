package find

import (
	"math"
	"slices"
)

// The ranker's numbers. Each could be a fifth more or less without a difference
// that could be measured.
const (
	saturation = 1.2  // how soon more of the same word stops to count
	asSynonym  = 0.6  // what a synonym counts
	asMended   = 0.8  // what a word counts that a typo was mended to
	asPlace    = 0.7  // what a word counts that only says where
	coverBonus = 0.35 // what a name said in full adds, as a share
	homeBonus  = 2    // what a server named in full adds, in words
)

// weight is what a word counts by where it stands.
var weight = [fields]float64{inName: 3, inTitle: 2, inDescription: 0.7, inParams: 0.5, inServer: 0.15, inEntry: 0.15}

// bend is how much a field that is longer than usual takes away.
var bend = [fields]float64{inName: 0.3, inTitle: 0.3, inDescription: 0.6, inParams: 0.6, inServer: 0.6, inEntry: 0.6}

// match is what one tool has of a question.
type match struct {
	doc     int32
	exact   exactness
	score   float64
	covered float64 // how much of the question's weight it has, 0 to 1
	words   int     // how many words of the question it has
}

// rank returns the tools of the view that have any word of the question, best
// first. Only those of one server, if it is named.
func (v *View) rank(q *question, server string) []match {
	all, total := v.gather(q)
	found := all[:0]
	for _, m := range all {
		if !v.visible[m.doc] || server != "" && v.x.docs[m.doc].server != server {
			continue
		}
		if v.finish(q, &m, total); m.score > 0 || m.exact != inexact {
			found = append(found, m)
		}
	}
	slices.SortFunc(found, func(a, b match) int {
		switch { // Documents are in the order of server and list, and so are those alike.
		case a.exact != b.exact:
			return int(b.exact - a.exact)
		case a.score > b.score:
			return -1
		case a.score < b.score:
			return 1
		}
		return int(a.doc - b.doc)
	})
	return found
}

// gather adds up word by word what each document has of a question; total is
// what the question weighs.
func (v *View) gather(q *question) (all []match, total float64) {
	all = make([]match, len(v.x.docs))
	for i := range all {
		all[i].doc = int32(i)
	}
	best := make([]strength, len(v.x.docs))
	for _, t := range q.terms {
		total += t.rare
		clear(best)
		v.strengths(t, best)
		for d, s := range best {
			if s.score > 0 {
				all[d].score += t.rare * s.score
				all[d].covered += t.rare * s.covered
				all[d].words++
			}
		}
	}
	return all, total
}

// strength is how strongly a tool has a word: for its rank, and for whether it
// fits. Both are 0 to 1.
type strength struct{ score, covered float64 }

// strengths sets how strongly each visible document has a term.
func (v *View) strengths(t term, best []strength) {
	for _, c := range t.choices {
		for _, p := range v.x.postings[c.stem] {
			if !v.visible[p.doc] {
				continue
			}
			b, s := &best[p.doc], v.strength(p)
			b.score = max(b.score, c.worth*s.score)
			b.covered = max(b.covered, c.worth*s.covered)
		}
	}
}

// strength is BM25F's term frequency of a posting. A word of a name covers its
// part of the question whole.
func (v *View) strength(p posting) strength {
	tf := 0.0
	d := &v.x.docs[p.doc]
	for f := range fields {
		if p.counts[f] > 0 {
			tf += weight[f] * float64(p.counts[f]) / (1 - bend[f] + bend[f]*float64(d.length[f])/v.average[f])
		}
	}
	s := strength{score: tf / (saturation + tf)}
	if s.covered = min(1, s.score*(1+saturation)); p.counts[inName]+p.counts[inTitle]+p.counts[inServer] > 0 {
		s.covered = 1
	}
	return s
}

// finish adds what the whole question says of a tool: its name, its server's.
func (v *View) finish(q *question, m *match, total float64) {
	d := &v.x.docs[m.doc]
	if v.has(Homes) && q.homes[d.server] {
		m.score += homeBonus
	}
	if v.has(NameCover) && m.score > 0 {
		m.score *= 1 + coverBonus*q.nameCover(d)
	}
	m.exact = q.exact(d)
	switch {
	case m.exact != inexact:
		m.covered = 1
	case total > 0:
		m.covered /= total
	}
}

// rarity is the weight of a word: the fewer tools have it, the more it says.
func (v *View) rarity(t term) float64 {
	most := 0
	for _, c := range t.choices {
		if c.worth == 1 || most == 0 {
			most = max(most, v.frequency(c.stem))
		}
	}
	n, df := float64(v.count), float64(most)
	return math.Log(1 + (n-df+0.5)/(df+0.5))
}

// nameCover is how much of a tool's name the question says, 0 to 1; words of
// the server's name don't count.
func (q *question) nameCover(d *doc) float64 {
	if len(d.name) == 0 {
		return 0
	}
	said := 0.0
	for _, st := range d.name {
		said += q.says[st]
	}
	return said / float64(len(d.name))
}
