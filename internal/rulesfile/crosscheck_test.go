package rulesfile_test

import (
	"fmt"
	"strings"
	"testing"

	"gatehouse/internal/jsondoc"
	"gatehouse/internal/rulesfile"
)

func TestCrossCheck_manyServers_areNotAllListed(t *testing.T) {
	rules, _ := rulesfile.ParseRules("r.json", []byte(`{"agents": {"a": {"allow": {"servers": ["missing"]}}}}`))
	var servers []string
	for i := range 1000 {
		servers = append(servers, fmt.Sprintf("server-%03d", i))
	}
	problems := rulesfile.CrossCheck(rules, servers, "")
	if len(problems) != 1 || !strings.HasSuffix(problems[0].Hint, "and 980 more") {
		t.Errorf("problems = %+v, want one that lists 20 of 1000", problems)
	}
}

func TestCrossCheck_withoutServers_saysSo(t *testing.T) {
	rules, _ := rulesfile.ParseRules("r.json", []byte(`{"agents": {"a": {"allow": {"servers": ["db", "*"]}}}}`))
	problems := rulesfile.CrossCheck(rules, nil, "")
	if len(problems) != 1 || problems[0].Severity != jsondoc.Warning || problems[0].Hint != "the servers file has no servers" {
		t.Errorf("problems = %+v, want one warning", problems)
	}
}

func TestCrossCheck_fallback(t *testing.T) {
	const open, strict = `, "defaults": {"deny_on_missing_agent": false}}`, `}`
	cases := map[string]struct{ agents, rest, defaultAgent, code string }{
		"denied, so nothing is needed":        {`"a"`, strict, "", ""},
		"denied, so a configured one is vain": {`"a"`, strict, "a", "rules-default-agent-unused"},
		"an agent named default":              {`"default"`, open, "", ""},
		"a configured agent":                  {`"a"`, open, "a", ""},
		"nobody":                              {`"a"`, open, "", "rules-no-fallback"},
		"a configured agent that is missing":  {`"default"`, open, "b", "rules-default-agent-missing"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			rules, problems := rulesfile.ParseRules("r.json", []byte(`{"agents": {`+c.agents+`: {}}`+c.rest))
			if len(problems) > 0 {
				t.Fatal(problems)
			}
			var codes strings.Builder
			for _, p := range rulesfile.CrossCheck(rules, nil, c.defaultAgent) {
				codes.WriteString(p.Code)
			}
			if codes.String() != c.code {
				t.Errorf("warnings %q, want %q", codes.String(), c.code)
			}
		})
	}
}
