package resolve_test

import (
	"testing"

	"gatehouse/testkit/problemtest"
)

func TestCredentialInClear(t *testing.T) {
	cases := map[string]struct {
		entry string
		want  bool
	}{
		"a header":                          {`{"url": "http://h.example/mcp", "headers": {"Authorization": "Bearer x"}}`, true},
		"another header for keys":           {`{"url": "http://10.0.0.5/mcp", "headers": {"X-Api-Key": "x"}}`, true},
		"a header that holds a token":       {`{"url": "http://10.0.0.5/mcp", "headers": {"X": "ghp_` + `abcdefghij0123456789"}}`, true},
		"a variable":                        {`{"url": "${API_URL}", "headers": {"Authorization": "Bearer ${T}"}}`, true},
		"a password in the url":             {`{"url": "http://u:p@h.example/mcp"}`, true},
		"a key in the url":                  {`{"url": "http://h.example/mcp?api_key=x"}`, true},
		"over SSE, in capitals":             {`{"type": "sse", "url": "HTTP://h.example/mcp", "headers": {"COOKIE": "a=b"}}`, true},
		"a bridge":                          {`{"command": "bridge", "args": ["http://h.example/mcp", "--header", "Authorization: Bearer x"]}`, true},
		"a login":                           {`{"url": "http://h.example/mcp", "gateway": {"auth": {"type": "oauth"}}}`, true},
		"a login by itself":                 {`{"url": "http://h.example/mcp", "gateway": {"auth": {"type": "client_credentials", "client_id": "a", "client_secret": "${T}"}}}`, true},
		"no login":                          {`{"url": "http://h.example/mcp", "gateway": {"auth": {"type": "none"}}}`, false},
		"a login over https":                {`{"url": "https://h.example/mcp", "gateway": {"auth": {"type": "oauth"}}}`, false},
		"a login on this machine":           {`{"url": "http://localhost/mcp", "gateway": {"auth": {"type": "oauth"}}}`, false},
		"https":                             {`{"url": "https://h.example/mcp", "headers": {"Authorization": "Bearer x"}}`, false},
		"without a credential":              {`{"url": "http://h.example/mcp", "headers": {"Accept-Language": "en"}}`, false},
		"an empty credential":               {`{"url": "http://h.example/mcp?key=", "headers": {"Authorization": ""}}`, false},
		"this machine":                      {`{"url": "http://localhost:8000/mcp", "headers": {"Authorization": "Bearer x"}}`, false},
		"this machine by number":            {`{"url": "http://127.0.0.2:8000/mcp", "headers": {"Authorization": "Bearer x"}}`, false},
		"this machine, the long way":        {`{"url": "http://[::1]/mcp", "headers": {"Authorization": "Bearer x"}}`, false},
		"a name below localhost":            {`{"url": "http://a.localhost./mcp", "headers": {"Authorization": "Bearer x"}}`, false},
		"a name that only looks like it":    {`{"url": "http://localhost.example/mcp", "headers": {"Authorization": "Bearer x"}}`, true},
		"a disabled server":                 {`{"url": "http://h.example/mcp", "headers": {"Authorization": "Bearer x"}, "disabled": true}`, false},
		"a program without a credential":    {`{"command": "bridge", "args": ["http://h.example/mcp"]}`, false},
		"a program that talks to localhost": {`{"command": "bridge", "args": ["http://localhost/mcp", "--header", "Authorization: Bearer x"]}`, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := resolveEntry(problemtest.Entry(t, c.entry), world(nil, "API_URL=http://h.example/mcp", "T=x"))
			if got := s.CredentialInClear(); s.Problem != "" || got != c.want {
				t.Errorf("got %v (%s), want %v", got, s.Problem, c.want)
			}
		})
	}
}
