package jsondoc

import (
	"unicode/utf8"

	"gatehouse/internal/policy"
)

// Text is the text of a file of any kind, checked for its size and encoding.
type Text struct {
	// Bytes are valid UTF-8, at most MaxFileBytes, without a byte order mark.
	Bytes []byte

	lines *lineTable
}

// Position is the line and column of an offset in Bytes. Offsets beyond the end
// count as the end.
func (t Text) Position(offset int) policy.Position { return t.lines.position(offset) }

// ReadText checks the bytes of the report's file. It reports false, and one
// problem, if they are too many or not UTF-8. One leading byte order mark is
// skipped. The Text shares memory with src.
func ReadText(r *Report, src []byte) (Text, bool) { return readText(r, src, MaxFileBytes) }

// ReadForeignText is ReadText for files of other programs, of up to
// MaxForeignBytes.
func ReadForeignText(r *Report, src []byte) (Text, bool) { return readText(r, src, MaxForeignBytes) }

func readText(r *Report, src []byte, limit int) (Text, bool) {
	if len(src) > limit {
		r.Add(policy.Position{File: r.File}, Error, "", codeTooLarge,
			"remove what gatehouse does not need from the file", "the file is larger than %d bytes", limit)
		return Text{}, false
	}
	body := withoutBOM(src)
	t := Text{Bytes: body, lines: newLineTable(r.File, body)}
	if at := invalidUTF8(body); at >= 0 {
		r.Add(t.Position(at), Error, "", codeNotUTF8, "save the file as UTF-8", "the file is not valid UTF-8")
		return Text{}, false
	}
	return t, true
}

// withoutBOM cuts one leading byte order mark.
func withoutBOM(src []byte) []byte {
	if len(src) >= 3 && src[0] == 0xEF && src[1] == 0xBB && src[2] == 0xBF {
		return src[3:]
	}
	return src
}

// invalidUTF8 is the offset of the first byte that is not UTF-8, or -1.
func invalidUTF8(b []byte) int {
	if utf8.Valid(b) {
		return -1
	}
	for i := 0; i < len(b); {
		r, n := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return -1
}
