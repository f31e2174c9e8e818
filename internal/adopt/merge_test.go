package adopt_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/internal/adopt"
	"gatehouse/internal/clients"
	"gatehouse/internal/policy"
	"gatehouse/internal/rulesfile"
	"gatehouse/internal/serversfile"
)

// read is what a client has in one file.
func read(t *testing.T, id, text string) clients.Found {
	t.Helper()
	c, known := clients.Find(id)
	if !known {
		t.Fatalf("there is no client %s", id)
	}
	path := "/home/ann/f.json"
	if id == "codex" {
		path = "/home/ann/f.toml"
	}
	return c.Read([]clients.Source{{File: clients.File{Path: path}, Data: []byte(text)}}, noFile)
}

func plan(t *testing.T, before adopt.Texts, decided map[string]int, found ...clients.Found) adopt.Plan {
	t.Helper()
	p, err := adopt.Make(ownPaths, before, found, decided)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// after are the texts once a plan is carried out.
func after(before adopt.Texts, p adopt.Plan) adopt.Texts {
	if p.After.Servers != nil {
		before.Servers = p.After.Servers
	}
	if p.After.Rules != nil {
		before.Rules = p.After.Rules
	}
	if p.After.Env != nil {
		before.Env = p.After.Env
	}
	return before
}

// killedBetween checks that an import which is killed before it has written all files
// does the rest when it is run again. Files are written in the order env, rules, servers.
func killedBetween(t *testing.T, before adopt.Texts, p adopt.Plan, decided map[string]int, found ...clients.Found) {
	t.Helper()
	want := after(before, p)
	for name, written := range map[string]adopt.Texts{"the env file": {Env: p.After.Env}, "env file and rules": {Env: p.After.Env, Rules: p.After.Rules}} {
		part := after(before, adopt.Plan{After: written})
		rest, err := adopt.Make(ownPaths, part, found, decided)
		if err != nil {
			t.Errorf("killed after %s: got %v, want a plan", name, err)
			continue
		}
		got := after(part, rest)
		for what, pair := range map[string][2][]byte{"servers": {got.Servers, want.Servers}, "rules": {got.Rules, want.Rules}, "env": {got.Env, want.Env}} {
			if !bytes.Equal(pair[0], pair[1]) {
				t.Errorf("killed after %s, again: the %s differ (-want +got):\n%s", name, what, cmp.Diff(string(pair[1]), string(pair[0])))
			}
		}
	}
}

func TestMerge_killedBetweenTwoFiles_isEndedByTheNextImport(t *testing.T) {
	var all []clients.Found
	own := adopt.Texts{Servers: []byte(ownServers), Rules: []byte(ownRules), Env: []byte("# mine\nX=1")}
	eachFile(t, func(t *testing.T, path string) {
		found, _, p := imported(t, path)
		killedBetween(t, adopt.Texts{}, p, nil, found)
		killedBetween(t, own, plan(t, own, nil, found), nil, found)
		all = append(all, found)
	})
	decided := map[string]int{}
	for _, c := range plan(t, own, nil, all...).Clashes {
		decided[c.Server] = len(c.Choices) - 1
	}
	killedBetween(t, own, plan(t, own, decided, all...), decided, all...)
}

const ownServers = "// mine\r\n{\r\n  \"mcpServers\": {\r\n    \"own\": {\"command\": \"own\", \"env\": {\"A\": \"${NEW_T}\"}}, // keep\r\n  },\r\n}\r\n"

const ownRules = `{
  // everything
  "agents": {
    "ops": {"allow": {"servers": ["*"]}, "deny": {"servers": ["prod-*"]}},
    "reader": {"extends": ["all"]}, // by a role
    "some": {"allow": {"servers": ["own"]}},
    "default": {"allow": {"servers": ["ne*"]}}
  },
  "roles": {"all": {"allow": {"servers": ["*"]}}},
  "defaults": {"deny_on_missing_agent": false}
}
`

const cursorNew = `{"mcpServers": {"new": {"command": "x", "env": {"T": "secret-1"}, "disabledTools": ["rm"]}}}`

func TestMerge_keepsWhatTheOwnerHasWritten(t *testing.T) {
	before := adopt.Texts{Servers: []byte(ownServers), Rules: []byte(ownRules), Env: []byte("# mine\nX=1")}
	p := plan(t, before, nil, read(t, "cursor", cursorNew))
	for what, pair := range map[string][2][]byte{
		"servers": {before.Servers, p.After.Servers}, "rules": {before.Rules, p.After.Rules}, "env": {before.Env, p.After.Env},
	} {
		rest := pair[1]
		for line := range bytes.Lines(pair[0]) {
			// What is added to a list stands in its line, and nothing else changes.
			for part := range strings.FieldsSeq(string(line)) {
				part = strings.TrimRight(part, "]},")
				i := bytes.Index(rest, []byte(part))
				if i < 0 {
					t.Fatalf("%s: %q is gone or elsewhere in\n%s\nwant it to stay", what, part, pair[1])
				}
				rest = rest[i+len(part):]
			}
		}
	}
	if !bytes.HasPrefix(p.After.Servers, []byte(ownServers[:strings.Index(ownServers, "  },\r\n}")])) || bytes.Contains(bytes.ReplaceAll(p.After.Servers, []byte("\r\n"), nil), []byte("\n")) {
		t.Errorf("got\n%q\nwant the owner's entries byte for byte, and line ends as they were", p.After.Servers)
	}
	// ${NEW_T} means something already: the new secret gets another name.
	if slices.Contains(p.Variables, "NEW_T") || len(p.Variables) != 1 {
		t.Errorf("got the variables %v, want one with a name that no entry uses", p.Variables)
	}
}

// The env file counts more than the keyring: a secret of the same name would change what
// the owner has there.
func TestMerge_variablesOfTheKeyring_stayAndAreSet(t *testing.T) {
	before := adopt.Texts{Keyring: []byte("S_T X1\nOTHER X2\n")}
	p := plan(t, before, nil, read(t, "cursor", `{"mcpServers": {"s": {"command": "s", "env": {"T": "s3cret-value", "U": "${env:OTHER}", "V": "${env:MISSING}"}}}}`))
	if slices.Contains(p.Variables, "S_T") || len(p.Variables) != 1 {
		t.Errorf("got the variables %v, want one with a name that the keyring has not", p.Variables)
	}
	if !slices.Equal(p.Unset, []string{"MISSING"}) {
		t.Errorf("got %v not set, want MISSING alone", p.Unset)
	}
	if p.After.Keyring != nil {
		t.Errorf("got the list %q, want it as it is", p.After.Keyring)
	}
	if _, err := adopt.Make(ownPaths, adopt.Texts{Keyring: []byte("T\n")}, nil, nil); err == nil || !strings.Contains(err.Error(), "gatehouse.keyring:1") {
		t.Errorf("a list with an error: got %v, want where it is", err)
	}
}

func TestMerge_noAgentThatExistsGainsAnything(t *testing.T) {
	before := adopt.Texts{Servers: []byte(ownServers), Rules: []byte(ownRules)}
	p := plan(t, before, nil, read(t, "cursor", cursorNew), read(t, "codex", "[mcp_servers.news]\ncommand = \"y\"\n"))
	old, _ := rulesfile.ParseRules("r", before.Rules)
	now, problems := rulesfile.ParseRules("r", p.After.Rules)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	decider := policy.Compile(now)
	for _, agent := range old.Agents {
		for _, server := range []string{"new", "news"} {
			if decider.Decide(agent.ID, server, "t").Allow {
				t.Errorf("%s may use %s, want that it may not:\n%s", agent.ID, server, p.After.Rules)
			}
		}
		if before := policy.Compile(old).Decide(agent.ID, "own", "t").Allow; decider.Decide(agent.ID, "own", "t").Allow != before {
			t.Errorf("%s, own: got %v, want %v as before", agent.ID, !before, before)
		}
	}
	for _, c := range []struct {
		agent, server, tool string
		want                bool
	}{{"cursor", "new", "t", true}, {"cursor", "new", "rm", false}, {"cursor", "news", "t", false}, {"codex", "news", "t", true}, {"codex", "own", "t", false}} {
		if got := decider.Decide(c.agent, c.server, c.tool).Allow; got != c.want {
			t.Errorf("%s %s %s: got %v, want %v", c.agent, c.server, c.tool, got, c.want)
		}
	}
}

func TestMerge_again_changesNothing(t *testing.T) {
	found := []clients.Found{read(t, "cursor", cursorNew), read(t, "codex", "[mcp_servers.h]\nurl = \"https://h.example.com/?key=k\"\nhttp_headers = { A = \"Bearer b\" }\n")}
	texts := after(adopt.Texts{}, plan(t, adopt.Texts{}, nil, found...))
	p := plan(t, texts, nil, found...)
	if p.After.Servers != nil || p.After.Rules != nil || p.After.Env != nil || len(p.Clashes) > 0 {
		t.Errorf("got %v\n%s%s%s, want no change", p.Clashes, p.After.Servers, p.After.Rules, p.After.Env)
	}
	for _, r := range p.Rows {
		if r.State != adopt.Same || r.Agent == "" {
			t.Errorf("got %+v, want the same server, for its agent", r)
		}
	}
}

func TestMerge_theSameServerInTwoClients_isOneEntry(t *testing.T) {
	off := strings.Replace(cursorNew, `"disabledTools"`, `"disabled": true, "enabledTools": ["ls"], "disabledTools"`, 1)
	p := plan(t, adopt.Texts{}, nil, read(t, "cursor", cursorNew), read(t, "windsurf", off), read(t, "roo", strings.Replace(cursorNew, `["rm"]`, `["cp"]`, 1)))
	file, _ := serversfile.Parse("f", p.After.Servers)
	if len(file.Entries) != 1 || file.Entries[0].Disabled || len(p.Variables) != 1 {
		t.Errorf("got\n%s%v, want one entry that is on, and one secret", p.After.Servers, p.Variables)
	}
	rules, _ := rulesfile.ParseRules("r", p.After.Rules)
	decider := policy.Compile(rules)
	for _, c := range []struct {
		agent, tool string
		want        bool
	}{{"cursor", "rm", false}, {"cursor", "cp", true}, {"roo", "rm", true}, {"roo", "cp", false}, {"windsurf", "ls", false}} {
		if got := decider.Decide(c.agent, "new", c.tool).Allow; got != c.want {
			t.Errorf("%s %s: got %v, want %v", c.agent, c.tool, got, c.want)
		}
	}
}

func TestMerge_serversThatDiffer_areNotWrittenUntilSomebodyDecides(t *testing.T) {
	mine := adopt.Texts{Servers: []byte(`{"mcpServers": {"b": {"command": "mine"}}}`), Rules: []byte(`{"agents": {}}`)}
	a := read(t, "cursor", `{"mcpServers": {"a": {"command": "x"}, "b": {"command": "y"}, "c": {"command": "z"}}}`)
	b := read(t, "windsurf", `{"mcpServers": {"a": {"command": "x", "args": ["--more"]}}}`)
	p := plan(t, mine, nil, a, b)
	if len(p.Clashes) != 2 || p.Clashes[0].Server != "a" || p.Clashes[0].Fields[0] != "args" || p.Clashes[1].Choices[0].From != "gatehouse" {
		t.Fatalf("got %+v, want a and b, in what they differ, and the owner's own first", p.Clashes)
	}
	if file, _ := serversfile.Parse("f", p.After.Servers); !slices.Equal(file.Names(), []string{"b", "c"}) {
		t.Errorf("got the servers %v, want b as it was, and c", file.Names())
	}
	p = plan(t, mine, map[string]int{"a": 1, "b": 0}, a, b)
	file, _ := serversfile.Parse("f", p.After.Servers)
	if e, ok := file.Entry("a"); !ok || len(e.Args) != 1 || len(p.Clashes) > 0 {
		t.Errorf("got %+v, %v; want the second a", e, p.Clashes)
	}
	if e, _ := file.Entry("b"); e.Command != "mine" {
		t.Errorf("got %+v, want the owner's b", e)
	}
	p = plan(t, mine, map[string]int{"a": adopt.Nobody, "b": adopt.Nobody}, a, b)
	if file, _ := serversfile.Parse("f", p.After.Servers); !slices.Equal(file.Names(), []string{"b", "c"}) {
		t.Errorf("none: got %v, want b and c", file.Names())
	}
}

// One client whose server differs keeps no other from what the gateway has.
func TestMerge_whoHasTheOwnersServer_isGivenItWhileOthersDiffer(t *testing.T) {
	mine := adopt.Texts{Servers: []byte(`{"mcpServers": {"a": {"command": "x"}}}`), Rules: []byte(`{"agents": {}}`)}
	p := plan(t, mine, nil,
		read(t, "cursor", `{"mcpServers": {"a": {"command": "other"}}}`),
		read(t, "windsurf", `{"mcpServers": {"a": {"command": "x", "disabledTools": ["rm"]}}}`))
	if len(p.Clashes) != 1 {
		t.Errorf("got the conflicts %+v, want the one with cursor", p.Clashes)
	}
	for _, r := range p.Rows {
		want := adopt.Row{State: adopt.Conflict}
		if r.Client == "windsurf" {
			want = adopt.Row{State: adopt.Same, Agent: "windsurf"}
		}
		if r.State != want.State || r.Agent != want.Agent {
			t.Errorf("%s: got %s, used by %q; want %s, used by %q", r.Client, r.State, r.Agent, want.State, want.Agent)
		}
	}
	now, _ := rulesfile.ParseRules("r", p.After.Rules)
	decider := policy.Compile(now)
	for _, c := range []struct {
		agent, tool string
		want        bool
	}{{"windsurf", "ls", true}, {"windsurf", "rm", false}, {"cursor", "ls", false}} {
		if got := decider.Decide(c.agent, "a", c.tool).Allow; got != c.want {
			t.Errorf("%s, %s: got %v, want %v", c.agent, c.tool, got, c.want)
		}
	}
}

// A client that has the owner's server and another one of its name has not said which
// of them its restrictions are for.
func TestMerge_aClientWithTheOwnersServerAndAnother_waitsForADecision(t *testing.T) {
	mine := adopt.Texts{Servers: []byte(`{"mcpServers": {"a": {"command": "x"}}}`), Rules: []byte(`{"agents": {}}`)}
	p := plan(t, mine, nil,
		read(t, "cursor", `{"mcpServers": {"a": {"command": "x"}}}`),
		read(t, "cursor", `{"mcpServers": {"a": {"command": "other", "disabledTools": ["rm"]}}}`))
	for _, r := range p.Rows {
		if r.State != adopt.Conflict || r.Agent != "" {
			t.Errorf("got %+v, want a conflict, and nobody who may use it", r)
		}
	}
}

// An agent of the owner's may have a rule that would open what the client closes.
func TestMerge_anAgentThatExists_isGivenNoMoreThanItsClientHas(t *testing.T) {
	rules := `{"agents": {"cursor": {"allow": {"servers": ["own"], "tools": {"*": ["rm"]}}}}}`
	p := plan(t, adopt.Texts{Servers: []byte(ownServers), Rules: []byte(rules)}, nil,
		read(t, "cursor", `{"mcpServers": {"new": {"command": "x", "enabledTools": ["ls"]}, "more": {"command": "y", "enabledTools": ["rm", "ls"]}}}`))
	now, _ := rulesfile.ParseRules("r", p.After.Rules)
	decider := policy.Compile(now)
	for _, c := range []struct {
		server, tool string
		want         bool
	}{{"new", "rm", false}, {"new", "ls", false}, {"more", "ls", true}, {"more", "cp", false}} {
		if got := decider.Decide("cursor", c.server, c.tool).Allow; got != c.want {
			t.Errorf("%s %s: got %v, want %v", c.server, c.tool, got, c.want)
		}
	}
	if !slices.ContainsFunc(p.Notes, func(n clients.Note) bool { return n.Server == "new" && strings.Contains(n.Text, "not given to cursor") }) {
		t.Errorf("got %v, want a word that new is not given", p.Notes)
	}
}

func TestMerge_filesOfTheOwnersThatAreBroken_areAnError(t *testing.T) {
	for _, before := range []adopt.Texts{{Servers: []byte(`{"mcpServers": 1}`)}, {Rules: []byte(`{`)}, {Env: []byte("no line")}} {
		if p, err := adopt.Make(ownPaths, before, []clients.Found{read(t, "cursor", cursorNew)}, nil); err == nil || p.After.Servers != nil {
			t.Errorf("got %v, want an error and nothing to write", err)
		}
	}
}
