package resolve_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/internal/resolve"
	"gatehouse/internal/serversfile"
	"gatehouse/testkit/problemtest"
)

func BenchmarkResolve(b *testing.B) {
	servers, _ := serversfile.Parse(".mcp.json", problemtest.ManyServers(50))
	env := world(nil, "A=1", "PATH=/bin", "HOME=/h")
	for b.Loop() {
		if got := resolve.Servers(servers, env); got[0].Problem != "" {
			b.Fatal(got[0].Problem)
		}
	}
}

// Whatever the entries: no panic, and the same servers do not differ.
func FuzzServers(f *testing.F) {
	f.Add([]byte(`{"mcpServers": {"s": {"command": "${A:-${B}", "args": ["$${x}"], "gateway": {"restart": {}}}}}`))
	f.Add([]byte(`{"mcpServers": {"s": {"url": "https://u:p@h/?q=${A}", "headers": {"X": "${NO}"}}}}`))
	f.Fuzz(func(t *testing.T, src []byte) {
		servers, _ := serversfile.Parse("f.json", src)
		env := world(nil, "A=1")
		first := resolve.Servers(servers, env)
		changes := resolve.Diff(first, resolve.Servers(servers, env))
		if diff := cmp.Diff(resolve.Changes{Unchanged: changes.Unchanged}, changes); diff != "" || len(changes.Unchanged) != len(first) {
			t.Errorf("the same servers differ: got %+v, want all of them unchanged", changes)
		}
	})
}
