package policydiff_test

import (
	"fmt"
	"slices"
	"testing"

	"gatehouse/internal/policydiff"
	"gatehouse/internal/rulesfile"
)

func sideOf(t *testing.T, src string) policydiff.Side {
	t.Helper()
	rules, problems := rulesfile.ParseRules("r.json", []byte(src))
	if len(problems) > 0 {
		t.Fatalf("got %v, want none", problems)
	}
	return policydiff.Side{Rules: rules}
}

func TestCompare_limits(t *testing.T) {
	with := func(limits string) string { return `{"agents": {"a": {"limits": ` + limits + `}}}` }
	for _, c := range []struct {
		name, old, new string
		want           []string
		widens         bool
	}{
		{"the same", with(`{"concurrent": 2}`), with(`{"concurrent": 2}`), nil, false},
		{"lowered", with(`{"concurrent": 2}`), with(`{"concurrent": 1}`), []string{"concurrent 2 -> 1 false"}, false},
		{"raised", with(`{"concurrent": 2}`), with(`{"concurrent": 3}`), []string{"concurrent 2 -> 3 true"}, true},
		{"new", with(`{}`), with(`{"concurrent": 3}`), []string{"concurrent  -> 3 false"}, false},
		{"gone", with(`{"concurrent": 2}`), with(`null`), []string{"concurrent 2 ->  true"}, true},
		{
			"a burst that is gone is a minute's calls", with(`{"calls_per_minute": 60, "burst": 5}`), with(`{"calls_per_minute": 60}`),
			[]string{"burst 5 -> 60 true"},
			true,
		},
		{
			"of a tool", with(`{"per_tool": {"db": {"q": {"concurrent": 2}}}}`), with(`{"per_tool": {"db": {"q": {"concurrent": 3}, "r": {"concurrent": 1}}}}`),
			[]string{`per_tool["db"]["q"].concurrent 2 -> 3 true`, `per_tool["db"]["r"].concurrent  -> 1 false`},
			true,
		},
		{
			"moved to a role and the defaults", with(`{"concurrent": 2, "result_bytes_per_hour": 9}`),
			`{"agents": {"a": {"extends": ["r"]}}, "roles": {"r": {"limits": {"concurrent": 2}}}, "defaults": {"limits": {"result_bytes_per_hour": 9}}}`, nil, false,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := policydiff.Compare(sideOf(t, c.old), sideOf(t, c.new), nil)
			var got []string
			for _, l := range d.Limits {
				got = append(got, fmt.Sprintf("%s %s -> %s %t", l.Key, l.From, l.To, l.Widens))
			}
			if !slices.Equal(got, c.want) || d.Widens != c.widens {
				t.Errorf("got %q, widens %t; want %q, %t", got, d.Widens, c.want, c.widens)
			}
		})
	}
}

// Rules that move into a role change nothing; a role that grows widens each agent
// that extends it.
func TestCompare_roles(t *testing.T) {
	const plain = `{"agents": {"a": {"allow": {"servers": ["db", "d*"]}}, "b": {"allow": {"servers": ["d*"]}}}}`
	moved := sideOf(t, `{"agents": {"a": {"allow": {"servers": ["db"]}, "extends": ["r"]}, "b": {"extends": ["r"]}}, "roles": {"r": {"allow": {"servers": ["d*"]}}}}`)
	if d := policydiff.Compare(sideOf(t, plain), moved, nil); d.Widens || len(d.Rules) != 0 {
		t.Errorf("moved: got %+v, want no change", d)
	}
	grown := sideOf(t, `{"agents": {"a": {"allow": {"servers": ["db"]}, "extends": ["r"]}, "b": {"extends": ["r"]}}, "roles": {"r": {"allow": {"servers": ["d*", "web"]}}}}`)
	d := policydiff.Compare(moved, grown, nil)
	var got []string
	for _, a := range d.Answers {
		got = append(got, a.Agent+" "+a.Server+" "+a.To.Rule.Path)
	}
	if want := []string{"a web roles.r.allow.servers[1]", "b web roles.r.allow.servers[1]"}; !d.Widens || !slices.Equal(got, want) {
		t.Errorf("grown: got %q, widens %t; want %q", got, d.Widens, want)
	}
}
