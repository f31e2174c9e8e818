package main

import (
	"slices"
	"strings"
)

const (
	contextLines = 3
	// maxCompared is how many lines of what changes are compared one by one.
	maxCompared = 2000
)

// shownLine is a line of a text, and what may be shown of it.
type shownLine struct{ is, shown string }

// difference lists the lines that differ between two texts, each with "-" or "+"
// before it, and some of those around them.
func difference(a, b []shownLine) []string {
	from := 0
	for from < min(len(a), len(b)) && a[from].is == b[from].is {
		from++
	}
	tail := 0
	for tail < min(len(a), len(b))-from && a[len(a)-1-tail].is == b[len(b)-1-tail].is {
		tail++
	}
	var out []string
	for _, l := range a[max(0, from-contextLines):from] {
		out = append(out, " "+l.shown)
	}
	out = append(out, changedLines(a[from:len(a)-tail], b[from:len(b)-tail])...)
	for _, l := range a[len(a)-tail : min(len(a), len(a)-tail+contextLines)] {
		out = append(out, " "+l.shown)
	}
	return out
}

// shownLines are the lines of a text with those of another, which says what may be shown
// of each.
func shownLines(is, shown []byte) []shownLine {
	words := linesOf(string(shown))
	var lines []shownLine
	for i, l := range linesOf(string(is)) {
		word := ""
		if i < len(words) {
			word = words[i]
		}
		lines = append(lines, shownLine{l, word})
	}
	return lines
}

func linesOf(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(strings.ReplaceAll(text, "\r\n", "\n"), "\n"), "\n")
}

// changedLines compares line by line, by the longest common subsequence.
func changedLines(a, b []shownLine) (out []string) {
	if len(a) > maxCompared || len(b) > maxCompared {
		for _, l := range a {
			out = append(out, "-"+l.shown)
		}
		for _, l := range b {
			out = append(out, "+"+l.shown)
		}
		return out
	}
	common := make([][]int16, len(a)+1)
	for i := range common {
		common[i] = make([]int16, len(b)+1)
	}
	for i, left := range slices.Backward(a) {
		for j, right := range slices.Backward(b) {
			if left.is == right.is {
				common[i][j] = common[i+1][j+1] + 1
			} else {
				common[i][j] = max(common[i+1][j], common[i][j+1])
			}
		}
	}
	i, j := 0, 0
	for i < len(a) || j < len(b) {
		switch {
		case i < len(a) && j < len(b) && a[i].is == b[j].is:
			out = append(out, " "+a[i].shown)
			i, j = i+1, j+1
		case i < len(a) && (j == len(b) || common[i+1][j] >= common[i][j+1]):
			out = append(out, "-"+a[i].shown)
			i++
		default:
			out = append(out, "+"+b[j].shown)
			j++
		}
	}
	return out
}
