package rulesfile

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	"gatehouse/internal/policy"
)

// Test is one set of rules and what is expected of them.
type Test struct {
	Rules policy.Rules
	Cases []TestCase
}

// TestCase is one question and the answer that is expected.
type TestCase struct {
	Agent string
	// Question is what the agent wants.
	policy.Question

	Allow bool
	Step  policy.Step // the zero Step leaves it open
	// Limits are the smallest of each kind that the call is to count for, by their
	// keys; 0 is none.
	Limits map[string]int64
	Pos    policy.Position
	Path   string // of the case in its file, such as [0].cases[2]
}

// Difference is a case whose answer is not the expected one.
type Difference struct {
	Case TestCase
	Got  policy.Decision
	// Limit says which limit is another one; empty if the decision is.
	Limit string
}

// TestResult is the outcome of a run.
type TestResult struct {
	Cases       int // how many were run
	Differences []Difference
}

// OK reports whether every case had the expected answer.
func (r TestResult) OK() bool { return len(r.Differences) == 0 }

// RunTests asks every case, in order.
func RunTests(tests []Test) TestResult {
	var result TestResult
	for _, test := range tests {
		p := policy.Compile(test.Rules)
		for _, c := range test.Cases {
			result.Cases++
			got := p.Ask(p.StandIn(c.Agent), c.Question)
			if got.Allow != c.Allow || (c.Step != 0 && got.Step != c.Step) {
				result.Differences = append(result.Differences, Difference{Case: c, Got: got})
				continue
			}
			if limit := otherLimit(c, p.Limits(p.StandIn(c.Agent)).RefsOf(c.Question)); limit != "" {
				result.Differences = append(result.Differences, Difference{Case: c, Got: got, Limit: limit})
			}
		}
	}
	return result
}

// otherLimit says which limit is not the expected one, and where it is written; ""
// if all are.
func otherLimit(c TestCase, limits []policy.LimitRef) string {
	for _, key := range slices.Sorted(maps.Keys(c.Limits)) {
		var got policy.LimitRef
		for _, l := range limits {
			if l.Key == key && (got.N == 0 || l.N < got.N) {
				got = l
			}
		}
		if want := c.Limits[key]; got.N != want {
			text := fmt.Sprintf("want %s %s, got %s", key, orNone(want), orNone(got.N))
			if got.N != 0 {
				text += fmt.Sprintf(" (%s at %s:%d:%d)", got.Path, got.File, got.Line, got.Column)
			}
			return text
		}
	}
	return ""
}

func orNone(n int64) string {
	if n == 0 {
		return "none"
	}
	return strconv.FormatInt(n, 10)
}

// String says in one line what was asked, expected and answered, and by which
// rule. It is for the person who owns the rules, not for agents.
func (d Difference) String() string {
	about := ""
	if q := d.Case.Question; q.Name != "" {
		about = fmt.Sprintf(", %s %q", q.Kind, q.Name)
	}
	want := verb(d.Case.Allow)
	if d.Case.Step != 0 {
		want += " by " + d.Case.Step.String()
	}
	got := verb(d.Got.Allow) + " by " + d.Got.Step.String()
	if r := d.Got.Rule; r != nil {
		got += fmt.Sprintf(" (%s at %s:%d:%d)", r.Path, r.Pos.File, r.Pos.Line, r.Pos.Column)
	}
	difference := "want " + want + ", got " + got
	if d.Limit != "" {
		difference = d.Limit
	}
	return fmt.Sprintf("%s:%d:%d: %s: agent %q, server %q%s: %s",
		d.Case.Pos.File, d.Case.Pos.Line, d.Case.Pos.Column, d.Case.Path, d.Case.Agent, d.Case.Server, about, difference)
}

func verb(allow bool) string {
	if allow {
		return "allow"
	}
	return "deny"
}
