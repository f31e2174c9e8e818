package find

import (
	"cmp"
	"maps"
	"slices"
)

// Docs are the words of one server's tools. They never change.
type Docs struct {
	server string
	name   []string // the stems of its name
	docs   []doc
	terms  []terms
}

// doc is what is known of one tool beside its words.
type doc struct {
	server, tool string
	at           int      // its place in the server's list
	name         []string // the stems of its name, but for those of its server's
	length       [fields]int
	folded       string // its name for comparison
}

// Read splits the texts of a server's tools into words. It takes some 30 µs a
// tool.
func Read(server Server) *Docs {
	s := &stemmer{known: map[string]string{}}
	out := &Docs{server: server.Name, name: s.all(words(server.Name))}
	for at, t := range server.Tools {
		ts := s.terms(server, t)
		out.terms = append(out.terms, ts)
		out.docs = append(out.docs, doc{
			server: server.Name, tool: t.Name, at: at, name: without(ts.name, out.name), length: ts.length, folded: foldName(t.Name),
		})
	}
	return out
}

// without returns the stems that are none of the others.
func without(stems, others []string) []string {
	return slices.DeleteFunc(slices.Clone(stems), func(s string) bool { return slices.Contains(others, s) })
}

// Index holds the words of the tools of all servers. It never changes, and is
// safe for use by many goroutines.
type Index struct {
	docs     []doc                // by server's name, then in the server's order
	servers  map[string][]string  // server → the stems of its name
	postings map[string][]posting // stem → where it stands, in the order of docs
	plain    map[string][]int32   // word as written → the documents that have it
	vocab    []string             // the words that a typo may mean, sorted
}

// posting is a document that has a stem, and how often in which field.
type posting struct {
	doc    int32
	counts [fields]uint8
}

// New returns the index of these servers, each of which must be there once.
func New(servers []*Docs) *Index {
	x := &Index{servers: map[string][]string{}, postings: map[string][]posting{}, plain: map[string][]int32{}}
	for _, s := range slices.SortedFunc(slices.Values(servers), func(a, b *Docs) int { return cmp.Compare(a.server, b.server) }) {
		x.servers[s.server] = s.name
		for i, ts := range s.terms {
			nr := int32(len(x.docs)) //nolint:gosec // no gateway has two billion tools
			x.docs = append(x.docs, s.docs[i])
			for term, counts := range ts.counts {
				x.postings[term] = append(x.postings[term], posting{nr, *counts})
			}
			for w := range ts.plain {
				x.plain[w] = append(x.plain[w], nr)
			}
		}
	}
	x.vocab = slices.Sorted(maps.Keys(x.plain))
	x.vocab = slices.DeleteFunc(x.vocab, func(w string) bool { return len(w) < minMended || !isASCII(w) })
	return x
}

// View is the part of an index that one agent may use. It never changes, and is
// safe for use by many goroutines.
type View struct {
	x       *Index
	visible []bool          // by document
	servers map[string]bool // those with a visible tool
	count   int
	average [fields]float64 // length of the fields
	off     []Rule
}

// View returns the view of those who may use what permitted says.
func (x *Index) View(permitted func(server, tool string) bool) *View {
	v := &View{x: x, visible: make([]bool, len(x.docs)), servers: map[string]bool{}}
	var sum [fields]int
	for i := range x.docs {
		d := &x.docs[i]
		if !permitted(d.server, d.tool) {
			continue
		}
		v.visible[i], v.servers[d.server] = true, true
		v.count++
		for f := range fields {
			sum[f] += d.length[f]
		}
	}
	for f := range fields {
		v.average[f] = float64(max(sum[f], 1)) / float64(max(v.count, 1))
	}
	return v
}

// frequency returns in how many visible tools a stem stands.
func (v *View) frequency(term string) int {
	n := 0
	for _, p := range v.x.postings[term] {
		if v.visible[p.doc] {
			n++
		}
	}
	return n
}

// knows reports whether a visible tool has this word as written.
func (v *View) knows(word string) bool {
	return slices.ContainsFunc(v.x.plain[word], func(d int32) bool { return v.visible[d] })
}
