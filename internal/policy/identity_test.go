package policy_test

import (
	"strings"
	"testing"

	"gatehouse/internal/policy"
)

func TestValidAgentID(t *testing.T) {
	for _, id := range []string{"a", "A-9_z.", ".", "-", "default", strings.Repeat("a", policy.MaxAgentIDBytes)} {
		if !policy.ValidAgentID(id) {
			t.Errorf("%q is refused, want it accepted", id)
		}
	}
	for _, id := range []string{"", " ", "a b", "agent@invalid", "a/b", "a\n", "a\x00", "é", "а", "*", strings.Repeat("a", policy.MaxAgentIDBytes+1)} {
		if policy.ValidAgentID(id) {
			t.Errorf("%q is accepted, want it refused", id)
		}
	}
}

func TestResolveAgent(t *testing.T) {
	known := []person{{id: "a"}, {id: "b"}}
	withDefault := append([]person{{id: "default"}}, known...)
	strict, open := policy.Compile(rules(true, withDefault...)), policy.Compile(rules(false, known...))
	openDefault := policy.Compile(rules(false, withDefault...))
	missing := func(p *policy.Policy, fallback string, pinned ...string) func() (string, *policy.IdentityError) {
		return func() (string, *policy.IdentityError) { return p.ResolveAgent("", false, pinned, fallback) }
	}
	asked := func(p *policy.Policy, id string, pinned ...string) func() (string, *policy.IdentityError) {
		return func() (string, *policy.IdentityError) { return p.ResolveAgent(id, true, pinned, "b") }
	}
	cases := map[string]struct {
		resolve func() (string, *policy.IdentityError)
		want    string
		code    policy.IdentityCode
	}{
		"a known agent is itself":                                {asked(strict, "a"), "a", ""},
		"an unknown agent is itself, and Decide's to deny":       {asked(strict, "z"), "z", ""},
		"an unknown agent without a default agent is itself too": {asked(open, "z"), "z", ""},
		"an unknown agent gets the default agent's rules":        {asked(openDefault, "z"), "default", ""},
		"a malformed id is invalid":                              {asked(strict, "a b"), "", policy.InvalidAgentID},
		"a malformed id never falls back":                        {asked(openDefault, "a\n"), "", policy.InvalidAgentID},
		"a look-alike is malformed":                              {asked(openDefault, "а"), "", policy.InvalidAgentID},
		"case counts":                                            {asked(strict, "A"), "A", ""},
		"an over-long id is invalid":                             {asked(strict, strings.Repeat("a", 1<<20)), "", policy.InvalidAgentID},

		"missing is invalid where the rules deny it":                {missing(strict, "a"), "", policy.InvalidAgentID},
		"empty is missing":                                          {asked(strict, ""), "", policy.InvalidAgentID},
		"empty is missing, and falls back":                          {asked(openDefault, ""), "b", ""},
		"missing falls back on the configured agent before default": {missing(openDefault, "a"), "a", ""},
		"missing falls back on default":                             {missing(openDefault, ""), "default", ""},
		"a configured agent that the rules lack is an error, though default exists": {
			missing(openDefault, "nobody"), "", policy.FallbackAgentNotInRules,
		},
		"missing without anything to fall back on is an error": {missing(open, ""), "", policy.NoFallbackConfigured},

		"a pin answers for a missing agent_id":           {missing(strict, "", "b", "a"), "b", ""},
		"a pin is stronger than the configured fallback": {missing(openDefault, "a", "b"), "b", ""},
		"empty is missing under a pin":                   {asked(strict, "", "a"), "a", ""},
		"any agent of the pin may be asked for":          {asked(strict, "a", "b", "a"), "a", ""},
		"an agent outside the pin is invalid":            {asked(strict, "b", "a"), "", policy.InvalidAgentID},
		"an unknown agent outside the pin is invalid":    {asked(openDefault, "z", "a"), "", policy.InvalidAgentID},
		"a malformed id under a pin is invalid":          {asked(strict, "a,b", "a", "b"), "", policy.InvalidAgentID},
		"a pinned agent that the rules lack is itself":   {missing(strict, "", "z"), "z", ""},
		"a pin is an identity: no default stands in":     {missing(openDefault, "a", "z"), "z", ""},
		"a pin that is asked for by name is one too":     {asked(openDefault, "z", "a", "z"), "z", ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := c.resolve()
			if err == nil {
				err = &policy.IdentityError{}
			} else if err.Error() == "" || len(err.Message) > 600 || strings.ContainsAny(err.Message, "\n\x00а") {
				t.Errorf("message is empty, too long or carries what was sent raw: %q", err.Message)
			}
			if got != c.want || err.Code != c.code {
				t.Errorf("got %q, %q; want %q, %q", got, err.Code, c.want, c.code)
			}
		})
	}
}

func TestResolveAgent_messageSaysWhoThePinnedMayBe(t *testing.T) {
	p := policy.Compile(rules(true, person{id: "a"}, person{id: "secret"}))
	_, err := p.ResolveAgent("secret", true, []string{"a", "b"}, "")
	if err == nil || !strings.Contains(err.Message, "a, b") {
		t.Fatalf("message = %v, want the pin's agents", err)
	}
	_, unknown := p.ResolveAgent("sicret", true, []string{"a", "b"}, "")
	if want := strings.Replace(err.Message, "secret", "sicret", 1); unknown == nil || unknown.Message != want {
		t.Errorf("the message must not tell a known foreign agent from an unknown one: %v", unknown)
	}
}
