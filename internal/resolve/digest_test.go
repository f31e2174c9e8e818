package resolve_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"gatehouse/internal/resolve"
	"gatehouse/internal/serversfile"
)

// expanded returns the one server of a file, as a machine with this environment expands it.
func expanded(t *testing.T, entry string, env resolve.Env) resolve.Server {
	t.Helper()
	file, problems := serversfile.Parse("servers.json", []byte(`{"mcpServers": {"s": `+entry+`}}`))
	if len(file.Entries) != 1 {
		t.Fatalf("got %v, want one server", problems)
	}
	env.GOOS, env.ServersDir = "linux", "/state"
	return resolve.Servers(file, env)[0]
}

func TestDigests_nameTheVariablesThatDiffer(t *testing.T) {
	const entry = `{"command": "run", "args": ["${TOKEN}", "${SAME}", "${OPTION:-x}"], "env": {"A": "${userHome}"}, "gateway": {"env_pass": ["HOST*"]}}`
	one := expanded(t, entry, resolve.Env{Environ: []string{"TOKEN=1", "SAME=s", "HOSTNAME=n1"}, HomeDir: "/home/a"}).Digests([]byte("key"))
	two := expanded(t, entry, resolve.Env{Environ: []string{"TOKEN=2", "SAME=s", "HOSTNAME=n2"}, HomeDir: "/home/b"}).Digests([]byte("key"))
	if got, want := slices.Sorted(maps.Keys(one)), []string{"OPTION", "SAME", "TOKEN"}; !slices.Equal(got, want) {
		t.Errorf("got the variables %v, want %v", got, want)
	}
	for name, differs := range map[string]bool{"TOKEN": true, "SAME": false, "OPTION": false} {
		if got := one[name] != two[name]; got != differs {
			t.Errorf("%s: got %v for whether it differs, want %v", name, got, differs)
		}
	}
	other := expanded(t, entry, resolve.Env{Environ: []string{"TOKEN=1", "SAME=s"}, HomeDir: "/home/a"}).Digests([]byte("other"))
	if one["SAME"] == other["SAME"] {
		t.Error("got the same digest under another key, want another one")
	}
	for name, d := range one {
		if len(d) != 32 || strings.Contains(d, "s") {
			t.Errorf("%s: got the digest %q, want 32 hexadecimal digits", name, d)
		}
	}
}

func TestServers_withoutAFolder_nothingMayBeRelative(t *testing.T) {
	for _, c := range []struct{ name, entry, field string }{
		{"a command", `{"command": "./run"}`, "command"},
		{"a folder", `{"command": "run", "cwd": "work"}`, "cwd"},
		{"an envFile", `{"command": "run", "envFile": ".env"}`, "envFile"},
		{"a file's content", `{"command": "run", "args": ["${file:token}"]}`, "args"},
		{"the folder itself", `{"command": "run", "args": ["${workspaceFolder}"]}`, "args"},
	} {
		got := expanded(t, c.entry, resolve.Env{HomeDir: "/home/a"}).Problem
		if !strings.Contains(got, c.field) || !strings.Contains(got, "--fleet-root") {
			t.Errorf("%s: got the problem %q, want one that names %s and --fleet-root", c.name, got, c.field)
		}
	}
	if got := expanded(t, `{"command": "/bin/run", "cwd": "~/x"}`, resolve.Env{HomeDir: "/home/a"}).Problem; got != "" {
		t.Errorf("got the problem %q for what is absolute, want none", got)
	}
}
