package main

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
)

// newManCommand writes the manual. It is hidden: packages bring the pages.
func newManCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "man DIR",
		Short:  "Write the manual's pages, one for each command, into a folder",
		Hidden: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := os.MkdirAll(args[0], 0o755); err != nil { //nolint:gosec // Anybody may read a manual.
				return failed(fmt.Errorf("cannot make the folder %s: %w", args[0], reasonOf(err)))
			}
			for name, text := range manual(cmd.Root()) {
				if err := os.WriteFile(filepath.Join(args[0], name), []byte(text), 0o644); err != nil { //nolint:gosec // Likewise.
					return failed(fmt.Errorf("cannot write %s: %w", filepath.Join(args[0], name), reasonOf(err)))
				}
			}
			return nil
		},
	}
}

// manual returns a page for each command that people see, by file name. The same
// program always returns the same.
func manual(cmd *cobra.Command) map[string]string {
	pages := map[string]string{}
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			maps.Copy(pages, manual(c))
		}
	}
	pages[manName(cmd)+".1"] = manPage(cmd)
	return pages
}

func manName(cmd *cobra.Command) string { return strings.ReplaceAll(cmd.CommandPath(), " ", "-") }

func manPage(cmd *cobra.Command) string {
	var b strings.Builder
	b.WriteString(".TH " + roffWord(strings.ToUpper(manName(cmd))) + ` 1 "" ` + roffWord("gatehouse "+version()) + ` "User Commands"` + "\n")
	b.WriteString(".SH NAME\n" + roff(manName(cmd)) + ` \- ` + roff(cmd.Short) + "\n")
	b.WriteString(".SH SYNOPSIS\n")
	if cmd.Runnable() && (!cmd.HasSubCommands() || !cmd.HasParent()) {
		b.WriteString(".B " + roff(cmd.UseLine()) + "\n.br\n")
	}
	if cmd.HasAvailableSubCommands() {
		b.WriteString(".B " + roff(cmd.CommandPath()+" COMMAND") + "\n")
	}
	b.WriteString(".SH DESCRIPTION\n" + roffText(cmp.Or(cmd.Long, cmd.Short)))
	manCommands(&b, cmd)
	if text := exampleOf(cmd); text != "" {
		b.WriteString(".SH EXAMPLES\n.nf\n" + roffLines(text) + ".fi\n")
	}
	b.WriteString(".SH OPTIONS\n")
	for _, row := range flagRows(cmd) {
		b.WriteString(".TP\n.B " + roff(strings.TrimSpace(row[0])) + "\n" + roff(row[1]) + "\n")
	}
	b.WriteString(".SH EXIT STATUS\n0: all is well; 1: it is not (problems, denied, failed); 2: wrong usage; 3: no gateway is running.\n")
	if cmd.HasParent() {
		b.WriteString(".SH SEE ALSO\n.BR " + roff(manName(cmd.Parent())) + " (1)\n")
	}
	return b.String()
}

func manCommands(b *strings.Builder, cmd *cobra.Command) {
	if !cmd.HasAvailableSubCommands() {
		return
	}
	b.WriteString(".SH COMMANDS\n")
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			b.WriteString(".TP\n.BR " + roff(manName(c)) + " (1)\n" + roff(c.Short) + "\n")
		}
	}
}

// roffText sets a text of paragraphs. Lines that begin with a blank stand as they
// are.
func roffText(text string) string {
	var b strings.Builder
	asIs := false
	for l := range strings.Lines(strings.TrimSpace(text) + "\n") {
		l = strings.TrimRight(l, " \n")
		indented := strings.HasPrefix(l, " ") || strings.HasPrefix(l, "\t")
		if indented != asIs && l != "" {
			b.WriteString(map[bool]string{true: ".nf\n", false: ".fi\n"}[indented])
			asIs = indented
		}
		if l == "" {
			b.WriteString(".PP\n")
			continue
		}
		b.WriteString(roff(l) + "\n")
	}
	if asIs {
		b.WriteString(".fi\n")
	}
	return b.String()
}

func roffLines(text string) string {
	var b strings.Builder
	for l := range strings.Lines(text + "\n") {
		b.WriteString(roff(strings.TrimRight(l, "\n")) + "\n")
	}
	return b.String()
}

// roff sets a line such that nothing of it is an instruction.
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`, "`", `\(ga`, "^", `\(ha`, "~", `\(ti`).Replace(text)
	if strings.HasPrefix(text, ".") || strings.HasPrefix(text, "'") {
		text = `\&` + text
	}
	return text
}

// roffWord sets an argument of an instruction.
func roffWord(text string) string { return `"` + strings.ReplaceAll(roff(text), `"`, `\(dq`) + `"` }
