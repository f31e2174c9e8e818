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

// difference lists the lines that differ between two texts, each with "-" or "+"
// before it, and some of those around them.
func difference(before, after string) []string {
	a, b := linesOf(before), linesOf(after)
	from := 0
	for from < min(len(a), len(b)) && a[from] == b[from] {
		from++
	}
	tail := 0
	for tail < min(len(a), len(b))-from && a[len(a)-1-tail] == b[len(b)-1-tail] {
		tail++
	}
	var out []string
	for _, l := range a[max(0, from-contextLines):from] {
		out = append(out, " "+l)
	}
	out = append(out, changedLines(a[from:len(a)-tail], b[from:len(b)-tail])...)
	for _, l := range a[len(a)-tail : min(len(a), len(a)-tail+contextLines)] {
		out = append(out, " "+l)
	}
	return out
}

func linesOf(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(strings.ReplaceAll(text, "\r\n", "\n"), "\n"), "\n")
}

// changedLines compares line by line, by the longest common subsequence.
func changedLines(a, b []string) (out []string) {
	if len(a) > maxCompared || len(b) > maxCompared {
		for _, l := range a {
			out = append(out, "-"+l)
		}
		for _, l := range b {
			out = append(out, "+"+l)
		}
		return out
	}
	common := make([][]int16, len(a)+1)
	for i := range common {
		common[i] = make([]int16, len(b)+1)
	}
	for i, left := range slices.Backward(a) {
		for j, right := range slices.Backward(b) {
			if left == right {
				common[i][j] = common[i+1][j+1] + 1
			} else {
				common[i][j] = max(common[i+1][j], common[i][j+1])
			}
		}
	}
	i, j := 0, 0
	for i < len(a) || j < len(b) {
		switch {
		case i < len(a) && j < len(b) && a[i] == b[j]:
			out = append(out, " "+a[i])
			i, j = i+1, j+1
		case i < len(a) && (j == len(b) || common[i+1][j] >= common[i][j+1]):
			out = append(out, "-"+a[i])
			i++
		default:
			out = append(out, "+"+b[j])
			j++
		}
	}
	return out
}
