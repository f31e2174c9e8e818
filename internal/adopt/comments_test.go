package adopt_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"gatehouse/internal/adopt"
	"gatehouse/internal/clients"
	"gatehouse/internal/jsondoc"
)

// commented are texts of which each place is tried for a comment.
var commented = map[string][]string{
	".json": {
		`{"mcpServers": {"it's": {"command": "a//b", "args": ["\"/*", 1.5, true, null], "e": {}}}, "x": []}`,
		"{\n  // one\n  \"a\": 20, /* two\n */ \"b\": \"\\\\\"\n}\n",
	},
	".toml": {
		"a = 20\nb = true\nc = \"o\\\"3\"\nd = 2020-01-01\ne = 'it\\'\nf = 1.5\n",
		"m = \"\"\"x\"\"\"\nn = '''y''''\no = \"\"\"\"q\\\"\"\"\"\"\np = \"\"\"\n# in\n\"\"\"\n\"q'#\" = [1, \"#\", {r = 't', 'u\"' = \"v\"}]\n",
		"[mcp_servers.a] # one\n\"it's\".x = [\n  'a', # two\n  \"b\",\n]\n[[l]]\ns = 12:30:00\n",
	},
	".yaml": {
		"extensions:\n  bob's:\n    cmd: x#y\n    args: [a, 'it''s', \"z\\\"#\"]\n    envs: {A: 1, \"B\": 2}\n  c: {}\n",
		"a:\n  d: >\n    one\n    # in\n\n     two\n  # out\n  e: |-\n   three\n  f: |2\n     # in\n    four\n  g: ''\n",
		"m: &q v\nn: *q\no: &r \"w\n  don't\"\np: !!str t\ns: &u |\n  x\nv: !!str >+\n  y\n\nw: 3\n",
		"l:\n- a\n- \"b\"\n-\n  - |\n    c\n  - d\n    e#f\n    g\n- ? k\n  : l\n",
		"a: |\nb: >\n\nc: &h\n  |\n  x\nd: 'y\n  # in\n  z'\n? |\n  e\n: f\n",
		"a:\n  b: >\n    one\n    two\n  b: twice\nc: |1      # three",
		"\"k'\": [\"a\", \n  'b'\n  , c d\n  e, {f: g}]\nh: ~\ni: http://h/#x\n",
	},
}

// FuzzHidden puts a comment wherever the format allows one: wherever the file still means
// the same. It is not shown, and the lines stay as many.
func FuzzHidden(f *testing.F) {
	for ext, texts := range commented {
		for _, text := range texts {
			f.Add(ext, text)
			f.Add(ext, strings.ReplaceAll(text, "\n", "\r\n"))
		}
	}
	signs := map[string][]string{
		".json": {"//s3cr\n", "/*s3cr*/", "// it's \" s3cr\r\"x\"\n", "/*\n\"\ns3cr*/"},
		".toml": {"#s3cr\n", " # it's \" s3cr\n", "#s3cr"},
		".yaml": {"#s3cr\n", " # it's \" s3cr\n", " #s3cr", "#s3cr", "\n# s3cr\n", "\n      # s3cr: {a: \"\n"},
	}
	c, _ := clients.Find("cursor")
	f.Fuzz(func(t *testing.T, ext, text string) {
		want := meaning(ext, text)
		if len(text) > 400 || want == "" || strings.Contains(text, "s3cr") {
			return
		}
		for at := range len(text) + 1 {
			for _, sign := range signs[ext] {
				with := text[:at] + sign + text[at:]
				if meaning(ext, with) != want {
					continue
				}
				shown, _ := adopt.Hidden(c, "f"+ext, []byte(with))
				if got := string(shown[0]); strings.Contains(got, "s3cr") || strings.Count(got, "\n") != strings.Count(with, "\n") {
					t.Fatalf("got\n%s\nof\n%s\nwant no comment, and as many lines", got, with)
				}
			}
		}
	})
}

// meaning is what a text says, but for its comments, and also where something else
// counts; empty if it says nothing, or has a key that is no text, which nobody reads.
func meaning(ext, text string) string {
	doc, _ := clients.Document("f"+ext, []byte(text))
	if doc == nil || !slices.Contains([]string{".json", ".toml", ".yaml"}, ext) {
		return ""
	}
	var b strings.Builder
	unread := false
	var add func(n *jsondoc.Node)
	add = func(n *jsondoc.Node) {
		fmt.Fprintf(&b, "%s %q", n.Kind, n.Text())
		for _, m := range n.Members() {
			fmt.Fprintf(&b, "%q:", m.Key)
			unread = unread || m.Key == ""
			add(m.Value)
		}
		for _, e := range n.Elements() {
			add(e)
		}
		b.WriteString(";")
	}
	add(doc.Root)
	literals, err := clients.Literals("f"+ext, []byte(text))
	if err != nil || unread {
		return ""
	}
	for _, l := range literals {
		fmt.Fprintf(&b, "%q=%q;", l.Path, l.Text)
	}
	return b.String()
}
