package toolbook

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The limits of a difference in words.
const (
	maxWords   = 1500 // of each side that are compared one by one
	aroundWord = 6    // words of what stayed that are shown around a change
)

// words splits a text into runs of letters and digits, and single characters.
func words(s string) (list []string) {
	for len(s) > 0 {
		n := 0
		for n < len(s) {
			r, size := utf8.DecodeRuneInString(s[n:])
			if !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '_' {
				break
			}
			n += size
		}
		if n == 0 {
			_, n = utf8.DecodeRuneInString(s)
		}
		list = append(list, s[:n])
		s = s[n:]
	}
	return list
}

// Difference returns what became of a text, word by word: what went stands in
// [-...-], what came in {+...+}, with a few words around. show makes each piece fit to be
// shown. Of texts that differ in more than some thousand words it shows the
// parts as a whole.
func Difference(before, after string, show func(string) string) string {
	a, b := words(before), words(after)
	start := 0
	for start < len(a) && start < len(b) && a[start] == b[start] {
		start++
	}
	end := 0
	for end < len(a)-start && end < len(b)-start && a[len(a)-1-end] == b[len(b)-1-end] {
		end++
	}
	d := drawing{show: show}
	d.same(a[:start])
	d.middle(a[start:len(a)-end], b[start:len(b)-end])
	d.same(a[len(a)-end:])
	return d.text()
}

// drawing collects the pieces of a difference.
type drawing struct {
	show   func(string) string
	pieces []piece
}

type piece struct {
	kind  byte // '=', '-' or '+'
	words []string
}

func (d *drawing) add(kind byte, words ...string) {
	if len(words) == 0 {
		return
	}
	if n := len(d.pieces); n > 0 && d.pieces[n-1].kind == kind {
		d.pieces[n-1].words = append(d.pieces[n-1].words, words...)
		return
	}
	d.pieces = append(d.pieces, piece{kind, slices.Clip(words)})
}

func (d *drawing) same(words []string) { d.add('=', words...) }

// middle compares the parts between which nothing is the same at both ends, by
// their longest common subsequence.
func (d *drawing) middle(a, b []string) {
	if len(a) > maxWords || len(b) > maxWords {
		d.add('-', a...)
		d.add('+', b...)
		return
	}
	longest := make([][]uint16, len(a)+1)
	for i := range longest {
		longest[i] = make([]uint16, len(b)+1)
	}
	for i, word := range slices.Backward(a) {
		for j, other := range slices.Backward(b) {
			if word == other {
				longest[i][j] = longest[i+1][j+1] + 1
			} else {
				longest[i][j] = max(longest[i+1][j], longest[i][j+1])
			}
		}
	}
	i, j := 0, 0
	for i < len(a) && j < len(b) {
		switch {
		case a[i] == b[j]:
			d.add('=', a[i])
			i, j = i+1, j+1
		case longest[i+1][j] >= longest[i][j+1]:
			d.add('-', a[i])
			i++
		default:
			d.add('+', b[j])
			j++
		}
	}
	d.add('-', a[i:]...)
	d.add('+', b[j:]...)
}

func (d *drawing) text() string {
	var out strings.Builder
	for i, p := range d.pieces {
		text := func(words []string) string { return d.show(strings.Join(words, "")) }
		switch p.kind {
		case '-':
			out.WriteString("[-" + text(p.words) + "-]")
		case '+':
			out.WriteString("{+" + text(p.words) + "+}")
		default:
			first, last := i == 0, i == len(d.pieces)-1
			switch n := len(p.words); {
			case first && last:
			case first && n > aroundWord:
				out.WriteString("… " + text(p.words[n-aroundWord:]))
			case last && n > aroundWord:
				out.WriteString(text(p.words[:aroundWord]) + " …")
			case n > 2*aroundWord:
				out.WriteString(text(p.words[:aroundWord]) + " … " + text(p.words[n-aroundWord:]))
			default:
				out.WriteString(text(p.words))
			}
		}
	}
	return out.String()
}
