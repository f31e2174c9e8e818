package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"gatehouse/internal/terminal"
)

func newHelpCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND] [COMMAND]",
		Short: "Show what a command does, and its flags",
		ValidArgsFunction: func(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
			var names []cobra.Completion
			if of, _, err := cmd.Root().Find(args); err == nil {
				for _, c := range of.Commands() {
					if c.IsAvailableCommand() {
						names = append(names, cobra.CompletionWithDesc(c.Name(), c.Short))
					}
				}
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			of, rest, err := cmd.Root().Find(args)
			if err == nil && len(rest) == 0 {
				return of.Help()
			}
			return noSuchCommand(cmd.Root(), args)
		},
	}
}

// showHelp writes all about one command, as wide as the terminal.
func showHelp(cmd *cobra.Command, _ []string) {
	size, _ := terminal.Of(cmd.OutOrStdout())
	_, _ = io.WriteString(cmd.OutOrStdout(), helpText(cmd, size.Columns)) // Nobody is left to be told.
}

func helpText(cmd *cobra.Command, columns int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\nUsage:\n", strings.TrimSpace(cmp.Or(cmd.Long, cmd.Short)))
	if cmd.Runnable() && (!cmd.HasSubCommands() || !cmd.HasParent()) {
		fmt.Fprintf(&b, "  %s\n", cmd.UseLine())
	}
	if cmd.HasAvailableSubCommands() {
		fmt.Fprintf(&b, "  %s COMMAND\n\nCommands:\n", cmd.CommandPath())
		var rows [][2]string
		for _, c := range cmd.Commands() {
			if c.IsAvailableCommand() {
				rows = append(rows, [2]string{c.Name(), c.Short})
			}
		}
		writeRows(&b, rows, columns)
	}
	if text := exampleOf(cmd); text != "" {
		b.WriteString("\nExamples:\n" + text + "\n")
	}
	b.WriteString("\nFlags:\n")
	writeRows(&b, flagRows(cmd), columns)
	if !cmd.HasParent() {
		b.WriteString("\nWithout a command, gatehouse takes the flags of \"gatehouse run\": see \"gatehouse run --help\".\n")
	}
	return b.String()
}

// flagRows are the flags of a command, those included that all commands have.
// Those that the program shares with run are shown there.
func flagRows(cmd *cobra.Command) (rows [][2]string) {
	elsewhere := map[string]bool{}
	if !cmd.HasParent() {
		if runs, _, err := cmd.Find([]string{"run"}); err == nil {
			runs.NonInheritedFlags().VisitAll(func(f *pflag.Flag) { elsewhere[f.Name] = f.Name != "help" })
		}
	}
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden && !elsewhere[f.Name] {
			rows = append(rows, [2]string{flagName(f), flagText(f)})
		}
	})
	return rows
}

// valueNames are what the values of flags are called, by their type in the
// library.
var valueNames = map[string]string{
	"bool": "", "string": "TEXT", "strings": "TEXT,...", "stringSlice": "TEXT,...", "stringArray": "TEXT",
	"int": "N", "duration": "TIME", "when": "WHEN",
}

func flagName(f *pflag.Flag) string {
	name := "    --" + f.Name
	if f.Shorthand != "" {
		name = "-" + f.Shorthand + ", --" + f.Name
	}
	value, known := valueNames[f.Value.Type()]
	switch quoted, _ := pflag.UnquoteUsage(f); {
	case strings.Contains(f.Usage, "`") || !known:
		value = quoted
	case slices.Contains(fileFlags, f.Name):
		value = "FILE"
	case slices.Contains(folderFlags, f.Name):
		value = "DIR"
	}
	return strings.TrimRight(name+" "+value, " ")
}

func flagText(f *pflag.Flag) string {
	_, text := pflag.UnquoteUsage(f)
	switch f.DefValue {
	case "", "[]", "false", "0", "0s":
		return text
	}
	return text + " (default " + f.DefValue + ")"
}

// writeRows writes two columns. What does not fit goes on below itself.
func writeRows(b *strings.Builder, rows [][2]string, columns int) {
	const indent, gap, least = 2, 2, 30
	width := 0
	for _, row := range rows {
		width = max(width, terminal.Width(row[0]))
	}
	left := indent + width + gap
	if columns > 0 && columns-left < least {
		left = indent + 2*gap // Too narrow for columns: the text stands below.
	}
	for _, row := range rows {
		head := strings.Repeat(" ", indent) + row[0]
		if terminal.Width(head)+gap > left {
			b.WriteString(head + "\n")
			head = ""
		}
		for _, text := range terminal.Wrap(row[1], max(0, columns-left)) {
			b.WriteString(terminal.Pad(head, left, false) + text + "\n")
			head = ""
		}
	}
}
