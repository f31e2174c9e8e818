package serversfile_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"gatehouse/internal/jsondoc"
	"gatehouse/internal/serversfile"
	"gatehouse/testkit/problemtest"
)

// Whatever the bytes: no panic, positions inside the file and in order, and
// entries exactly when there is no error.
func FuzzParse(f *testing.F) {
	for _, src := range problemtest.Corpus(f, "*bad/*.json") {
		f.Add(src)
	}
	f.Add(serversfile.Template())
	f.Add([]byte(`{"mcpServers": {"s": {"command": "${A:-${B}", "args": ["$${x}"], "gateway": {"restart": {}}}}}`))
	f.Fuzz(func(t *testing.T, src []byte) {
		servers, problems := serversfile.Parse("f.json", src)
		if !bytes.Contains(src, []byte("secret")) {
			problemtest.Check(t, src, problems)
		}
		if jsondoc.HasErrors(problems) && len(servers.Entries) > 0 {
			t.Error("a file with errors gave entries")
		}
		seen := map[string]bool{}
		for _, e := range servers.Entries {
			if seen[e.Name] || e.Name == "" || strings.ContainsAny(e.Name, "*?[]") || (e.Command == "") == (e.URL == "") || e.Transport == "" {
				t.Errorf("an entry that cannot be: %+v", e)
			}
			seen[e.Name] = true
		}
	})
}

func BenchmarkParse(b *testing.B) {
	for _, n := range []int{10, 1000} {
		b.Run(fmt.Sprintf("servers=%d", n), func(b *testing.B) {
			src := problemtest.ManyServers(n)
			b.SetBytes(int64(len(src)))
			for b.Loop() {
				if s, problems := serversfile.Parse(".mcp.json", src); len(s.Entries) != n {
					b.Fatal(problems)
				}
			}
		})
	}
}
