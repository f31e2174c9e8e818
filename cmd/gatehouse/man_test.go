package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

func TestMan_hasAPageForEachCommand(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "man")
	atHome(t, "man", dir).want(t, exitFine)
	known := regexp.MustCompile(`^\.(TH|SH|TP|B|BR|PP|nf|fi|br)( |\n)`)
	n := 0
	everyCommand(newRoot(), func(cmd *cobra.Command) {
		for c := cmd; c.HasParent(); c = c.Parent() {
			if !c.IsAvailableCommand() {
				return
			}
		}
		n++
		text := readText(t, filepath.Join(dir, manName(cmd)+".1"))
		for _, want := range []string{".SH NAME\n", ".SH SYNOPSIS\n", ".SH DESCRIPTION\n", ".SH OPTIONS\n"} {
			if !strings.Contains(text, want) {
				t.Errorf("%s: got no %q in its page, want it", cmd.CommandPath(), want)
			}
		}
		for l := range strings.Lines(text) {
			if (l[0] == '.' || l[0] == '\'') && !known.MatchString(l) {
				t.Errorf("%s: got the instruction %q, want one that the page means", cmd.CommandPath(), l)
			}
		}
	})
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != n {
		t.Errorf("got %d pages, %v, want %d", len(files), err, n)
	}
}

func TestMan_textThatLooksLikeInstructions_isText(t *testing.T) {
	for text, want := range map[string]string{".SH x": `\&.SH x`, "'x": `\&'x`, `a\fBb`: `a\efBb`, "--flag": `\-\-flag`} {
		if got := roff(text); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// Where there is a formatter, it has nothing to complain of.
func TestMan_isSetWithoutAComplaint(t *testing.T) {
	groff, err := exec.LookPath("groff")
	if err != nil {
		t.Skip("groff is not here")
	}
	var all strings.Builder
	for _, text := range manual(newRoot()) {
		all.WriteString(text)
	}
	cmd := exec.Command(groff, "-man", "-ww", "-z")
	cmd.Stdin = strings.NewReader(all.String())
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("got %v: %s, want no complaint", err, out)
	}
}
