package shellword_test

import (
	"os/exec"
	"runtime"
	"testing"

	"gatehouse/internal/shellword"
)

func TestOf_quotesOnlyWhatMustBe(t *testing.T) {
	for word, want := range map[string]string{
		"files": "files", "a.b_c-1": "a.b_c-1", "": "''", "a b": "'a b'", "it's": `'it'\''s'`, "a$HOME": "'a$HOME'", "a;b": "'a;b'", "{a,b}": "'{a,b}'",
	} {
		if got := shellword.On("linux", word); got != want {
			t.Errorf("%q: got %s, want %s", word, got, want)
		}
	}
	for word, want := range map[string]string{
		"files": "files", "a b": `"a b"`, "": `""`, "a&b": `"a&b"`, `C:\my files`: `"C:\my files"`,
		`a"&echo x>y&rem "`: `"a?&echo x>y&rem ?"`, "a%OS%": `"a?OS?"`, "$(id)": `"?(id)"`, "a”;id": `"a?;id"`, "`id`": `"?id?"`,
	} {
		if got := shellword.On("windows", word); got != want {
			t.Errorf("on Windows, %q: got %s, want %s", word, got, want)
		}
	}
}

// What a shell makes of it is the word.
func TestOf_isOneWordToTheShell(t *testing.T) {
	shell, err := exec.LookPath("sh")
	if err != nil || runtime.GOOS == "windows" {
		t.Skip("there is no sh")
	}
	for _, word := range []string{"files", "", "a  b", "it's", "$HOME", "`id`", "a;b", "*", `a\b`, `"`, "a!b", "{a,b}", "~", "#a", "a&b|c>d"} {
		out, err := exec.CommandContext(t.Context(), shell, "-c", "printf %s "+shellword.Of(word)).Output()
		if err != nil || string(out) != word {
			t.Errorf("got %q %v, want %q", out, err, word)
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
