package terminal

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// wide are the characters that take two columns, roughly: East Asian scripts
// and pictures.
var wide = &unicode.RangeTable{
	R16: []unicode.Range16{
		{Lo: 0x1100, Hi: 0x115f, Stride: 1},
		{Lo: 0x231a, Hi: 0x231b, Stride: 1},
		{Lo: 0x2e80, Hi: 0x303e, Stride: 1},
		{Lo: 0x3041, Hi: 0xa4cf, Stride: 1},
		{Lo: 0xa960, Hi: 0xa97c, Stride: 1},
		{Lo: 0xac00, Hi: 0xd7a3, Stride: 1},
		{Lo: 0xf900, Hi: 0xfaff, Stride: 1},
		{Lo: 0xfe30, Hi: 0xfe6f, Stride: 1},
		{Lo: 0xff01, Hi: 0xff60, Stride: 1},
		{Lo: 0xffe0, Hi: 0xffe6, Stride: 1},
	},
	R32: []unicode.Range32{
		{Lo: 0x16fe0, Hi: 0x18aff, Stride: 1},
		{Lo: 0x1b000, Hi: 0x1b2ff, Stride: 1},
		{Lo: 0x1f1e6, Hi: 0x1f64f, Stride: 1},
		{Lo: 0x1f680, Hi: 0x1f6ff, Stride: 1},
		{Lo: 0x1f900, Hi: 0x1faff, Stride: 1},
		{Lo: 0x20000, Hi: 0x3fffd, Stride: 1},
	},
}

func runeWidth(r rune) int {
	switch {
	case r < 0x300:
		return 1
	case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
		return 0
	case unicode.Is(wide, r):
		return 2
	default:
		return 1
	}
}

// Width is how many columns a text of printable characters takes.
func Width(s string) int {
	n := 0
	for _, r := range s {
		n += runeWidth(r)
	}
	return n
}

// Cut cuts a text to at most so many columns; one that was cut ends in "…".
func Cut(s string, columns int) string {
	if Width(s) <= columns {
		return s
	}
	n := 1 // The mark.
	for i, r := range s {
		if n += runeWidth(r); n > columns {
			return s[:i] + strings.Repeat("…", min(1, columns))
		}
	}
	return s
}

// Pad fills a text with blanks up to so many columns, on the left if the text
// belongs to the right.
func Pad(s string, columns int, right bool) string {
	blanks := strings.Repeat(" ", max(0, columns-Width(s)))
	if right {
		return blanks + s
	}
	return s + blanks
}

// Wrap breaks a text into lines of at most so many columns, at blanks where it
// can. Without columns it is one line.
func Wrap(s string, columns int) []string {
	if columns <= 0 || Width(s) <= columns {
		return []string{s}
	}
	var lines []string
	for s != "" {
		end := breakAt(s, columns)
		if line := strings.TrimRight(s[:end], " "); line != "" {
			lines = append(lines, line)
		}
		s = strings.TrimLeft(s[end:], " ")
	}
	return lines
}

// breakAt is where a text that is too long is broken: after the last blank, or
// where it has to be, but behind one character at least.
func breakAt(s string, columns int) int {
	n, end, blank := 0, 0, 0
	for end < len(s) {
		r, size := utf8.DecodeRuneInString(s[end:])
		if n += runeWidth(r); n > columns && end > 0 {
			break
		}
		if r == ' ' {
			blank = end
		}
		end += size
	}
	if blank > 0 && end < len(s) && s[end] != ' ' {
		return blank
	}
	return end
}
