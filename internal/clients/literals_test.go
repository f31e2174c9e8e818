package clients_test

import (
	"slices"
	"strings"
	"testing"

	"gatehouse/internal/clients"
)

// Where a text is written is told to the byte, in each format, with what comes before.
func TestLiterals_placesAndMeanings(t *testing.T) {
	const mark = "\ufeff"
	for name, c := range map[string]struct {
		file, src string
		want      []string // path, what is written, and what it means
	}{
		"JSON": {
			"f.json", mark + `{"a": {"b": "x\/y", "b": 1.5}, "c": ["z", true, null]} // d`,
			[]string{`a.b|"x\/y"|x/y`, "a.b|1.5|1.5", `c.[]|"z"|z`},
		},
		"TOML": {
			"f.toml", "a = 'x' # y\n[b.c]\nd = [\"\\u0054\", {e = 10}]\nf = \"\"\"\ng\"\"\"\n",
			[]string{"a|'x'|x", `b.c.d.[]|"\u0054"|T`, "b.c.d.[].e|10|10", "b.c.f|\"\"\"\ng\"\"\"|g"},
		},
		"YAML": {
			"f.yaml", "ä: \"\\x59\" # y\nb: {c: 'it''s', d: plain}\ne: |\n  f\n  g\n\nh: [1]\n",
			[]string{`ä|"\x59"|Y`, "b.c|'it''s'|it's", "b.d|plain|plain", "e||\n  f\n  g|f\ng\n", "h.[]|1|1"},
		},
		"an empty file": {"f.json", "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			found, err := clients.Literals(c.file, []byte(c.src))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, l := range found {
				got = append(got, strings.Join(l.Path, ".")+"|"+c.src[l.From:l.To]+"|"+l.Text)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got\n%q\nwant\n%q", got, c.want)
			}
		})
	}
	for file, src := range map[string]string{"f.json": "{", "f.toml": "a = ", "f.yaml": "a: 1\n---\nb: 2\n", "f.xml": "<a/>"} {
		if _, err := clients.Literals(file, []byte(src)); err == nil {
			t.Errorf("%s: got no error for %q, want one", file, src)
		}
	}
}
