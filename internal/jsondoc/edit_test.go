package jsondoc_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"gatehouse/internal/jsondoc"
)

const added = `{"command":"/bin/x","args":["a","b"]}`

func TestSet_changesNothingElse(t *testing.T) {
	cases := map[string]struct{ src, want string }{
		"an empty file":        {"", "{\n  \"s\": {\n    \"x\": {\n      \"command\": \"/bin/x\",\n      \"args\": [\"a\", \"b\"]\n    }\n  }\n}\n"},
		"an empty object":      {"{}", "{\n  \"s\": {\n    \"x\": {\n      \"command\": \"/bin/x\",\n      \"args\": [\"a\", \"b\"]\n    }\n  }\n}"},
		"a line":               {`{"s": {"a": 1}}`, `{"s": {"a": 1, "x": {"command": "/bin/x", "args": ["a", "b"]}}}`},
		"an empty inner one":   {"{\n\t\"s\": {}\n}\n", "{\n\t\"s\": {\n\t\t\"x\": {\n\t\t\t\"command\": \"/bin/x\",\n\t\t\t\"args\": [\"a\", \"b\"]\n\t\t}\n\t}\n}\n"},
		"comments stay":        {"{\n  // one\n  \"s\": {\n    \"a\": 1 // two\n    // three\n  } /* four */\n}\n", "{\n  // one\n  \"s\": {\n    \"a\": 1, // two\n    // three\n    \"x\": {\n      \"command\": \"/bin/x\",\n      \"args\": [\"a\", \"b\"]\n    }\n  } /* four */\n}\n"},
		"a comma at the end":   {"{\n  \"s\": {\n    \"a\": 1,\n  },\n}\n", "{\n  \"s\": {\n    \"a\": 1,\n    \"x\": {\n      \"command\": \"/bin/x\",\n      \"args\": [\"a\", \"b\"]\n    },\n  },\n}\n"},
		"line ends of windows": {"\ufeff{\r\n  \"s\": {\r\n    \"a\": 1\r\n  }\r\n}\r\n", "\ufeff{\r\n  \"s\": {\r\n    \"a\": 1,\r\n    \"x\": {\r\n      \"command\": \"/bin/x\",\r\n      \"args\": [\"a\", \"b\"]\r\n    }\r\n  }\r\n}\r\n"},
		"what is there":        {"{\n  \"s\": {\n    \"x\": 1,\n    \"b\": 2\n  }\n}", "{\n  \"s\": {\n    \"x\": {\n      \"command\": \"/bin/x\",\n      \"args\": [\"a\", \"b\"]\n    },\n    \"b\": 2\n  }\n}"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := jsondoc.Set([]byte(c.src), []string{"s"}, "x", json.RawMessage(added))
			if err != nil || string(got) != c.want {
				t.Fatalf("got %v\n%s\nwant\n%s", err, got, c.want)
			}
			without, value, found := jsondoc.Remove(got, []string{"s"}, "x")
			if !found || !strings.Contains(string(value), "/bin/x") {
				t.Errorf("removed: got %v %s, want what was set", found, value)
			}
			if name != "what is there" && c.src != "" && strings.Contains(c.src, `"a"`) && string(without) != c.src {
				t.Errorf("removed again: got\n%s\nwant\n%s", without, c.src)
			}
		})
	}
}

func TestSet_whatIsNoObject_isAnError(t *testing.T) {
	for _, src := range []string{`{"s": []}`, `[]`, `{"s": 1}`, `{"s": {}`, `{'s': {}}`} {
		if got, err := jsondoc.Set([]byte(src), []string{"s"}, "x", json.RawMessage(`1`)); err == nil {
			t.Errorf("%s: got %s, want an error", src, got)
		}
	}
}

func TestAppend(t *testing.T) {
	for src, want := range map[string]string{
		`{"a": {"l": ["x"]}}`: `{"a": {"l": ["x", "y"]}}`,
		`{"a": {"l": []}}`:    "{\"a\": {\"l\": [\n  \"y\"\n]}}",
		`{"a": {}}`:           "{\"a\": {\n  \"l\": [\"y\"]\n}}",
		"{\"a\": {\"l\": [\n  \"x\", // why\n]}}":   "{\"a\": {\"l\": [\n  \"x\", // why\n  \"y\",\n]}}",
		"{\n  \"a\": {\"l\": [\n    \"x\"\n  ]}\n}": "{\n  \"a\": {\"l\": [\n    \"x\",\n    \"y\"\n  ]}\n}",
	} {
		got, err := jsondoc.Append([]byte(src), []string{"a", "l"}, json.RawMessage(`"y"`))
		if err != nil || string(got) != want {
			t.Errorf("%s: got %v %s, want %s", src, err, got, want)
		}
	}
}

func TestRemove_leavesTheOthers(t *testing.T) {
	for src, want := range map[string]string{
		`{"s": {"x": 1, "b": 2}}`: `{"s": {"b": 2}}`,
		`{"s": {"a": 1, "x": 2}}`: `{"s": {"a": 1}}`,
		`{"s": {"x": 1}}`:         `{"s": {}}`,
		"{\"s\": {\n  // about a\n  \"a\": 1,\n  // about x\n  \"x\": {\n    \"c\": 1\n  },\n  \"b\": 2\n}}": "{\"s\": {\n  // about a\n  \"a\": 1,\n  // about x\n  \"b\": 2\n}}",
		`{"s": {"a": 1}}`: `{"s": {"a": 1}}`,
	} {
		got, _, _ := jsondoc.Remove([]byte(src), []string{"s"}, "x")
		if string(got) != want {
			t.Errorf("%s: got %s, want %s", src, got, want)
		}
	}
}

// FuzzSet puts a member into any file and takes it out again: what was there
// stays.
func FuzzSet(f *testing.F) {
	f.Add([]byte("{\n  // c\n  \"s\": {\"a\": [1, 2,], },\n}\n"), "x")
	f.Add([]byte(`{"s": {}}`), "s")
	f.Fuzz(func(t *testing.T, src []byte, key string) {
		before, problems := jsondoc.ParseForeign("f", src)
		if before == nil || len(problems) > 0 || before.Root.Kind != jsondoc.KindObject {
			return
		}
		if s := before.Root.Member("s"); s == nil || s.Kind != jsondoc.KindObject || s.Member(key) != nil {
			return
		}
		got, err := jsondoc.Set(src, []string{"s"}, key, json.RawMessage(added))
		if !utf8.ValidString(key) {
			if err == nil {
				t.Fatalf("%q: got %q, want an error", key, got)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		after, problems := jsondoc.ParseForeign("f", got)
		if after == nil || len(problems) > 0 {
			t.Fatalf("%q: got %q, which does not parse: %v; want JSON", src, got, problems)
		}
		members, old := after.Root.Member("s").Members(), before.Root.Member("s").Members()
		if len(members) != len(old)+1 || members[len(old)].Key != key {
			t.Fatalf("%q: got %q, want one member more", src, got)
		}
		back, _, found := jsondoc.Remove(got, []string{"s"}, key)
		if again, problems := jsondoc.ParseForeign("f", back); !found || again == nil || len(problems) > 0 || len(again.Root.Member("s").Members()) != len(old) {
			t.Fatalf("%q: got %q without it, want what was there", src, back)
		}
	})
}
