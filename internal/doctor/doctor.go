// Package doctor judges whether gatehouse can work where it is: facts about the
// machine, the files and the programs go in, findings come out, each with what to
// do about it.
//
// It is pure: whoever calls it collects the facts.
package doctor

import (
	"fmt"
	"strings"

	"gatehouse/internal/plural"
)

// Level says how much a finding matters.
type Level string

// The levels.
const (
	Fine    Level = "ok"
	Warning Level = "warning" // It works, but not as it could.
	Wrong   Level = "wrong"   // Something does not work.
)

// Finding is the result of a check.
type Finding struct {
	Check string `json:"check"`
	Level Level  `json:"level"`
	What  string `json:"what"`
	// Do is what mends it; empty if nothing needs to be done.
	Do string `json:"do,omitempty"`
}

// check is one of the checks: its name, and what it finds, which is nothing where
// there is nothing to look at.
type check struct {
	name string
	find func(Facts) []Finding
}

var checks = []check{
	{"program", program},
	{"clock", clock},
	{"descriptors", descriptors},
	{"folders", folders},
	{"socket", socket},
	{"port", port},
	{"files", files},
	{"variables", variables},
	{"commands", commands},
	{"runtimes", runtimes},
	{"gateway", gateways},
	{"servers", servers},
	{"clients", clients},
}

// Examine returns what every check finds, in the order of the checks.
func Examine(f Facts) []Finding {
	var all []Finding
	for _, c := range checks {
		for _, finding := range c.find(f) {
			finding.Check = c.name
			all = append(all, finding)
		}
	}
	return all
}

// Healthy reports whether nothing is wrong. Warnings are allowed.
func Healthy(findings []Finding) bool { return count(findings, Wrong) == 0 }

// Summary counts the findings in words.
func Summary(findings []Finding) string {
	wrong, warnings := count(findings, Wrong), count(findings, Warning)
	if wrong+warnings == 0 {
		return "nothing is wrong"
	}
	return fmt.Sprintf("%s wrong, %s", plural.Of(wrong, "thing"), plural.Of(warnings, "warning"))
}

func count(findings []Finding, level Level) (n int) {
	for _, f := range findings {
		if f.Level == level {
			n++
		}
	}
	return n
}

func fine(format string, args ...any) Finding {
	return Finding{Level: Fine, What: fmt.Sprintf(format, args...)}
}

func warning(do, format string, args ...any) Finding {
	return Finding{Level: Warning, What: fmt.Sprintf(format, args...), Do: do}
}

func wrong(do, format string, args ...any) Finding {
	return Finding{Level: Wrong, What: fmt.Sprintf(format, args...), Do: do}
}

// or returns findings, or if there are none a single one.
func or(findings []Finding, otherwise Finding) []Finding {
	if len(findings) == 0 {
		return []Finding{otherwise}
	}
	return findings
}

// maxNamed is how many things a line names.
const maxNamed = 6

// named lists names, the first few of many.
func named(names []string) string {
	if more := len(names) - maxNamed; more > 0 {
		return strings.Join(names[:maxNamed], ", ") + fmt.Sprintf(" and %d more", more)
	}
	return strings.Join(names, ", ")
}
