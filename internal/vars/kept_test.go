package vars_test

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/internal/jsondoc"
	"gatehouse/internal/vars"
	"gatehouse/testkit/problemtest"
)

func TestParseKept_lines(t *testing.T) {
	for name, c := range map[string]struct {
		src  string
		want []vars.Kept
	}{
		"an empty file":           {"", nil},
		"comments, blank lines":   {"# A B\n\n \t\r\n", nil},
		"white space around both": {"  A \t X1 \r\nB Y2", []vars.Kept{{Name: "A", Item: "X1"}, {Name: "B", Item: "Y2"}}},
	} {
		t.Run(name, func(t *testing.T) {
			got, problems := vars.ParseKept("k", []byte(c.src))
			if diff := cmp.Diff(c.want, got); diff != "" || len(problems) > 0 {
				t.Errorf("%s\nand %v, want no problem", diff, problems)
			}
		})
	}
}

func TestParseKept_eachMistakeIsSaidInWords(t *testing.T) {
	problemtest.EachFile(t, "kept-bad/*.keyring", func(t *testing.T, file string, src []byte) []jsondoc.Problem {
		list, problems := vars.ParseKept(file, src)
		if list != nil {
			t.Errorf("got %d variables of a file with errors, want none", len(list))
		}
		return problems
	})
}

// Whatever the bytes: no panic, positions inside the file, and what was read can be
// written so that it reads the same.
func FuzzParseKept(f *testing.F) {
	for _, src := range problemtest.Corpus(f, "kept-bad/*.keyring") {
		f.Add(src)
	}
	f.Add([]byte("\ufeff# x\nA X1\r\n\tB  Y2 \n"))
	f.Fuzz(func(t *testing.T, src []byte) {
		list, problems := vars.ParseKept("k", src)
		if !bytes.Contains(src, []byte("secret")) {
			problemtest.Check(t, src, problems)
		}
		again, problems := vars.ParseKept("k", vars.FormatKept(list))
		if diff := cmp.Diff(list, again); diff != "" || len(problems) > 0 {
			t.Errorf("written and read again: %s\nand %v, want the same", diff, problems)
		}
	})
}
