package yamldoc_test

import (
	"testing"

	"gatehouse/internal/yamldoc"
)

var lines = []string{"x:", "  cmd: y"}

func TestSetAndRemove_changeNothingElse(t *testing.T) {
	for name, c := range map[string]struct{ src, want string }{
		"an empty file":        {"", "extensions:\n  x:\n    cmd: y\n"},
		"another key":          {"a: 1 # c\n", "a: 1 # c\nextensions:\n  x:\n    cmd: y\n"},
		"entries":              {"extensions:\n    a: {cmd: b}\n    # more\n    c:\n        cmd: d # e\n\n# about z\nz: 1\n", "extensions:\n    a: {cmd: b}\n    # more\n    c:\n        cmd: d # e\n    x:\n      cmd: y\n\n# about z\nz: 1\n"},
		"no line end":          {"extensions:\n  a:\n    cmd: b", "extensions:\n  a:\n    cmd: b\n  x:\n    cmd: y\n"},
		"empty braces":         {"extensions: {} # c\nz: 1\n", "extensions: # c\n  x:\n    cmd: y\nz: 1\n"},
		"nothing":              {"extensions:\nz: 1\n", "extensions:\n  x:\n    cmd: y\nz: 1\n"},
		"line ends of windows": {"extensions:\r\n  a:\r\n    cmd: b\r\n", "extensions:\r\n  a:\r\n    cmd: b\r\n  x:\r\n    cmd: y\r\n"},
		"what is there":        {"extensions:\n  x:\n    cmd: old\n  # about a\n  a: {}\n", "extensions:\n  # about a\n  a: {}\n  x:\n    cmd: y\n"},
	} {
		got, err := yamldoc.Set([]byte(c.src), "extensions", "x", false, lines)
		if err != nil || string(got) != c.want {
			t.Errorf("%s: got %v\n%q\nwant\n%q", name, err, got, c.want)
			continue
		}
		without, text, found := yamldoc.Remove(got, "extensions", "x", false)
		if !found {
			t.Errorf("%s: got nothing removed, want the entry", name)
		}
		if (name == "entries" || name == "line ends of windows") && string(without) != c.src {
			t.Errorf("%s: got\n%q\nwant\n%q", name, without, c.src)
		}
		if again, err := yamldoc.Append(without, "extensions", "x", false, text); err != nil || string(again) != c.want {
			t.Errorf("%s: got %v\n%q\nwant\n%q", name, err, again, c.want)
		}
	}
}

func TestSet_inAList(t *testing.T) {
	src := "name: l\nmcpServers:\n  - name: a\n    command: b\nmodels: []\n"
	got, err := yamldoc.Set([]byte(src), "mcpServers", "x", true, []string{"- name: x", "  command: y"})
	if want := "name: l\nmcpServers:\n  - name: a\n    command: b\n  - name: x\n    command: y\nmodels: []\n"; err != nil || string(got) != want {
		t.Errorf("got %v\n%s\nwant\n%s", err, got, want)
	}
	if without, _, found := yamldoc.Remove(got, "mcpServers", "x", true); !found || string(without) != src {
		t.Errorf("got\n%s\nwant\n%s", without, src)
	}
}

func TestSet_otherForms_areAnError(t *testing.T) {
	for _, src := range []string{"extensions: {a: {cmd: b}}\n", "{extensions: {}}\n", "a: &x {b: {c: d}}\nextensions: *x\n", "extensions: [a]\n", "- a\n", "a: ["} {
		if got, err := yamldoc.Set([]byte(src), "extensions", "x", false, lines); err == nil {
			t.Errorf("%q: got %q, want an error", src, got)
		}
	}
}

// YAML counts lines by more ends than LF: an edit by other numbers would hit
// somebody else's lines.
func TestSetAndRemove_oddLineEnds_changeNothing(t *testing.T) {
	for _, end := range []string{"\r", "\r\r", "\r\r\n", "\u0085", "\u2028", "\u2029"} {
		for _, src := range []string{end, "# c" + end + "extensions:\n  x:\n    cmd: y\nz: 1\n", "extensions:\n  x:\n    cmd: y\n  # c" + end + "  a:\n    cmd: b\n"} {
			if got, err := yamldoc.Set([]byte(src), "extensions", "x", false, lines); err == nil {
				t.Errorf("%q: got %q, want an error", src, got)
			}
			if got, _, found := yamldoc.Remove([]byte(src), "extensions", "x", false); found || string(got) != src {
				t.Errorf("%q: got %q, want it unchanged", src, got)
			}
		}
	}
}
