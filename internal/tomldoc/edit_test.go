package tomldoc_test

import (
	"testing"

	"gatehouse/internal/tomldoc"
)

func TestSetAndRemove_changeNothingElse(t *testing.T) {
	path := []string{"mcp_servers", "x"}
	for name, c := range map[string]struct{ src, want string }{
		"an empty file":        {"", "[mcp_servers.x]\na = 1\n"},
		"comments":             {"# one\nm = 'y' # two\n[mcp_servers.a]\n# three\nc = 1", "# one\nm = 'y' # two\n[mcp_servers.a]\n# three\nc = 1\n\n[mcp_servers.x]\na = 1\n"},
		"line ends of windows": {"m = 1\r\n", "m = 1\r\n\r\n[mcp_servers.x]\r\na = 1\r\n"},
		"what is there":        {"[mcp_servers.x]\nb = 1\n[mcp_servers.x.env]\nE = 1\n\n# about a\n[mcp_servers.a]\nc = 1\n", "\n# about a\n[mcp_servers.a]\nc = 1\n\n[mcp_servers.x]\na = 1\n"},
	} {
		got, err := tomldoc.Set([]byte(c.src), path, "a = 1\n")
		if err != nil || string(got) != c.want {
			t.Errorf("%s: got %v\n%q\nwant\n%q", name, err, got, c.want)
			continue
		}
		without, text, found := tomldoc.Remove(got, path)
		if !found || text == "" {
			t.Errorf("%s: got nothing removed, want the table", name)
		}
		if name == "line ends of windows" && string(without) != c.src {
			t.Errorf("%s: got\n%q\nwant\n%q", name, without, c.src)
		}
		again, err := tomldoc.Append(without, text, path)
		if _, _, found := tomldoc.Remove(again, path); err != nil || !found {
			t.Errorf("%s: got %v\n%q\nwant the table again", name, err, again)
		}
	}
}

func TestSet_otherForms_areAnError(t *testing.T) {
	for _, src := range []string{"mcp_servers = {a = {command = 'x'}}\n", "[mcp_servers]\nx = {a = 1}\n", "mcp_servers.x.a = 1\n", "a = [", "[a]\r"} {
		if got, err := tomldoc.Set([]byte(src), []string{"mcp_servers", "x"}, "a = 1\n"); err == nil {
			t.Errorf("%q: got %q, want an error", src, got)
		}
		if _, _, found := tomldoc.Remove([]byte(src), []string{"mcp_servers", "x"}); found {
			t.Errorf("%q: got it removed, want it to stay", src)
		}
	}
}
