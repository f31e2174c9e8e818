package problemtest

import (
	"bytes"
	"fmt"
	"testing"

	"gatehouse/internal/serversfile"
)

// Servers parses a servers file that has no problem at all.
func Servers(t testing.TB, src string) serversfile.File {
	t.Helper()
	s, problems := serversfile.Parse(".mcp.json", []byte(src))
	if len(problems) > 0 {
		t.Fatalf("problems:\n%s\nwant none", Text(problems))
	}
	return s
}

// Entry parses the JSON of an entry as that of the server "s". It must have no
// problem.
func Entry(t testing.TB, body string) serversfile.Entry {
	t.Helper()
	return Servers(t, `{"mcpServers": {"s": `+body+`}}`).Entries[0]
}

// ManyServers returns a servers file with so many entries.
func ManyServers(n int) []byte {
	var b bytes.Buffer
	b.WriteString(`{"mcpServers": {`)
	for i := range n {
		fmt.Fprintf(&b, "\n"+`"server-%d": {"command": "npx", "args": ["-y", "pkg-%d", "${A}"], "env": {"TOKEN": "${A}"}, "description": "Number %d"},`, i, i, i)
	}
	b.WriteString("}}")
	return b.Bytes()
}
