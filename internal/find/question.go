package find

import (
	"slices"
	"strings"

	"gatehouse/internal/lazyregexp"
)

// question is a query as it is searched for in a view.
type question struct {
	names []name             // what may be a tool's name
	terms []term             // what the ranking looks for, each once
	homes map[string]bool    // servers whose whole name it says
	says  map[string]float64 // stem → how well the question says it, 0 to 1
}

// term is one word of a question with all that may stand for it.
type term struct {
	word    string // as asked, folded
	choices []choice
	rare    float64 // what the word weighs in the view
}

// choice is a stem that stands for a word, and how well: 1 is the word itself.
type choice struct {
	stem  string
	worth float64
}

// read reads a query with the words of the view.
func (v *View) read(query string) *question {
	wanted := query
	if v.has(Unwanted) {
		wanted = withoutUnwanted(query)
	}
	all := v.asked(wanted)
	q := &question{names: names(query), homes: v.homes(all)}
	said, where := map[string]bool{}, false
	for i, w := range all {
		where = where || v.has(Places) && wheres[w] && len(q.terms) > 1
		if st := stem(w); !stopWords[w] && !said[st] {
			said[st] = true
			t := v.term(all, i)
			if where {
				t.rare *= asPlace
			}
			q.terms = append(q.terms, t)
		}
	}
	if len(q.terms) == 0 { // Stop words only: "what can I do".
		for i := range all {
			q.terms = append(q.terms, v.term(all, i))
		}
	}
	return q.settled()
}

// asked are the words of a question: an identifier whole if the view has it
// so, else in parts. Of a word with digits that the view lacks (an id, a date)
// only the parts that it has count: the rest is data.
func (v *View) asked(text string) []string {
	var out []string
	for _, run := range runs(text) {
		w := fold(run)
		switch {
		case v.knows(w):
			out = append(out, w)
		case v.has(Data) && strings.ContainsAny(w, "0123456789"):
			out = append(out, slices.DeleteFunc(words(run), func(part string) bool { return !v.knows(part) })...)
		default:
			out = append(out, words(run)...)
		}
	}
	return out
}

// homes are the visible servers whose whole name stands among the words.
func (v *View) homes(all []string) map[string]bool {
	stems := make([]string, len(all))
	for i, w := range all {
		stems[i] = stem(w)
	}
	out := map[string]bool{}
	for server := range v.servers {
		if name := v.x.servers[server]; len(name) > 0 && containsRun(stems, name) {
			out[server] = true
		}
	}
	return out
}

func containsRun(all, run []string) bool {
	for i := range len(all) - len(run) + 1 {
		if slices.Equal(all[i:i+len(run)], run) {
			return true
		}
	}
	return false
}

// term is the word at i with all in the view that may stand for it.
func (v *View) term(all []string, i int) term {
	w := all[i]
	t := term{word: w}
	v.offer(&t, stem(w), 1)
	if v.has(Synonyms) {
		for _, s := range synonyms()[stem(w)] {
			v.offer(&t, s, asSynonym)
		}
	}
	if v.has(Plurals) && shows[w] && v.asksForMany(all) {
		v.offer(&t, "list", 1)
	}
	if v.has(Joins) {
		for _, one := range v.joined(all, i) {
			v.offer(&t, stem(one), 1)
		}
	}
	if len(t.choices) == 0 && v.has(Typos) {
		for _, m := range v.mend(w) {
			v.offer(&t, stem(m), asMended)
		}
	}
	t.rare = v.rarity(t)
	return t
}

// offer adds a choice, if any visible tool has it.
func (v *View) offer(t *term, stem string, worth float64) {
	if v.frequency(stem) > 0 {
		t.choices = append(t.choices, choice{stem, worth})
	}
}

// settled returns the question with how well it says each stem.
func (q *question) settled() *question {
	q.says = map[string]float64{}
	for _, t := range q.terms {
		for _, c := range t.choices {
			q.says[c.stem] = max(q.says[c.stem], c.worth)
		}
	}
	return q
}

// asksForMany reports whether the first thing that is asked for stands in the
// plural: "show the branches" wants a list, "show the branch" does not.
func (v *View) asksForMany(all []string) bool {
	for _, w := range all {
		if stopWords[w] || shows[w] {
			continue
		}
		if st := stem(w); st != w && strings.HasSuffix(w, "s") && !strings.HasSuffix(w, "ss") {
			return true
		} else if v.frequency(st) > 0 {
			return false
		}
	}
	return false
}

// unwanted is what a question says that it is not about.
var unwanted = lazyregexp.New(`(?i)(?:[,;:(–—-]\s*|\b(?:but|and)\s+)(?:do\s+)?(?:not|don't|don’t|never)\s+[^,;.!?()]*|` +
	`\b(?:instead of|rather than|as opposed to)\s+[^,;.!?()]*`)

// withoutUnwanted leaves out what is not searched for: "open, not close".
func withoutUnwanted(query string) string {
	if rest := unwanted().ReplaceAllString(query, " "); strings.TrimSpace(rest) != "" {
		return rest
	}
	return query
}
