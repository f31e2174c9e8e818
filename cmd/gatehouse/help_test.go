package main

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"gatehouse/internal/terminal"
)

// everyCommand visits the program and all its commands.
func everyCommand(cmd *cobra.Command, visit func(*cobra.Command)) {
	visit(cmd)
	for _, c := range cmd.Commands() {
		everyCommand(c, visit)
	}
}

func TestHelp_ofEveryCommand_isForPeople(t *testing.T) {
	flag := regexp.MustCompile(`(?m)^ +(?:-\w, )?--([a-z-]+)`)
	everyCommand(newRoot(), func(cmd *cobra.Command) {
		text := helpText(cmd, 0)
		for _, wrong := range []string{"[=", "stringArray", "duration", "strings  ", "Global Flags", " \n"} {
			if strings.Contains(text, wrong) {
				t.Errorf("%s: got %q in its help, want none:\n%s", cmd.CommandPath(), wrong, text)
			}
		}
		seen := map[string]bool{}
		for _, m := range flag.FindAllStringSubmatch(text, -1) {
			if seen[m[1]] {
				t.Errorf("%s: got --%s twice in its help, want it once", cmd.CommandPath(), m[1])
			}
			seen[m[1]] = true
		}
		if !seen["help"] {
			t.Errorf("%s: got the flags %v, want --help among them", cmd.CommandPath(), seen)
		}
	})
	if text := helpText(newRoot(), 0); strings.Contains(text, "--mcp-config") || !strings.Contains(text, "gatehouse run --help") {
		t.Errorf("got the help\n%s\nwant the flags of run to be shown there, and the help to say so", text)
	}
}

func TestHelp_isAsWideAsTheTerminal(t *testing.T) {
	for _, columns := range []int{200, 80, 40} {
		root := newRoot()
		run, _, err := root.Find([]string{"run"})
		if err != nil {
			t.Fatal(err)
		}
		_, flags, _ := strings.Cut(helpText(run, columns), "Flags:\n")
		for l := range strings.Lines(flags) {
			if got := terminal.Width(strings.TrimSpace(l)); got > columns {
				t.Errorf("got %d columns, want at most %d: %s", got, columns, l)
			}
		}
	}
}

// What an example says can be typed: the command and its flags are there.
func TestHelp_ofEveryCommand_hasExamplesThatAreRight(t *testing.T) {
	everyCommand(newRoot(), func(cmd *cobra.Command) {
		if !cmd.Runnable() || cmd.Hidden || cmd.HasSubCommands() && cmd.HasParent() {
			return
		}
		for l := range strings.SplitSeq(exampleOf(cmd), "\n") {
			if !strings.HasPrefix(l, "  gatehouse ") && !strings.HasPrefix(l, "  claude ") {
				t.Errorf("%s: got the example %q, want a command set in by two spaces", cmd.CommandPath(), l)
			}
			text, _, _ := strings.Cut(strings.TrimSpace(l), "   ")
			_, text, found := strings.Cut(text, "gatehouse ")
			if strings.HasPrefix(text, "-- gatehouse ") {
				_, text, found = strings.Cut(text, "gatehouse ")
			}
			if !found {
				t.Errorf("%s: got the example %q, want one that begins with the program", cmd.CommandPath(), l)
				continue
			}
			words := strings.Fields(strings.NewReplacer(`"the disk is full"`, "x", `'{"sql": "select 1"}'`, "{}", " > ", " | ").Replace(text))
			if i := slices.Index(words, "|"); i >= 0 {
				words = words[:i]
			}
			of, rest, err := newRoot().Find(words)
			if err != nil {
				t.Errorf("%s: got the example %q: %v, want one that can be typed", cmd.CommandPath(), l, err)
				continue
			}
			if err := of.ParseFlags(rest); err != nil {
				t.Errorf("%s: got the example %q: %v, want flags that there are", cmd.CommandPath(), l, err)
			}
		}
		if !strings.Contains(helpText(cmd, 0), "\nExamples:\n") {
			t.Errorf("%s: got no examples in its help, want some", cmd.CommandPath())
		}
	})
}
