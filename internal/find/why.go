package find

import "slices"

// Reason says which word of a question a tool has, and where.
type Reason struct {
	Word  string   `json:"word"`
	As    string   `json:"as"`    // the stem that stands for it
	Where []string `json:"where"` // name, title, description, parameters, server's name, server's description
}

// Why says what a tool of the view has of a query; nothing for one that is not
// in the view.
func (v *View) Why(query, server, tool string) []Reason {
	at := slices.IndexFunc(v.x.docs, func(d doc) bool { return d.server == server && d.tool == tool })
	if at < 0 || !v.visible[at] {
		return nil
	}
	var out []Reason
	for _, t := range v.read(query).terms {
		for _, c := range t.choices {
			for _, p := range v.x.postings[c.stem] {
				if int(p.doc) == at {
					out = append(out, Reason{t.word, c.stem, p.where()})
				}
			}
		}
	}
	return out
}

func (p posting) where() []string {
	var out []string
	for f := range fields {
		if p.counts[f] > 0 {
			out = append(out, f.String())
		}
	}
	return out
}
