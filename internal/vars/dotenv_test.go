package vars_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/internal/jsondoc"
	"gatehouse/internal/vars"
	"gatehouse/testkit/problemtest"
)

func TestParseDotenv_values(t *testing.T) {
	cases := map[string]struct {
		src  string
		want map[string]string
	}{
		"an empty file":                   {"", map[string]string{}},
		"comments and blank lines":        {"# a\n\n  # b=c\n \t \r\n", map[string]string{}},
		"a plain value":                   {"A=b", map[string]string{"A": "b"}},
		"an empty value":                  {"A=\nB=\"\"\nC=''", map[string]string{"A": "", "B": "", "C": ""}},
		"export and indentation":          {"  export A=b\n\texport\tC=d\nexport  E=f", map[string]string{"A": "b", "C": "d", "E": "f"}},
		"a variable named export":         {"export=1\nexport =2x", map[string]string{"export": "2x"}},
		"white space around both":         {"A  =  b c  \n", map[string]string{"A": "b c"}},
		"windows line ends":               {"A=b\r\nC=\"d\"\r\n", map[string]string{"A": "b", "C": "d"}},
		"a byte order mark":               {"\ufeffA=b", map[string]string{"A": "b"}},
		"= in a value":                    {"A=b=c==", map[string]string{"A": "b=c=="}},
		"a comment after a value":         {"A=b # c\nB=b#c\nC=#d\nD= # e", map[string]string{"A": "b", "B": "b#c", "C": "#d", "D": ""}},
		"a comment after a quote":         {"A=\"b # c\" # d\nB='x'#y", map[string]string{"A": "b # c", "B": "x"}},
		"escapes in double quotes":        {`A="a\n\t\r\"\\ \x \$"`, map[string]string{"A": "a\n\t\r\"\\ \\x \\$"}},
		"no escapes in single quotes":     {`A='a\n"\'`, map[string]string{"A": `a\n"\`}},
		"other quotes inside":             {`A="it's"` + "\n" + `B=it's`, map[string]string{"A": "it's", "B": "it's"}},
		"nothing is expanded":             {"A=${B}$C`d`", map[string]string{"A": "${B}$C`d`"}},
		"white space inside quotes stays": {`A="  b  "`, map[string]string{"A": "  b  "}},
		"wide characters":                 {"A=ключ🎌", map[string]string{"A": "ключ🎌"}},
		"names with digits and _":         {"_A1=b", map[string]string{"_A1": "b"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got, problems := vars.ParseDotenv(".env", []byte(c.src))
			if jsondoc.HasErrors(problems) {
				t.Fatal(problemtest.Text(problems))
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestParseDotenv_theLastOfTwoCounts(t *testing.T) {
	got, problems := vars.ParseDotenv(".env", []byte("A=1\nA=2"))
	if diff := cmp.Diff(map[string]string{"A": "2"}, got); diff != "" {
		t.Error(diff)
	}
	if len(problems) != 1 || problems[0].Severity != jsondoc.Warning {
		t.Errorf("got %v, want one warning", problems)
	}
}

// Whatever the bytes: no panic, positions inside the file, and what was read
// can be written so that it reads the same.
func FuzzParseDotenv(f *testing.F) {
	for _, src := range problemtest.Corpus(f, "dotenv-bad/*.env") {
		f.Add(src)
	}
	f.Add([]byte("\ufeffexport A = \"x\\n\\\\\" # c\r\nB='y'\r\nC=z#1 #2\n"))
	escape := strings.NewReplacer("\\", `\\`, `"`, `\"`, "\n", `\n`, "\r", `\r`, "\t", `\t`)
	f.Fuzz(func(t *testing.T, src []byte) {
		values, problems := vars.ParseDotenv(".env", src)
		if !bytes.Contains(src, []byte("secret")) {
			problemtest.Check(t, src, problems)
		}
		for name, value := range values {
			line := fmt.Sprintf("export %s=\"%s\"", name, escape.Replace(value))
			again, problems := vars.ParseDotenv(".env", []byte(line))
			if len(problems) > 0 || again[name] != value || len(again) != 1 {
				t.Errorf("%q reads as %q: %v, want %q", line, again[name], problems, value)
			}
		}
	})
}

func TestParseDotenv_tooLarge_isSaidOfTheFileAsAWhole(t *testing.T) {
	values, problems := vars.ParseDotenv(".env", make([]byte, jsondoc.MaxFileBytes+1))
	if len(problems) != 1 || problems[0].Code != "file-too-large" || problems[0].Line != 0 || values != nil {
		t.Errorf("got %v, want one problem %s of the whole file", problems, "file-too-large")
	}
}
