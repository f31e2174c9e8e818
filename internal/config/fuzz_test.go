package config_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"gatehouse/internal/config"
)

// Whatever the bytes: no panic, positions inside the file and in order, and
// entries exactly when there is no error.
func FuzzParseServers(f *testing.F) {
	for _, src := range corpus(f, "*bad/*.json") {
		f.Add(src)
	}
	f.Add(config.ServersTemplate())
	f.Add([]byte(`{"mcpServers": {"s": {"command": "${A:-${B}", "args": ["$${x}"], "gateway": {"restart": {}}}}}`))
	f.Fuzz(func(t *testing.T, src []byte) {
		servers, problems := config.ParseServers("f.json", src)
		if !bytes.Contains(src, []byte("secret")) {
			checkProblems(t, src, problems)
		}
		if config.HasErrors(problems) && len(servers.Entries) > 0 {
			t.Error("a file with errors gave entries")
		}
		seen := map[string]bool{}
		for _, e := range servers.Entries {
			if seen[e.Name] || !config.ValidServerName(e.Name) || (e.Command == "") == (e.URL == "") || e.Transport == "" {
				t.Errorf("an entry that cannot be: %+v", e)
			}
			seen[e.Name] = true
		}
		env := world(nil, "A=1")
		first := config.Resolve(servers, env)
		if !config.Diff(first, config.Resolve(servers, env)).Empty() {
			t.Error("the same servers differ")
		}
		for _, r := range first {
			if strings.Contains(config.ShownURL(r.Entry.URL), "?") && !strings.Contains(r.Entry.URL, "${") {
				t.Errorf("a query is shown: %s", config.ShownURL(r.Entry.URL))
			}
		}
	})
}

// Whatever the bytes: no panic, positions inside the file, and what was read
// can be written so that it reads the same.
func FuzzParseDotenv(f *testing.F) {
	for _, src := range corpus(f, "dotenv-bad/*.env") {
		f.Add(src)
	}
	f.Add([]byte("\ufeffexport A = \"x\\n\\\\\" # c\r\nB='y'\r\nC=z#1 #2\n"))
	escape := strings.NewReplacer("\\", `\\`, `"`, `\"`, "\n", `\n`, "\r", `\r`, "\t", `\t`)
	f.Fuzz(func(t *testing.T, src []byte) {
		values, problems := config.ParseDotenv(".env", src)
		if !bytes.Contains(src, []byte("secret")) {
			checkProblems(t, src, problems)
		}
		for name, value := range values {
			line := fmt.Sprintf("export %s=\"%s\"", name, escape.Replace(value))
			again, problems := config.ParseDotenv(".env", []byte(line))
			if len(problems) > 0 || again[name] != value || len(again) != 1 {
				t.Errorf("%q reads as %q: %v", line, again[name], problems)
			}
		}
	})
}

func BenchmarkParseServers(b *testing.B) {
	for _, n := range []int{10, 1000} {
		b.Run(fmt.Sprintf("servers=%d", n), func(b *testing.B) {
			src := manyServers(n)
			b.SetBytes(int64(len(src)))
			for b.Loop() {
				if s, problems := config.ParseServers(".mcp.json", src); len(s.Entries) != n {
					b.Fatal(problems)
				}
			}
		})
	}
}

func BenchmarkParseDocument(b *testing.B) {
	for _, shape := range []string{"lines", "one line of wide characters"} {
		b.Run("values=10000/"+shape, func(b *testing.B) {
			src := tenThousand(shape == "lines")
			b.SetBytes(int64(len(src)))
			for b.Loop() {
				doc, _ := config.ParseDocument("rules.json", src)
				for _, e := range doc.Root.Elements() {
					if e.Pos().Line == 0 {
						b.Fatal("no position")
					}
				}
			}
		})
	}
}

func BenchmarkResolve(b *testing.B) {
	servers, _ := config.ParseServers(".mcp.json", manyServers(50))
	env := world(nil, "A=1", "PATH=/bin", "HOME=/h")
	for b.Loop() {
		if got := config.Resolve(servers, env); got[0].Problem != "" {
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

func tenThousand(lines bool) []byte {
	var b bytes.Buffer
	b.WriteString("[")
	for i := range 10000 {
		if lines {
			fmt.Fprintf(&b, "\n  \"tool_number_%d_*\",", i)
		} else {
			fmt.Fprintf(&b, `"werkzeug_ключ_%d_*",`, i)
		}
	}
	b.WriteString("]")
	return b.Bytes()
}
