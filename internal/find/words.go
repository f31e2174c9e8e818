package find

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/kljensen/snowball/english"
	"golang.org/x/text/unicode/norm"
)

// maxWord is the longest word in bytes that is looked at: longer ones are data.
const maxWord = 64

// words are the words of a text in order, folded: accents and case are gone,
// identifiers are in parts (parseXMLFile: parse, xml, file), and a run of
// Chinese, Japanese or Korean is in pairs. They are not stemmed yet.
func words(text string) []string {
	parts, _ := split(text)
	return parts
}

// split returns the words of a text, and its identifiers that have parts, folded
// but whole: MySQL is found as mysql too.
func split(text string) (all, wholes []string) {
	add := func(to []string, word string) []string {
		if w := fold(word); w != "" && len(w) <= maxWord {
			return append(to, w)
		}
		return to
	}
	for _, run := range runs(text) {
		if isPlain(run) {
			all = add(all, run)
			continue
		}
		if isCJK(firstRune(run)) {
			all = append(all, pairs(run)...)
			continue
		}
		of := parts(run)
		for _, part := range of {
			all = add(all, part)
		}
		if len(of) > 1 {
			wholes = add(wholes, run)
		}
	}
	return all, wholes
}

// runs are the longest pieces of a text that hold letters and digits only,
// those of CJK apart from those of other scripts.
func runs(text string) []string {
	var out []string
	start, cjk := -1, false
	for i, r := range text {
		inside := unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r)
		if start >= 0 && (!inside || isCJK(r) != cjk) {
			out, start = append(out, text[start:i]), -1
		}
		if inside && start < 0 {
			start, cjk = i, isCJK(r)
		}
	}
	if start >= 0 {
		out = append(out, text[start:])
	}
	return out
}

// parts splits an identifier where its case or its digits change.
func parts(run string) []string {
	var out []string
	rs := []rune(run)
	start := 0
	for i := 1; i < len(rs); i++ {
		if splits(rs, i) {
			out, start = append(out, string(rs[start:i])), i
		}
	}
	return append(out, string(rs[start:]))
}

// isPlain reports whether a run has ASCII letters only, small but for the first, as
// most have: it has one part.
func isPlain(run string) bool {
	first := run[0] | 0x20
	if first < 'a' || first > 'z' {
		return false
	}
	for i := 1; i < len(run); i++ {
		if run[i] < 'a' || run[i] > 'z' {
			return false
		}
	}
	return true
}

// splits reports whether a new part begins at i: "parse|XML|File", "v|3".
func splits(rs []rune, i int) bool {
	before, here := rs[i-1], rs[i]
	switch {
	case unicode.IsLower(before) && unicode.IsUpper(here):
		return true
	case unicode.IsUpper(before) && unicode.IsUpper(here):
		return i+1 < len(rs) && unicode.IsLower(rs[i+1]) && !plural(rs[i+1:])
	default:
		return unicode.IsLetter(before) && unicode.IsDigit(here) || unicode.IsDigit(before) && unicode.IsLetter(here)
	}
}

// plural reports whether what is left is the s of URLs, IDs, PDFs.
func plural(rest []rune) bool { return rest[0] == 's' && len(rest) == 1 }

// fold is a word without case and accents.
func fold(word string) string {
	if isASCII(word) {
		return strings.ToLower(word)
	}
	return strings.ToLower(strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) {
			return -1
		}
		return r
	}, norm.NFKD.String(word)))
}

// pairs are the pairs of neighbours in a run of CJK; of a single sign, itself.
func pairs(run string) []string {
	rs := []rune(run)
	if len(rs) == 1 {
		return []string{run}
	}
	out := make([]string, 0, len(rs)-1)
	for i := range len(rs) - 1 {
		out = append(out, string(rs[i:i+2]))
	}
	return out
}

// firstCJK is before all of CJK: Hangul Jamo.
const firstCJK = 0x1100

func isCJK(r rune) bool {
	return r >= firstCJK && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul)
}

func firstRune(s string) rune {
	r, _ := utf8.DecodeRuneInString(s)
	return r
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// stem is what a word has in common with its plural and its other endings.
func stem(word string) string {
	if !isASCII(word) || len(word) < 3 {
		return word
	}
	return english.Stem(word, false)
}
