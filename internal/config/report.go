package config

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"gatehouse/internal/policy"
)

// CodeTooManyProblems closes a list of problems that was cut.
const CodeTooManyProblems = "too-many-problems"

// maxProblems is how many errors, and how many warnings and infos, of one file
// are kept. A file of 4 MiB could hold hundreds of thousands.
const maxProblems = 500

// report collects the problems of one file.
type report struct {
	file    string
	list    []Problem
	errors  int
	others  int
	dropped map[Severity]int
}

func newReport(file string) *report { return &report{file: file} }

// add notes one problem. The message is made of format and args; hint may be
// empty.
func (r *report) add(pos policy.Position, s Severity, path, code, hint, format string, args ...any) {
	count := &r.others
	if s == Error {
		count = &r.errors
	}
	if *count++; *count > maxProblems {
		if r.dropped == nil {
			r.dropped = map[Severity]int{}
		}
		r.dropped[s]++
		return
	}
	r.list = append(r.list, Problem{
		File: r.file, Line: pos.Line, Column: pos.Column, Path: path, Code: code,
		Severity: s, Message: fmt.Sprintf(format, args...), Hint: hint,
	})
}

// addAll takes over problems that were found elsewhere in the same file.
func (r *report) addAll(problems []Problem) {
	for _, p := range problems {
		if p.Severity == Error {
			r.errors++
		} else {
			r.others++
		}
		r.list = append(r.list, p)
	}
}

// finish gives all problems, sorted by position. It adds a last one, without a
// position, when some were left out.
func (r *report) finish() []Problem {
	SortProblems(r.list)
	if dropped := r.dropped[Error] + r.dropped[Warning] + r.dropped[Info]; dropped > 0 {
		severity := Warning
		if r.dropped[Error] > 0 {
			severity = Error
		}
		r.list = append(r.list, Problem{
			File: r.file, Code: CodeTooManyProblems, Severity: severity,
			Message: fmt.Sprintf("and %d more problems", dropped), Hint: "mend those above first",
		})
	}
	return r.list
}

// SortProblems sorts by file, line, column and severity, the worst first, and
// keeps the order of what is equal.
func SortProblems(list []Problem) {
	slices.SortStableFunc(list, func(a, b Problem) int {
		return cmp.Or(
			strings.Compare(a.File, b.File),
			cmp.Compare(a.Line, b.Line),
			cmp.Compare(a.Column, b.Column),
			cmp.Compare(rank(a.Severity), rank(b.Severity)))
	})
}

func rank(s Severity) int {
	switch s {
	case Error:
		return 0
	case Warning:
		return 1
	case Info:
	}
	return 2
}

// HasErrors says whether one of the problems keeps its file from being loaded.
func HasErrors(list []Problem) bool {
	return slices.ContainsFunc(list, func(p Problem) bool { return p.Severity == Error })
}

// quote shows a name of the file in a message: quoted, escaped, and cut when
// it is longer than anybody wants to read.
func quote(s string) string { return strconv.Quote(shorten(s)) }

// shorten cuts after 80 bytes, between code points.
func shorten(s string) string {
	const most = 80
	if len(s) <= most {
		return s
	}
	cut := most
	for cut > 0 && !beginsRune(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}

// keyPath appends a key to a path: agents.backend, or agents["a b"] when the
// key is no plain word.
func keyPath(path, key string) string {
	switch {
	case !plainWord(key):
		return path + "[" + pathKey(key) + "]"
	case path == "":
		return key
	}
	return path + "." + key
}

// indexPath appends an index to a path: args[0].
func indexPath(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }

// pathKey quotes a key for a path. Names that are valid are shown whole (they
// have at most 128 bytes); longer ones are cut.
func pathKey(key string) string {
	if len(key) <= 128 {
		return strconv.Quote(key)
	}
	return quote(key)
}

func plainWord(s string) bool {
	if s == "" || len(s) > 128 {
		return false
	}
	return !strings.ContainsFunc(s, func(c rune) bool {
		return c != '_' && c != '-' && (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z')
	})
}
