package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"gatehouse/testkit"
)

func TestCompletion_offersServersAndToolsNeverFiles(t *testing.T) {
	t.Parallel()
	g, a := begin(t, testkit.Servers{"db": testkit.Fake(t, "--tools", "query"), "files": testkit.Fake(t)})
	pidOf(t, a, "db")
	const noFiles = ":4"
	for _, c := range []struct {
		args    []string
		want    []string
		wantNot string
	}{
		{[]string{"restart", ""}, []string{"db", "files"}, ""},
		{[]string{"status", ""}, []string{"db", "files"}, ""},
		{[]string{"hold", ""}, []string{"db", "files"}, ""},
		{[]string{"release", ""}, []string{"db", "files"}, ""},
		{[]string{"tools", ""}, []string{"db", "files"}, ""},
		{[]string{"logs", "--server", ""}, []string{"db", "files"}, ""},
		{[]string{"call", ""}, []string{"db", "files"}, ""},
		{[]string{"call", "db", ""}, []string{"query"}, "files"},
		{[]string{"explain", "a", ""}, []string{"db", "files"}, ""},
		{[]string{"explain", "a", "db", ""}, []string{"query"}, "files"},
		{[]string{"find", "--agent", ""}, []string{"a\n"}, "files"},
		{[]string{"call", "--agent", ""}, []string{"a\n"}, "files"},
		{[]string{"explain", ""}, []string{"a\n"}, "files"},
		{[]string{"connect", "cursor", "--surface", ""}, []string{"gate\n", "all\n", "server:db", "server:files"}, ""},
		{[]string{"restart", "db", ""}, nil, "files"},
		{[]string{"reload", ""}, nil, "files"},
		{[]string{"init", ""}, nil, "files"},
	} {
		r := operate(t, g, append([]string{"__complete"}, c.args...)...)
		for _, want := range append(c.want, noFiles) {
			if !strings.Contains(r.out, want) {
				t.Errorf("%q: nothing offers %q in\n%s", c.args, want, r.out)
			}
		}
		if c.wantNot != "" && strings.Contains(r.out, c.wantNot) {
			t.Errorf("%q: got %q, which must not be in\n%s", c.args, c.wantNot, r.out)
		}
	}
}

// A name that begins with a dash is one only after --, and commands take it there.
func TestCompletion_ofANameWithADash_offersItAfterTwoDashes(t *testing.T) {
	t.Parallel()
	g, _ := begin(t, testkit.Servers{"db": testkit.Fake(t), "-x": testkit.Fake(t)})
	for _, c := range []struct {
		args []string
		want bool
	}{
		{[]string{"restart", ""}, false},
		{[]string{"restart", "-"}, false},
		{[]string{"restart", "--", "-"}, true},
		{[]string{"explain", "a", ""}, false},
		{[]string{"move", ""}, false},
		{[]string{"logs", "--server", ""}, true},
	} {
		r := operate(t, g, append([]string{"__complete"}, c.args...)...)
		if got := strings.Contains("\n"+r.out, "\n-x\t"); got != c.want {
			t.Errorf("%q: it is offered: %t, want %t, in\n%s", c.args, got, c.want, r.out)
		}
	}
	operate(t, g, "restart", "--", "-x").want(t, exitFine)
}

// What shells are told: offer nothing but what was printed, files, or folders.
const (
	offerNothingElse = "\n:4\n"
	offerFiles       = "\n:0\n"
	offerFolders     = "\n:16\n"
)

// Wherever the line ends, files are offered only where one fits.
func TestCompletion_ofEveryWordAndFlag_offersFilesOnlyWhereTheyFit(t *testing.T) {
	freshHome(t)
	offers := func(words ...string) string {
		return "\n" + atHome(t, append([]string{"__complete"}, words...)...).out
	}
	files := map[string]bool{"FILE": true, "NEW_RULES": true}
	everyCommand(newRoot(), func(cmd *cobra.Command) {
		path := strings.Fields(cmd.CommandPath())[1:]
		if cmd.Name() == "__complete" || cmd.Name() == "help" || cmd.HasSubCommands() {
			return
		}
		words := append(wordsOf(cmd), "")
		for i, word := range words {
			want := offerNothingElse
			if name := strings.Trim(word, "[]."); files[name] || word == "" && i > 0 && strings.HasSuffix(words[i-1], "...") && files[strings.Trim(words[i-1], "[].")] {
				want = offerFiles
			} else if name == "DIR" {
				want = offerFolders
			}
			line := slices.Concat(path, slices.Repeat([]string{"x"}, i), []string{""})
			if got := offers(line...); !strings.Contains(got, want) {
				t.Errorf("%q: got %q, want %q", line, got, want)
			}
		}
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			want := offerNothingElse
			switch {
			case f.Value.Type() == "bool":
				return
			case strings.Contains(flagName(f), " FILE"):
				want = offerFiles
			case strings.Contains(flagName(f), " DIR"):
				want = offerFolders
			}
			if got := offers(append(path, "--"+f.Name, "")...); !strings.Contains(got, want) {
				t.Errorf("%s --%s: got %q, want %q", cmd.CommandPath(), f.Name, got, want)
			}
		})
	})
	for line, want := range map[string]string{"run --transport": "stdio", "logs --level": "warn", "status --color": "never", "run --audit-mode": "strict", "demo-server": "clock"} {
		if got := offers(append(strings.Fields(line), "")...); !strings.Contains(got, want) {
			t.Errorf("%s: got %q, want %s among it", line, got, want)
		}
	}
}

// Of all programs only these can be disconnected.
func TestCompletion_ofDisconnect_offersProgramsThatAreConnected(t *testing.T) {
	connectedHome(t)
	offered := func() string { return atHome(t, "__complete", "disconnect", "").out }
	if got := offered(); got != ":4\n" {
		t.Errorf("got %q, want no program", got)
	}
	atHome(t, "connect", "cursor").want(t, exitFine)
	if got := offered(); got != "cursor\tCursor\n:4\n" {
		t.Errorf("got %q, want Cursor", got)
	}
}

func TestCompletion_ofAnAgent_offersThoseOfTheRules(t *testing.T) {
	freshHome(t)
	file := written(t, "rules.json", explainRules)
	for _, words := range [][]string{
		{"explain", "--rules", file, ""}, {"run", "--rules", file, "--agent", ""},
	} {
		if got := atHome(t, append([]string{"__complete"}, words...)...).out; !strings.HasPrefix(got, "a\ndefault\n:4\n") {
			t.Errorf("%q: got %q, want a and default", words, got)
		}
	}
}
