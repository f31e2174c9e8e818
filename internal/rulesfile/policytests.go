package rulesfile

import (
	"fmt"

	"gatehouse/internal/policy"
)

// Test is one set of rules and what is expected of them.
type Test struct {
	Rules policy.Rules
	Cases []TestCase
}

// TestCase is one question and the answer that is expected.
type TestCase struct {
	Agent, Server string
	Tool          string // "" asks for the server
	Allow         bool
	Step          policy.Step // the zero Step leaves it open
	Pos           policy.Position
	Path          string // of the case in its file, such as [0].cases[2]
}

// Difference is a case whose answer is not the expected one.
type Difference struct {
	Case TestCase
	Got  policy.Decision
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
			got := p.Decide(p.StandIn(c.Agent), c.Server, c.Tool)
			if got.Allow != c.Allow || (c.Step != 0 && got.Step != c.Step) {
				result.Differences = append(result.Differences, Difference{Case: c, Got: got})
			}
		}
	}
	return result
}

// String says in one line what was asked, expected and answered, and by which
// rule. It is for the person who owns the rules, not for agents.
func (d Difference) String() string {
	tool := ""
	if d.Case.Tool != "" {
		tool = fmt.Sprintf(", tool %q", d.Case.Tool)
	}
	want := verb(d.Case.Allow)
	if d.Case.Step != 0 {
		want += " by " + d.Case.Step.String()
	}
	got := verb(d.Got.Allow) + " by " + d.Got.Step.String()
	if r := d.Got.Rule; r != nil {
		got += fmt.Sprintf(" (%s at %s:%d:%d)", r.Path, r.Pos.File, r.Pos.Line, r.Pos.Column)
	}
	return fmt.Sprintf("%s:%d:%d: %s: agent %q, server %q%s: want %s, got %s",
		d.Case.Pos.File, d.Case.Pos.Line, d.Case.Pos.Column, d.Case.Path, d.Case.Agent, d.Case.Server, tool, want, got)
}

func verb(allow bool) string {
	if allow {
		return "allow"
	}
	return "deny"
}
