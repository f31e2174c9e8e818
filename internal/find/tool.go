package find

// Tool is what is searched of a tool. All texts are a server's and not
// trusted; they are only split into words.
type Tool struct {
	Name        string
	Title       string
	Description string
	Params      []Param // in the server's order
}

// Param is a parameter of a tool at the top level of its schema.
type Param struct {
	Name        string
	Description string
}

// Server is a server with the tools it lists, in its own order.
type Server struct {
	Name        string
	Description string // the entry's
	Tools       []Tool
}

// A field is a place of a tool where a word may stand.
type field int

const (
	inName field = iota
	inTitle
	inDescription
	inParams
	inServer
	inEntry
	fields
)

func (f field) String() string {
	return [fields]string{"name", "title", "description", "parameters", "server's name", "server's description"}[f]
}

const (
	// maxDescription is how many words of a description count.
	maxDescription = 150
	// maxParams is how many words of all parameters count.
	maxParams = 400
	// usualTerms is how many different words a tool has, or more.
	usualTerms = 32
	// maxRepeats is how often one word counts in one field.
	maxRepeats = 3
)

// terms are the stemmed words of one tool: how often each stands in each field,
// and how long the fields are, by all their words.
type terms struct {
	counts map[string]*[fields]uint8
	plain  map[string]bool // the words before stemming: what typos are mended to
	length [fields]int
	name   []string // the stems of its name, in order
}

func (s *stemmer) terms(server Server, t Tool) terms {
	out := terms{counts: make(map[string]*[fields]uint8, usualTerms), plain: make(map[string]bool, usualTerms)}
	for f, text := range [...]string{inName: t.Name, inTitle: t.Title, inDescription: t.Description} {
		f := field(f)
		parts, wholes := split(text)
		if f == inName {
			out.name = s.all(parts)
			s.count(&out, f, parts, len(parts))
		} else {
			s.count(&out, f, parts, maxDescription)
		}
		s.also(&out, f, wholes)
	}
	var params []string
	for _, p := range t.Params {
		params = append(params, words(p.Name)...)
	}
	for _, p := range t.Params {
		if len(params) >= maxParams {
			break
		}
		params = append(params, words(p.Description)...)
	}
	s.count(&out, inParams, params, maxParams)
	s.count(&out, inServer, words(server.Name), maxDescription)
	s.count(&out, inEntry, words(server.Description), maxDescription)
	return out
}

// count adds the first words of a field.
func (s *stemmer) count(out *terms, f field, all []string, most int) {
	out.length[f] = len(all)
	for _, w := range all[:min(len(all), most)] {
		out.plain[w] = true
		st := s.stem(w)
		c := out.counts[st]
		if c == nil {
			c = new([fields]uint8)
			out.counts[st] = c
		}
		c[f] = min(c[f]+1, maxRepeats)
	}
}

// also adds words that lengthen nothing: they are counted in parts already.
func (s *stemmer) also(out *terms, f field, all []string) {
	n := out.length[f]
	s.count(out, f, all, maxDescription)
	out.length[f] = n
}

// stemmer remembers stems: most words of tools are the same few.
type stemmer struct{ known map[string]string }

func (s *stemmer) stem(word string) string {
	if st, ok := s.known[word]; ok {
		return st
	}
	st := stem(word)
	s.known[word] = st
	return st
}

func (s *stemmer) all(words []string) []string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = s.stem(w)
	}
	return out
}
