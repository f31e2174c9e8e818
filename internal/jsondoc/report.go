package jsondoc

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"gatehouse/internal/policy"
)

// codeTooManyProblems closes a list of problems that was cut.
const codeTooManyProblems = "too-many-problems"

// maxProblems is how many errors, and how many warnings and infos, of one file
// are kept. A file of 4 MiB could hold hundreds of thousands.
const maxProblems = 500

// Report collects the problems of one file.
type Report struct {
	File    string
	list    []Problem
	errors  int
	others  int
	dropped map[Severity]int
}

// NewReport makes the report of a file, which is only named.
func NewReport(file string) *Report { return &Report{File: file} }

// Add notes one problem. The message is made of format and args; hint may be
// empty.
func (r *Report) Add(pos policy.Position, s Severity, path, code, hint, format string, args ...any) {
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
		File: r.File, Line: pos.Line, Column: pos.Column, Path: path, Code: code,
		Severity: s, Message: fmt.Sprintf(format, args...), Hint: hint,
	})
}

// FullOfWarnings reports whether further warnings would be dropped.
func (r *Report) FullOfWarnings() bool { return r.others > maxProblems }

// AddAll takes over problems that were found elsewhere in the same file.
func (r *Report) AddAll(problems []Problem) {
	for _, p := range problems {
		if p.Severity == Error {
			r.errors++
		} else {
			r.others++
		}
		r.list = append(r.list, p)
	}
}

// Finish returns all problems, sorted by position. It adds a last one, without a
// position, when some were left out.
func (r *Report) Finish() []Problem {
	Sort(r.list)
	if dropped := r.dropped[Error] + r.dropped[Warning] + r.dropped[Info]; dropped > 0 {
		severity := Warning
		if r.dropped[Error] > 0 {
			severity = Error
		}
		r.list = append(r.list, Problem{
			File: r.File, Code: codeTooManyProblems, Severity: severity,
			Message: fmt.Sprintf("and %d more problems", dropped), Hint: "fix those above first",
		})
	}
	return r.list
}

// Sort sorts by file, line, column and severity, the worst first, and
// keeps the order of what is equal.
func Sort(list []Problem) {
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

// HasErrors reports whether one of the problems keeps its file from being loaded.
func HasErrors(list []Problem) bool {
	return slices.ContainsFunc(list, func(p Problem) bool { return p.Severity == Error })
}
