package shellword_test

import (
	"os/exec"
	"runtime"
	"testing"

	"gatehouse/internal/shellword"
)

func TestOf_quotesOnlyWhatMustBe(t *testing.T) {
	for word, want := range map[string]string{
		"files": "files", "a.b_c-1": "a.b_c-1", "": "''", "a b": "'a b'", "it's": `'it'\''s'`, `a\b`: `'a'\\'b'`, "=a": "'=a'", "a=b": "a=b", "-x": "-x", "a$HOME": "'a$HOME'", "a;b": "'a;b'", "{a,b}": "'{a,b}'",
	} {
		if got := shellword.On("linux", word); got != want {
			t.Errorf("%q: got %s, want %s", word, got, want)
		}
	}
	for word, want := range map[string]string{
		"files": "files", "a b": `"a b"`, "": `""`, "a&b": `"a&b"`, `C:\my files`: `"C:\my files"`,
		`a"&echo x>y&rem "`: `"a?&echo x>y&rem ?"`, "a%OS%": `"a?OS?"`, "$(id)": `"?(id)"`, "a”;id": `"a?;id"`, "`id`": `"?id?"`, "-x.y": `"-x.y"`, "a-b": "a-b",
	} {
		if got := shellword.On("windows", word); got != want {
			t.Errorf("on Windows, %q: got %s, want %s", word, got, want)
		}
	}
}

// What each shell makes of it is the word: fish takes some backslashes within single
// quotes for its own, and zsh puts a path in the place of =a.
func TestOf_isOneWordToTheShell(t *testing.T) {
	for _, shell := range []string{"sh", "bash", "zsh", "fish"} {
		t.Run(shell, func(t *testing.T) {
			path, err := exec.LookPath(shell)
			if err != nil || runtime.GOOS == "windows" {
				t.Skip("there is no " + shell)
			}
			for _, word := range []string{"files", "", "a  b", "it's", "$HOME", "`id`", "a;b", "*", `a\b`, `a\\b`, `a\`, `\'`, `'\`, `"`, "a!b", "{a,b}", "~", "#a", "a&b|c>d", "=ls", "^a^b", "%self", "a=~"} {
				out, err := exec.CommandContext(t.Context(), path, "-c", "printf %s "+shellword.Of(word)).Output()
				if err != nil || string(out) != word {
					t.Errorf("got %q %v, want %q", out, err, word)
				}
			}
		})
	}
}

func TestCommand_saysOfANameThatItIsNoFlag(t *testing.T) {
	for _, c := range []struct {
		flags string
		names []string
		want  string
	}{
		{"", []string{"db"}, "gatehouse x db"},
		{"--live", []string{"a", "db", "read"}, "gatehouse x a db read --live"},
		{"", []string{"-x"}, "gatehouse x -- -x"},
		{"--live", []string{"a", "db", "--live"}, "gatehouse x --live -- a db --live"},
		{"", []string{"--"}, "gatehouse x -- --"},
		{"--live", nil, "gatehouse x --live"},
	} {
		if got := shellword.Command("gatehouse x", c.flags, c.names...); got != c.want && runtime.GOOS != "windows" {
			t.Errorf("%q with %q: got %s, want %s", c.names, c.flags, got, c.want)
		}
	}
}

func TestWithVariables_leavesThemAsTheyAre(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("shells there take them for their own")
	}
	if got, want := shellword.WithVariables("--key=${KEY}"), "--key=${KEY}"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
