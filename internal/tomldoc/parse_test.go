package tomldoc_test

import (
	"strings"
	"testing"

	"gatehouse/internal/jsondoc"
	"gatehouse/internal/tomldoc"
	"gatehouse/testkit/problemtest"
)

const example = `model = "x" # [not a table]
[mcp_servers.docs]
command = "npx"
args = ["-y", 'a]b', """
two
lines"""]
env = { "KEY" = "v", PORT = 3_000, ON = true }
startup_timeout_sec = 1.5
day = 2020-01-02
[mcp_servers.docs.tools."a b"]
approval_mode = "prompt"
[[list]]
n = 1
[[list]]
n = 0x10
[a]
b.c.d = 1
`

func TestParse_values(t *testing.T) {
	doc, problems := tomldoc.Parse("f.toml", []byte(example))
	if doc == nil {
		t.Fatal(problemtest.Text(problems))
	}
	get := func(keys ...string) *jsondoc.Node {
		n := doc.Root
		for _, key := range keys {
			if n = n.Member(key); n == nil {
				t.Fatalf("got nothing at %v, want a value", keys)
			}
		}
		return n
	}
	for path, want := range map[string]string{
		"mcp_servers docs command": "npx", "mcp_servers docs env PORT": "3_000", "mcp_servers docs env ON": "true",
		"mcp_servers docs startup_timeout_sec": "1.5", "mcp_servers docs day": "2020-01-02", "a b c d": "1",
	} {
		if got := get(strings.Fields(path)...).Text(); got != want {
			t.Errorf("%s: got %q, want %q", path, got, want)
		}
	}
	if args := get("mcp_servers", "docs", "args").Elements(); len(args) != 3 || args[1].Text() != "a]b" || args[2].Text() != "two\nlines" {
		t.Errorf("got %d arguments, want three as they are written", len(args))
	}
	if list := get("list").Elements(); len(list) != 2 || list[1].Member("n").Text() != "0x10" {
		t.Errorf("got %d tables in the list, want two", len(list))
	}
	if pos := get("mcp_servers").KeyPos("docs"); pos.Line != 2 || pos.Column != 14 {
		t.Errorf("got %+v, want line 2, column 14", pos)
	}
	if get("mcp_servers", "docs", "tools", "a b").Member("approval_mode") == nil {
		t.Error("got no quoted key, want it")
	}
}

func TestParse_whatCannotBeRead(t *testing.T) {
	for name, src := range map[string]string{
		"not TOML": "a = = 1", "a key twice": "a = 1\na = 2", "a table twice": "[a]\n[a]\n", "no UTF-8": "a = \"\xff\"",
		"deep": "a = " + strings.Repeat("[", 100_000), "a deep key": strings.Repeat("a.", 1000) + "a = 1",
		"deep tables": "a = " + strings.Repeat("{b = ", 1000),
	} {
		if doc, problems := tomldoc.Parse("f.toml", []byte(src)); doc != nil || len(problems) != 1 || problems[0].Line == 0 {
			t.Errorf("%s: got %v, want one problem with a place", name, problems)
		}
	}
}

// FuzzParse reads any text: no panic, and every value has a place in the file.
func FuzzParse(f *testing.F) {
	f.Add([]byte(example))
	f.Fuzz(func(t *testing.T, src []byte) {
		doc, problems := tomldoc.Parse("f", src)
		if (doc == nil) != jsondoc.HasErrors(problems) {
			t.Errorf("got a document: %v, and %v; want one of both", doc != nil, problems)
		}
		if doc != nil {
			for _, m := range doc.Root.Members() {
				if pos := m.KeyPos(); pos.Line < 1 {
					t.Errorf("%q is at %+v, want a line", m.Key, pos)
				}
			}
		}
	})
}
