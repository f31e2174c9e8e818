package resolve_test

import (
	"maps"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"gatehouse/internal/resolve"
	"gatehouse/internal/serversfile"
	"gatehouse/testkit/problemtest"
)

// resolved returns the servers of a text, which is the inside of "mcpServers".
func resolved(t *testing.T, inside string, env resolve.Env) []resolve.Server {
	t.Helper()
	return resolve.Servers(problemtest.Servers(t, `{"mcpServers": {`+inside+`}}`), env)
}

func TestDiff_eachKindOfChange(t *testing.T) {
	cases := map[string]struct {
		old, new string
		want     resolve.Changes
	}{
		"nothing, in another order and layout": {
			`"a": {"command": "x"}, "b": {"command": "y"}`, ` "b": {"command": "y", "args": []},` + "\n" + `"a": {"command": "x"}`,
			resolve.Changes{Unchanged: []string{"a", "b"}},
		},
		"added and removed, sorted": {
			`"d": {"command": "x"}, "c": {"command": "x"}`, `"b": {"command": "x"}, "a": {"command": "x"}`,
			resolve.Changes{Added: []string{"a", "b"}, Removed: []string{"c", "d"}},
		},
		"renamed is removal plus addition": {
			`"a": {"command": "x"}`, `"b": {"command": "x"}`,
			resolve.Changes{Added: []string{"b"}, Removed: []string{"a"}},
		},
		"command, args, env and cwd": {
			`"a": {"command": "x"}`, `"a": {"command": "y", "args": ["1"], "env": {"A": "1"}, "cwd": "z"}`,
			resolve.Changes{Changed: []resolve.ChangedServer{{Name: "a", Fields: []string{"command", "args", "env", "cwd"}}}},
		},
		"the order of args": {
			`"a": {"command": "x", "args": ["1", "2"]}`, `"a": {"command": "x", "args": ["2", "1"]}`,
			resolve.Changes{Changed: []resolve.ChangedServer{{Name: "a", Fields: []string{"args"}}}},
		},
		"url and headers": {
			`"a": {"url": "http://h/1"}`, `"a": {"url": "http://h/2", "headers": {"A": "1"}}`,
			resolve.Changes{Changed: []resolve.ChangedServer{{Name: "a", Fields: []string{"url", "headers"}}}},
		},
		"the transport": {
			`"a": {"url": "http://h/1"}`, `"a": {"url": "http://h/1", "type": "sse"}`,
			resolve.Changes{Changed: []resolve.ChangedServer{{Name: "a", Fields: []string{"transport"}}}},
		},
		"from a program to an address": {
			`"a": {"command": "x"}`, `"a": {"url": "http://h/1"}`,
			resolve.Changes{Changed: []resolve.ChangedServer{{Name: "a", Fields: []string{"transport", "command", "cwd", "url"}}}},
		},
		"description and settings are no restart": {
			`"a": {"command": "x"}`, `"a": {"command": "x", "description": "d", "gateway": {"call_timeout_ms": 1000, "start": "lazy"}}`,
			resolve.Changes{Updated: []string{"a"}},
		},
		"the same value, spelt otherwise": {
			`"a": {"command": "x", "args": ["${V}"]}`, `"a": {"command": "x", "args": ["value-one"]}`,
			resolve.Changes{Updated: []string{"a"}},
		},
		"env_pass that passes more": {
			`"a": {"command": "x"}`, `"a": {"command": "x", "gateway": {"env_pass": ["V"]}}`,
			resolve.Changes{Changed: []resolve.ChangedServer{{Name: "a", Fields: []string{"env", "env_pass"}}}},
		},
		"env_pass that passes the same": {
			`"a": {"command": "x"}`, `"a": {"command": "x", "gateway": {"env_pass": ["NONE_*"]}}`,
			resolve.Changes{Updated: []string{"a"}},
		},
		"disabled": {
			`"a": {"command": "x"}`, `"a": {"command": "x", "disabled": true}`,
			resolve.Changes{Changed: []resolve.ChangedServer{{Name: "a", Fields: []string{"disabled"}}}},
		},
		"enabled with another command": {
			`"a": {"command": "x", "disabled": true}`, `"a": {"command": "y"}`,
			resolve.Changes{Changed: []resolve.ChangedServer{{Name: "a", Fields: []string{"command", "disabled"}}}},
		},
		"changed while disabled": {
			`"a": {"command": "x", "disabled": true}`, `"a": {"command": "y", "disabled": true}`,
			resolve.Changes{Updated: []string{"a"}},
		},
		"mended by a literal": {
			`"a": {"command": "x", "args": ["${NO}"]}`, `"a": {"command": "x", "args": ["1"]}`,
			resolve.Changes{Changed: []resolve.ChangedServer{{Name: "a", Fields: []string{"args"}}}},
		},
		"still misconfigured": {
			`"a": {"command": "x", "args": ["${NO}"]}`, `"a": {"command": "x", "args": ["${NO}"]}`,
			resolve.Changes{Unchanged: []string{"a"}},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			env := world(nil, "V=value-one")
			got := resolve.Diff(resolved(t, c.old, env), resolved(t, c.new, env))
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestDiff_whenOnlyResolvedValuesChange_namesTheVariables(t *testing.T) {
	inside := `"a": {"command": "x", "args": ["${A}", "${B}"], "env": {"A": "${A}", "T": "${file:tok}"}, "gateway": {"env_pass": ["P_*"]}},
		"b": {"url": "https://${HOST}/"}, "c": {"command": "x", "args": ["${LATER}"]}, "d": {"command": "${A}", "disabled": true}`
	old := resolved(t, inside, world(map[string]string{"tok": "1"}, "A=1", "B=1", "P_X=1", "HOST=h", "GONE=1"))
	new := resolved(t, inside, world(map[string]string{"tok": "2"}, "A=2", "B=1", "P_X=2", "HOST=h", "LATER=1"))
	got := resolve.Diff(old, new)
	want := resolve.Changes{Unchanged: []string{"b", "d"}, Changed: []resolve.ChangedServer{
		{Name: "a", Fields: []string{"args", "env"}, Variables: []string{"A", "P_X", "file:tok"}},
		{Name: "c", Fields: []string{"args"}, Variables: []string{"LATER"}},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	back := resolve.Diff(new, old).Changed[1]
	if diff := cmp.Diff(resolve.ChangedServer{Name: "c", Fields: []string{"args"}, Variables: []string{"LATER"}}, back); diff != "" {
		t.Errorf("a variable that vanishes: want no difference, got %s", diff)
	}
}

func TestResolve_aBadEntry_leavesTheOthersAlone(t *testing.T) {
	got := resolved(t, `"bad": {"command": "${NO}", "args": ["${file:no}"]}, "off": {"command": "${NO}", "disabled": true}, "good": {"command": "x"}`, world(nil))
	if want := "command: variable NO is not set; args[0]: cannot read ${file:no}: the file does not exist"; got[0].Problem != want {
		t.Errorf("got  %s\nwant %s", got[0].Problem, want)
	}
	if diff := cmp.Diff([]string{in("no")}, got[0].Files); diff != "" {
		t.Error(diff)
	}
	if got[1].Problem != "" || got[2].Problem != "" {
		t.Errorf("got %q and %q, want none", got[1].Problem, got[2].Problem)
	}
	if got[2].Spec.Command != "x" || got[2].Entry.Name != "good" {
		t.Errorf("got %+v, want good with the command x", got[2].Spec)
	}
	if got[0].Fingerprint == "" || got[0].Fingerprint == got[1].Fingerprint {
		t.Error("states share a fingerprint")
	}
}

func TestFingerprint_isEqualExactlyForEqualSpecs(t *testing.T) {
	specs := []resolve.Spec{
		{},
		{Transport: serversfile.Stdio, Command: "x"},
		{Transport: serversfile.Stdio, Command: "x", Args: []string{""}},
		{Transport: serversfile.Stdio, Command: "x", Args: []string{"", ""}},
		{Transport: serversfile.Stdio, Command: "x", Args: []string{"a", "b"}},
		{Transport: serversfile.Stdio, Command: "x", Args: []string{"ab"}},
		{Transport: serversfile.Stdio, Command: "x", Args: []string{"b", "a"}},
		{Transport: serversfile.Stdio, Command: "xa", Args: []string{"b"}},
		{Transport: serversfile.Stdio, Command: "x", Cwd: "a"},
		{Transport: serversfile.Stdio, Command: "x", Env: map[string]string{"a": "b"}},
		{Transport: serversfile.Stdio, Command: "x", Env: map[string]string{"ab": ""}},
		{Transport: serversfile.Stdio, Command: "x", Headers: map[string]string{"a": "b"}},
		{Transport: serversfile.Stdio, Command: "x", Env: map[string]string{"a": "b", "c": "d"}},
		{Transport: serversfile.Auto, URL: "x"},
		{Transport: serversfile.HTTP, URL: "x"},
		{Transport: serversfile.SSE, URL: "x"},
	}
	seen := map[string]int{}
	for i, s := range specs {
		f := resolve.Fingerprint(s)
		if j, twice := seen[f]; twice {
			t.Errorf("%+v and %+v must not share a fingerprint", specs[i], specs[j])
		}
		seen[f] = i
		copied := s
		copied.Env, copied.Args = maps.Clone(s.Env), append([]string{}, s.Args...)
		if resolve.Fingerprint(copied) != f {
			t.Errorf("%+v: a copy has another fingerprint, want the same", s)
		}
	}
}

func TestDiff_sharesNoMemoryWithItsInput(t *testing.T) {
	env := world(nil, "A=1")
	list := resolved(t, `"a": {"command": "x", "args": ["${A}"]}`, env)
	before := resolved(t, `"a": {"command": "x", "args": ["${A}"]}`, env)
	resolve.Diff(list, nil)
	resolve.Diff(nil, list)
	if diff := cmp.Diff(before, list, cmpopts.IgnoreUnexported(resolve.Reference{})); diff != "" {
		t.Error(diff)
	}
}
