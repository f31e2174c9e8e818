package resolve_test

import (
	"bytes"
	"fmt"
	"testing"

	"gatehouse/internal/resolve"
	"gatehouse/internal/serversfile"
)

func BenchmarkResolve(b *testing.B) {
	servers, _ := serversfile.Parse(".mcp.json", manyServers(50))
	env := world(nil, "A=1", "PATH=/bin", "HOME=/h")
	for b.Loop() {
		if got := resolve.Servers(servers, env); got[0].Problem != "" {
			b.Fatal(got[0].Problem)
		}
	}
}

func manyServers(n int) []byte {
	var b bytes.Buffer
	b.WriteString(`{"mcpServers": {`)
	for i := range n {
		fmt.Fprintf(&b, "\n"+`"server-%d": {"command": "npx", "args": ["-y", "pkg-%d", "${A}"], "env": {"TOKEN": "${A}"}, "description": "Number %d"},`, i, i, i)
	}
	b.WriteString("}}")
	return b.Bytes()
}

// Whatever the entries: no panic, and the same servers do not differ.
func FuzzServers(f *testing.F) {
	f.Add([]byte(`{"mcpServers": {"s": {"command": "${A:-${B}", "args": ["$${x}"], "gateway": {"restart": {}}}}}`))
	f.Add([]byte(`{"mcpServers": {"s": {"url": "https://u:p@h/?q=${A}", "headers": {"X": "${NO}"}}}}`))
	f.Fuzz(func(t *testing.T, src []byte) {
		servers, _ := serversfile.Parse("f.json", src)
		env := world(nil, "A=1")
		first := resolve.Servers(servers, env)
		if changes := resolve.Diff(first, resolve.Servers(servers, env)); !changes.Empty() {
			t.Errorf("the same servers differ: got %+v, want no changes", changes)
		}
	})
}
