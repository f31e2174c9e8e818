package resolve_test

import (
	"testing"

	"gatehouse/internal/redact"
	"gatehouse/internal/resolve"
	"gatehouse/internal/serversfile"
)

func scoped(t *testing.T, entry string) resolve.Server {
	t.Helper()
	file, problems := serversfile.Parse(".mcp.json", []byte(`{"mcpServers": {"s": `+entry+`}}`))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return resolve.Servers(file, resolve.Env{FileDir: "/home/me", ServersDir: "/state", GOOS: "linux", Environ: []string{"agent=not-this-one"}})[0]
}

func TestSpecFor_fillsInTheAgent(t *testing.T) {
	for name, c := range map[string]struct{ entry, key, want string }{
		"env":                     {`{"command": "x", "env": {"DIR": "/data/${agent}/${agent}"}, "gateway": {"scope": "agent"}}`, "DIR", "/data/a/a"},
		"a variable of that name": {`{"command": "x", "env": {"DIR": "${env:agent}"}, "gateway": {"scope": "agent"}}`, "DIR", "not-this-one"},
		"whom it is for":          {`{"command": "x", "gateway": {"scope": "agent"}}`, "GATEHOUSE_AGENT", "a"},
		"headers":                 {`{"url": "https://example.com/", "headers": {"X-Who": "${agent}"}, "gateway": {"scope": "agent"}}`, "X-Who", "a"},
	} {
		r := scoped(t, c.entry)
		if r.Problem != "" {
			t.Errorf("%s: got the problem %q, want none", name, r.Problem)
		}
		spec := r.Spec.For("a")
		if got := spec.Env[c.key] + spec.Headers[c.key]; got != c.want {
			t.Errorf("%s: %s is %q, want %q", name, c.key, got, c.want)
		}
		if other := r.Spec.For("b"); other.Env[c.key]+other.Headers[c.key] == c.want && c.want != "not-this-one" {
			t.Errorf("%s: %s is %q for another agent too, want another value", name, c.key, c.want)
		}
	}
}

func TestSecretsFor_hideWhatTheInstanceHas(t *testing.T) {
	r := scoped(t, `{"command": "x", "env": {"LOGIN": "login-of-${agent}"}, "gateway": {"scope": "agent"}}`)
	text := redact.New(resolve.SecretsFor(r.Secrets, "backend")).String("as login-of-backend")
	if text == "as login-of-backend" {
		t.Errorf("the text is %q, want the value of env out of it", text)
	}
}

func TestFingerprint_aScopeIsAnotherServer(t *testing.T) {
	shared, own := scoped(t, `{"command": "x"}`), scoped(t, `{"command": "x", "gateway": {"scope": "agent"}}`)
	if shared.Fingerprint == own.Fingerprint {
		t.Error("a server of scope agent has the fingerprint of a shared one, want another: it needs another process")
	}
	changes := resolve.Diff([]resolve.Server{shared}, []resolve.Server{own})
	if len(changes.Changed) != 1 || len(changes.Changed[0].Fields) != 1 || changes.Changed[0].Fields[0] != "scope" {
		t.Errorf("the difference is %+v, want the field scope changed", changes)
	}
}
