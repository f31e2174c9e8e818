package rulesfile_test

import (
	"strings"
	"testing"

	"gatehouse/internal/rulesfile"
	"gatehouse/internal/serversfile"
	"gatehouse/testkit/problemtest"
)

func TestTemplates_areValidAndWithoutProblems(t *testing.T) {
	s, problems := serversfile.Parse(".mcp.json", serversfile.Template())
	if len(problems) > 0 {
		t.Error(problemtest.Text(problems))
	}
	for _, e := range s.Entries {
		if !e.Disabled {
			t.Errorf("the template must not start %q", e.Name)
		}
	}
	rules, problems := rulesfile.ParseRules(".mcp-gateway-rules.json", rulesfile.Template(""))
	if problems = append(problems, rulesfile.CrossCheck(rules, s.Names(), "")...); len(problems) > 0 {
		t.Error(problemtest.Text(problems))
	}
}

// What the templates show in comments must be right as well.
func TestTemplates_examplesInComments_areValid(t *testing.T) {
	uncomment := strings.NewReplacer(`    // "`, `    "`, `    //   "`, `      "`, "    // }", "    }")
	s, problems := serversfile.Parse(".mcp.json", []byte(uncomment.Replace(string(serversfile.Template()))))
	if len(problems) > 0 || len(s.Entries) != 2 {
		t.Errorf("%d entries, %s, want 2 without a problem", len(s.Entries), problemtest.Text(problems))
	}
	rules, problems := rulesfile.ParseRules("rules.json", []byte(uncomment.Replace(string(rulesfile.Template("")))))
	if problems = append(problems, rulesfile.CrossCheck(rules, s.Names(), "")...); len(problems) > 0 || len(rules.Agents) != 2 {
		t.Errorf("%d agents, %s, want 2 without a problem", len(rules.Agents), problemtest.Text(problems))
	}
}

func TestTemplate_withAToken_isForTheFirstAgent(t *testing.T) {
	const token = `{"id":"t","agents":["` + rulesfile.TemplateAgent + `"],"sha256":"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"}`
	rules, credentials, problems := rulesfile.Parse("rules.json", rulesfile.Template(token))
	if len(problems) > 0 || len(rules.Agents) == 0 || rules.Agents[0].ID != rulesfile.TemplateAgent {
		t.Errorf("got %d agents and %s, want %s first and no problem", len(rules.Agents), problemtest.Text(problems), rulesfile.TemplateAgent)
	}
	if len(credentials.Tokens) != 1 || credentials.Tokens[0].ID != "t" {
		t.Errorf("got %+v, want the token t", credentials)
	}
}
