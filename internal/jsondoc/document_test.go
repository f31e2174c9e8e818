package jsondoc_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/internal/jsondoc"
	"gatehouse/internal/policy"
	"gatehouse/testkit/problemtest"
)

// parse is Parse for texts that have no problem.
func parse(t *testing.T, src string) *jsondoc.Node {
	t.Helper()
	doc, problems := jsondoc.Parse("f.json", []byte(src))
	if len(problems) > 0 {
		t.Fatalf("problems: %s, want none", problemtest.Text(problems))
	}
	return doc.Root
}

func TestParse_commentsAndTrailingCommas_areAccepted(t *testing.T) {
	root := parse(t, "// first\n{ /* a */ \"a\": [1, 2,], \"b\": {\"c\": null,}, } // last")
	if got := len(root.Member("a").Elements()); got != 2 {
		t.Errorf("got %d elements, want 2", got)
	}
	if got := root.Member("b").Member("c").Kind; got != jsondoc.KindNull {
		t.Errorf("got %s, want %s", got, jsondoc.KindNull)
	}
}

func TestParse_values(t *testing.T) {
	root := parse(t, `{"s": "a\u00e9\n\"", "i": -12, "f": 1.5, "e": 1e3, "big": 9223372036854775808, "t": true, "n": null, "o": {}}`)
	if got, want := root.Member("s").Text(), "aé\n\""; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, ok := root.Member("i").Int(); got != -12 || !ok {
		t.Errorf("got %d %v, want -12", got, ok)
	}
	for _, key := range []string{"f", "e", "big", "s", "t"} {
		if got, ok := root.Member(key).Int(); ok {
			t.Errorf("%s must not be the whole number %d", key, got)
		}
	}
	if !root.Member("t").Bool() || root.Member("s").Bool() || root.Member("n").Bool() {
		t.Error("wrong booleans")
	}
	if root.Member("missing") != nil || root.Member("s").Member("x") != nil {
		t.Error("found what is not there")
	}
	var keys []string
	for _, m := range root.Members() {
		keys = append(keys, m.Key)
	}
	if diff := cmp.Diff([]string{"s", "i", "f", "e", "big", "t", "n", "o"}, keys); diff != "" {
		t.Errorf("not in file order: %s", diff)
	}
}

func TestParse_positionsCountCodePoints(t *testing.T) {
	root := parse(t, "{\r\n  \"ключ🎌\": 1, \"b\": [\n2]}")
	b := root.Members()[1]
	if got, want := b.KeyPos(), (policy.Position{File: "f.json", Line: 2, Column: 15}); got != want {
		t.Errorf("key: got %+v, want %+v", got, want)
	}
	if got, want := b.Value.Pos(), (policy.Position{File: "f.json", Line: 2, Column: 20}); got != want {
		t.Errorf("value: got %+v, want %+v", got, want)
	}
	if got, want := b.Value.Elements()[0].Pos(), (policy.Position{File: "f.json", Line: 3, Column: 1}); got != want {
		t.Errorf("element: got %+v, want %+v", got, want)
	}
}

// A naive count must agree in long lines of wide characters too, where the
// positions come from a table of steps.
func TestParse_positionsInLongLines_agreeWithANaiveCount(t *testing.T) {
	var src strings.Builder
	src.WriteString("[")
	for i := range 2000 {
		fmt.Fprintf(&src, `"%s",`, strings.Repeat("é€🎌a"[:2+3*(i%3%2)], i%7))
		if i%900 == 899 {
			src.WriteString("\n")
		}
	}
	src.WriteString("0]")
	lines := strings.Split(src.String(), "\n")
	for _, e := range parse(t, src.String()).Elements() {
		p := e.Pos()
		line := []rune(lines[p.Line-1])
		if first := line[p.Column-1]; first != '"' && first != '0' {
			t.Fatalf("%+v points at %q, want the beginning of a word or number", p, first)
		}
	}
}

func TestParse_limits(t *testing.T) {
	cases := map[string]struct {
		src  []byte
		code string // empty when it is fine
	}{
		"4 MiB are read":                        {src: padded(jsondoc.MaxFileBytes)},
		"one byte more is refused":              {src: padded(jsondoc.MaxFileBytes + 1), code: "file-too-large"},
		"64 levels are read":                    {src: nested(64)},
		"65 levels are refused":                 {src: nested(65), code: "nesting-too-deep"},
		"a megabyte of brackets is refused":     {src: bytes.Repeat([]byte("["), 1<<20), code: "nesting-too-deep"},
		"a megabyte of objects is refused":      {src: bytes.Repeat([]byte(`{"a":`), 1<<18), code: "nesting-too-deep"},
		"brackets in strings do not count":      {src: []byte(`"` + strings.Repeat("[", 100) + `\"[[["`)},
		"brackets in comments do not count":     {src: []byte("//" + strings.Repeat("{", 100) + "\n/*" + strings.Repeat("[", 100) + "*/1")},
		"comments do not hide brackets":         {src: append([]byte("/*\"*/ //\"\n"), nested(65)...), code: "nesting-too-deep"},
		"many siblings are not deep":            {src: []byte("[" + strings.Repeat("[],", 1000) + "]")},
		"a second byte order mark is a mistake": {src: []byte("\ufeff\ufeff{}"), code: "invalid-json"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			doc, problems := jsondoc.Parse("f.json", c.src)
			got := ""
			if len(problems) > 0 {
				got = problems[0].Code
			}
			if got != c.code || len(problems) > 1 || (doc == nil) != (c.code != "") {
				t.Errorf("got %q (%d problems, document %v), want %q", got, len(problems), doc != nil, c.code)
			}
		})
	}
}

// padded is valid JSON of exactly size bytes.
func padded(size int) []byte {
	return append(bytes.Repeat([]byte(" "), size-2), "{}"...)
}

func nested(levels int) []byte {
	return []byte(strings.Repeat("[", levels) + strings.Repeat("]", levels))
}

func TestParse_repeatedKeys_areAllReportedAndTheRestIsRead(t *testing.T) {
	doc, problems := jsondoc.Parse("f.json", []byte(`{"a": 1, "\u0061": 2, "b": [{"c": 1, "c": 2, "c": 3}]}`))
	if doc == nil || len(problems) != 3 {
		t.Fatalf("got %v, %s, want a document and 3 problems", doc, problemtest.Text(problems))
	}
	if got, want := problems[2].Path, "b[0].c"; got != want {
		t.Errorf("got path %s, want %s", got, want)
	}
	if got := doc.Root.Member("a").Text(); got != "1" {
		t.Errorf("the first does not count: got %s", got)
	}
}

func TestParse_doesNotTouchItsInput(t *testing.T) {
	backing := []byte("{}X")
	if _, problems := jsondoc.Parse("f.json", backing[:2]); len(problems) > 0 {
		t.Fatal(problemtest.Text(problems))
	}
	if string(backing) != "{}X" {
		t.Errorf("got %q, want {}X", backing)
	}
}

func BenchmarkParse(b *testing.B) {
	for _, shape := range []string{"lines", "one line of wide characters"} {
		b.Run("values=10000/"+shape, func(b *testing.B) {
			src := tenThousand(shape == "lines")
			b.SetBytes(int64(len(src)))
			for b.Loop() {
				doc, _ := jsondoc.Parse("rules.json", src)
				for _, e := range doc.Root.Elements() {
					if e.Pos().Line == 0 {
						b.Fatal("no position")
					}
				}
			}
		})
	}
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
