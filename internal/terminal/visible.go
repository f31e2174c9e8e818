package terminal

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// blank are printable characters that show nothing, so that a text could hide
// in them or between two that look alike.
var blank = &unicode.RangeTable{R16: []unicode.Range16{{Lo: 0x2800, Hi: 0x2800, Stride: 1}}}

// plain reports whether a terminal shows a character and does nothing else: it is
// no control character (C0, DEL, C1), turns no writing direction, breaks no
// line, and is not there to be overlooked (tags, joiners, fillers, variation
// selectors but the one that makes a picture of a letter).
func plain(r rune) bool {
	switch {
	case r < utf8.RuneSelf:
		return ' ' <= r && r <= '~'
	case r == 0xfe0f:
		return true
	}
	return unicode.IsPrint(r) && !unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector, blank)
}

// Line returns a text of unknown origin as one line that a terminal shows and
// does not obey: what is not plain is written as an escape of Go, such as \x1b,
// and so is a byte that is not UTF-8.
func Line(s string) string { return visible(s, "") }

// Lines is Line for a text that may have several lines and tabs.
func Lines(s string) string { return visible(s, "\n\t") }

func visible(s, allowed string) string {
	i := firstHidden(s, allowed)
	if i < 0 {
		return s
	}
	var b strings.Builder
	b.WriteString(s[:i])
	for at, r := range s[i:] {
		switch {
		case r == utf8.RuneError && !written(s[i+at:]):
			fmt.Fprintf(&b, `\x%02x`, s[i+at])
		case plain(r) || strings.ContainsRune(allowed, r):
			b.WriteRune(r)
		default:
			quoted := strconv.QuoteRuneToASCII(r)
			b.WriteString(quoted[1 : len(quoted)-1])
		}
	}
	return b.String()
}

// written reports whether a text begins with U+FFFD itself, and not with a byte
// that is not UTF-8.
func written(s string) bool { return strings.HasPrefix(s, string(utf8.RuneError)) }

// firstHidden returns where the first character is that has to be made visible, -1 for none.
func firstHidden(s, allowed string) int {
	for i, r := range s {
		if r == utf8.RuneError && !written(s[i:]) || !plain(r) && !strings.ContainsRune(allowed, r) {
			return i
		}
	}
	return -1
}

// JSON returns a JSON text as the same values, written without anything that a
// terminal could act on: JSON lets DEL, C1 and marks of writing direction
// through in strings.
func JSON(text string) string {
	if strings.IndexFunc(text, hiddenInJSON) < 0 {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		switch {
		case !hiddenInJSON(r):
			b.WriteRune(r)
		case r > 0xffff:
			r -= 0x10000
			fmt.Fprintf(&b, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

func hiddenInJSON(r rune) bool { return r > '~' && !plain(r) }
