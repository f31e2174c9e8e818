package jsondoc

import (
	"sort"
	"unicode/utf8"

	"gatehouse/internal/policy"
)

// runeStep is the distance in bytes between two entries of lineTable.runes. It
// bounds the work of one position also in a file that is one long line.
const runeStep = 512

// lineTable turns byte offsets into lines and columns.
type lineTable struct {
	file   string
	src    []byte
	starts []int // offset of each line's first byte
	// runes[i] is how many code points begin before offset i*runeStep; nil
	// when every byte is ASCII.
	runes []int
}

func newLineTable(file string, src []byte) *lineTable {
	t := &lineTable{file: file, src: src, starts: []int{0}}
	ascii := true
	for i, c := range src {
		if c == '\n' {
			t.starts = append(t.starts, i+1)
		}
		ascii = ascii && c < utf8.RuneSelf
	}
	if ascii {
		return t
	}
	count := 0
	for i, c := range src {
		if i%runeStep == 0 {
			t.runes = append(t.runes, count)
		}
		if beginsRune(c) {
			count++
		}
	}
	return t
}

// position returns the line and column of offset, both from 1, the column in
// code points. Offsets beyond the end are taken for the end.
func (t *lineTable) position(offset int) policy.Position {
	offset = min(max(offset, 0), len(t.src))
	line := sort.SearchInts(t.starts, offset+1)
	column := t.runesBefore(offset) - t.runesBefore(t.starts[line-1]) + 1
	return policy.Position{File: t.file, Line: line, Column: column}
}

// runesBefore counts the code points that begin before offset.
func (t *lineTable) runesBefore(offset int) int {
	if t.runes == nil {
		return offset
	}
	step := min(offset/runeStep, len(t.runes)-1)
	count := t.runes[step]
	for _, c := range t.src[step*runeStep : offset] {
		if beginsRune(c) {
			count++
		}
	}
	return count
}

// beginsRune counts a byte unless it continues a code point. In text that is
// not UTF-8 this still grows by at most one a byte.
func beginsRune(c byte) bool { return c&0xC0 != 0x80 }
