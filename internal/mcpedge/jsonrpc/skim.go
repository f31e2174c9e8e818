package jsonrpc

import "bytes"

// maxSkimmedIDs bounds how many ids of each kind skimming keeps.
const maxSkimmedIDs = 1000

// Skimmer finds the ids of the messages in a line that is too large to keep.
// It is fed the line piece by piece and holds little more than those ids,
// whatever the line's size. It follows strings and nesting, so that only the id of the
// envelope counts, wherever it stands, and never an "id" inside a result. It
// does not validate. Whatever comes before the first bracket is passed over
// (an event stream has "data:" there).
type Skimmer struct {
	// Answers are the raw ids of the answers seen whole so far, of at most
	// MaxIDBytes each. Requests are those of the requests.
	Answers, Requests [][]byte

	depth     int
	base      int // depth of the envelopes: 1, or 2 in a batch; 0 before the start
	inString  bool
	escaped   bool
	isKey     bool // the current string is a key of the envelope
	wantKey   bool // the next string at base depth is a key
	inID      bool // the current value is the envelope's id
	token     []byte
	id        []byte
	hasMethod bool
}

// Feed takes the next piece of the line.
func (s *Skimmer) Feed(piece []byte) {
	for len(piece) > 0 {
		if s.inString {
			piece = piece[s.passedOver(piece):]
		}
		if len(piece) == 0 {
			return
		}
		if s.inString {
			s.stringByte(piece[0])
		} else {
			s.plainByte(piece[0])
		}
		piece = piece[1:]
	}
}

// stride is how far passedOver looks at a time. A bound keeps a string of
// nothing but escapes from being searched to its end for each of them.
const stride = 512

// passedOver returns how many bytes at the beginning of a piece are the inside
// of a string of which nothing is kept: most of what makes a line too large.
func (s *Skimmer) passedOver(piece []byte) int {
	if s.escaped || s.keeps() {
		return 0
	}
	over := 0
	for over < len(piece) {
		next := piece[over:min(len(piece), over+stride)]
		plain := next
		if i := bytes.IndexByte(plain, '"'); i >= 0 {
			plain = plain[:i]
		}
		if i := bytes.IndexByte(plain, '\\'); i >= 0 {
			plain = plain[:i]
		}
		over += len(plain)
		if len(plain) < len(next) {
			break
		}
	}
	return over
}

// Open returns the id of the envelope that has begun and not ended, nil if it is
// not known yet or if the envelope is not that of an answer.
func (s *Skimmer) Open() []byte {
	if s.hasMethod {
		return nil
	}
	return s.id
}

func (s *Skimmer) stringByte(c byte) {
	s.keep(c)
	switch {
	case s.escaped:
		s.escaped = false
	case c == '\\':
		s.escaped = true
	case c == '"':
		s.inString = false
		if s.isKey {
			s.isKey, s.wantKey = false, false
			s.keyDone()
		}
	}
}

func (s *Skimmer) keyDone() {
	s.inID = string(s.token) == `"id"`
	s.hasMethod = s.hasMethod || string(s.token) == `"method"`
	s.token = s.token[:0]
}

func (s *Skimmer) plainByte(c byte) {
	switch c {
	case '"':
		s.inString = true
		s.isKey = s.wantKey && s.depth == s.base
		s.keep(c)
	case '{', '[':
		s.open(c)
	case '}', ']':
		s.close(c)
	case ',':
		if s.depth == s.base {
			s.valueDone()
			s.wantKey = true
		}
	case ':', ' ', '\t', '\r', '\n':
	default:
		s.keep(c)
	}
}

func (s *Skimmer) open(c byte) {
	s.depth++
	if s.base == 0 {
		s.base = 1
		if c == '[' {
			s.base = 2
		}
	}
	if s.depth == s.base && c == '{' {
		s.wantKey, s.hasMethod = true, false
		s.token, s.id = s.token[:0], nil
	}
}

func (s *Skimmer) close(c byte) {
	if s.depth == s.base && c == '}' {
		s.valueDone()
		s.envelopeDone()
	}
	s.depth = max(0, s.depth-1)
}

func (s *Skimmer) valueDone() {
	if s.inID && len(s.token) > 0 && len(s.token) <= MaxIDBytes {
		s.id = append([]byte(nil), s.token...)
	}
	s.inID = false
	s.token = s.token[:0]
}

func (s *Skimmer) envelopeDone() {
	ids := &s.Answers
	if s.hasMethod {
		ids = &s.Requests
	}
	if s.id != nil && len(*ids) < maxSkimmedIDs {
		*ids = append(*ids, s.id)
	}
	s.wantKey, s.id = false, nil
}

// keep remembers a byte of a key or of the id, both of the envelope.
func (s *Skimmer) keep(c byte) {
	if s.keeps() {
		s.token = append(s.token, c)
	}
}

// keeps reports whether the next byte of a token is remembered.
func (s *Skimmer) keeps() bool {
	return s.depth == s.base && (s.isKey || s.inID) && len(s.token) <= MaxIDBytes
}
