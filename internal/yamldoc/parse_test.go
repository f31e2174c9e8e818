package yamldoc_test

import (
	"fmt"
	"strings"
	"testing"

	"gatehouse/internal/jsondoc"
	"gatehouse/internal/yamldoc"
	"gatehouse/testkit/problemtest"
)

const example = `# comment
base: &base {cmd: npx, timeout: 300}
extensions:
  gh:
    <<: *base
    enabled: true
    args: [-y, 'no', "on"]
    envs: {A: no, B: 1_000, C: 0o17, D: 12, E: "12", F: ~, G: on, H: 1e3}
    timeout: 60
  "ключ": {type: stdio}
`

func TestParse_values(t *testing.T) {
	doc, problems := yamldoc.Parse("f.yaml", []byte(example))
	if doc == nil {
		t.Fatal(problemtest.Text(problems))
	}
	gh := doc.Root.Member("extensions").Member("gh")
	env := gh.Member("envs")
	for key, want := range map[string]string{"A": "no string", "B": "1_000 string", "C": "0o17 string", "D": "12 number", "E": "12 string", "F": " null", "G": "on string", "H": "1e3 number"} {
		if n := env.Member(key); n.Text()+" "+string(n.Kind) != strings.TrimLeft(want, "") {
			t.Errorf("%s: got %q %s, want %s", key, n.Text(), n.Kind, want)
		}
	}
	if gh.Member("cmd").Text() != "npx" || gh.Member("timeout").Text() != "60" {
		t.Errorf("got %q, %q; want what is merged, and what is said itself", gh.Member("cmd").Text(), gh.Member("timeout").Text())
	}
	if pos := doc.Root.Member("extensions").KeyPos("ключ"); pos.Line != 10 || pos.Column != 3 {
		t.Errorf("got %+v, want line 10, column 3", pos)
	}
	if doc, _ := yamldoc.Parse("f", []byte("# nothing\n")); doc == nil || doc.Root.Kind != jsondoc.KindObject {
		t.Error("an empty file: got no object, want one")
	}
}

// A few lines can stand for billions of values.
func TestParse_bombs_areRefused(t *testing.T) {
	var laughs strings.Builder
	laughs.WriteString("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n")
	for i := 1; i < 12; i++ {
		fmt.Fprintf(&laughs, "a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i-1), 10), ", "))
	}
	for name, src := range map[string]string{
		"laughs": laughs.String(), "deep": strings.Repeat("[", 5000), "itself": "a: &a [*a]\n", "itself merged": "a: &a\n  <<: *a\n",
		"not YAML": "a: [", "tabs": "a:\n\t- b\n", "large": strings.Repeat("#", 9<<20), "nested": "a: " + strings.Repeat("[", 100) + strings.Repeat("]", 100),
	} {
		if doc, problems := yamldoc.Parse("f.yaml", []byte(src)); doc != nil || len(problems) != 1 {
			t.Errorf("%s: got %v, want one problem", name, problems)
		}
	}
}

// FuzzParse reads any text: no panic, and a document or a problem.
func FuzzParse(f *testing.F) {
	f.Add([]byte(example))
	f.Add([]byte("a: &a [*a]\n"))
	f.Fuzz(func(t *testing.T, src []byte) {
		doc, problems := yamldoc.Parse("f", src)
		if (doc == nil) != jsondoc.HasErrors(problems) {
			t.Errorf("got a document: %v, and %v; want one of both", doc != nil, problems)
		}
	})
}
