package policy

import (
	"strings"
	"unicode/utf8"
)

// RefusedURI reports whether a URI, or the text of a template, is one that only a
// rule of exactly these bytes allows: it has control characters, or ".." as a
// segment of its path, written in whatever way a server may understand. It takes
// linear time.
func RefusedURI(uri string) bool {
	return hasControls(uri) || hasControls(decodeAll(uri)) || climbs(decodeAll(pathOf(uri)))
}

// hasControls reports whether a text has a character of C0, DEL or C1. A single
// byte that is not UTF-8 counts as Latin-1.
func hasControls(s string) bool {
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 {
			r = rune(s[i])
		}
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return true
		}
		i += size
	}
	return false
}

// pathOf returns the part of a URI that a server may take as a path: all behind the
// scheme and before the query. In a file URI nothing is a query: many servers take
// what follows "file://" as the name of a file.
func pathOf(uri string) string {
	scheme, rest := cutScheme(uri)
	if strings.EqualFold(scheme, "file") {
		return rest
	}
	return rest[:pathEnd(rest)]
}

// lookalikes are characters that compatibility forms of Unicode turn into others.
var lookalikes = strings.NewReplacer("\uff0e", ".", "\u2024", ".", "\u2025", "..", "\uff0f", "/", "\uff3c", `\`)

// climbs reports whether one of a path's segments is "..", with whatever a server
// may drop from it: spaces around it, and parameters behind ";".
func climbs(path string) bool {
	for segment := range strings.FieldsFuncSeq(lookalikes.Replace(path), isSeparator) {
		segment, _, _ = strings.Cut(segment, ";")
		if strings.Trim(segment, " ") == ".." {
			return true
		}
	}
	return false
}

// isSeparator reports whether a character may end a segment: ":" does behind the
// letter of a drive, and "?" and "#" end the path.
func isSeparator(r rune) bool { return strings.ContainsRune(`/\:?#`, r) }

// decodeAll decodes percent-encoding until nothing is left to decode, so that what
// was encoded twice is seen as well, and writes overlong UTF-8 of ASCII as ASCII,
// as old decoders read it.
func decodeAll(s string) string {
	if !strings.ContainsRune(s, '%') && utf8.ValidString(s) {
		return s
	}
	out := make([]byte, 0, len(s))
	for i := range len(s) {
		out = append(out, s[i])
		for {
			c, size := encoded(out)
			if size == 0 {
				break
			}
			out = append(out[:len(out)-size], c)
		}
	}
	return string(out)
}

// encoded returns the byte that the end of a text encodes, and by how many bytes; 0
// if it encodes none.
func encoded(b []byte) (c byte, size int) {
	n := len(b)
	at := func(back int) byte {
		if back > n {
			return 0
		}
		return b[n-back]
	}
	if at(3) == '%' {
		if c, ok := unhex(at(2), at(1)); ok {
			return c, 3
		}
	}
	last := at(1) & 0x3f
	switch {
	case at(1)&0xc0 != 0x80: // Not the last byte of a sequence.
		return 0, 0
	case at(2)&0xfe == 0xc0:
		return at(2)<<6 | last, 2
	case at(3) == 0xe0 && at(2)&0xfe == 0x80:
		return at(2)<<6 | last, 3
	case at(4) == 0xf0 && at(3) == 0x80 && at(2)&0xfe == 0x80:
		return at(2)<<6 | last, 4
	default:
		return 0, 0
	}
}

// unhex is the byte of two hexadecimal digits.
func unhex(a, b byte) (byte, bool) {
	hi, lo := strings.IndexByte(hexDigits, lower(a)), strings.IndexByte(hexDigits, lower(b))
	return byte(hi<<4 | lo), hi >= 0 && lo >= 0 //nolint:gosec // Both are below 16.
}

const hexDigits = "0123456789abcdef"

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
