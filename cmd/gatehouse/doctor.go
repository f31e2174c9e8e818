package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"gatehouse/internal/doctor"
	"gatehouse/internal/terminal"
)

func newDoctorCommand() *cobra.Command {
	var files fileOptions
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Check that everything is in place, and say what to do about what is not",
		Long: `doctor checks the files, the programs that servers need, folders, socket, port, clock
and limits, the running gateways and their servers, and this user's other programs
that have MCP servers. Each finding says what to do about it.

It starts nothing, changes nothing, and uses no network. Exit code 0: nothing is
wrong (there may be warnings); 1: something is wrong.`,
		Example: `  gatehouse doctor           one screen
  gatehouse doctor --json    for programs, and for bug reports: nothing in it is secret`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := interruptible(cmd)
			defer stop()
			return runDoctor(ctx, cmd.OutOrStdout(), &files, asJSON)
		},
	}
	files.register(cmd.Flags())
	cmd.Flags().BoolVar(&asJSON, "json", false, `print {"ok", "findings": [{check, level, what, do}]}`)
	return cmd
}

func runDoctor(ctx context.Context, out io.Writer, files *fileOptions, asJSON bool) error {
	findings := doctor.Examine(doctorFacts(ctx, files))
	var err error
	if asJSON {
		err = writeJSON(out, map[string]any{"ok": doctor.Healthy(findings), "findings": findings})
	} else {
		size, _ := terminal.Of(out)
		_, err = io.WriteString(out, findingsText(findings, size.Columns))
	}
	if err != nil {
		return failed(err)
	}
	if !doctor.Healthy(findings) {
		return errNo
	}
	return nil
}

// findingsText lays out findings, as wide as the terminal: columns is 0 where there
// is none.
func findingsText(findings []doctor.Finding, columns int) string {
	const left = 22 // of the two columns before the text
	var b strings.Builder
	before := ""
	for _, f := range findings {
		check := f.Check
		if check == before {
			check = ""
		}
		before = f.Check
		head := fmt.Sprintf("%-9s%-13s", f.Level, check)
		texts := terminal.Wrap(line(f.What), max(0, columns-left))
		if f.Do != "" {
			texts = append(texts, terminal.Wrap("do: "+line(f.Do), max(0, columns-left))...)
		}
		for _, text := range texts {
			b.WriteString(head + text + "\n")
			head = strings.Repeat(" ", left)
		}
	}
	return b.String() + "\n" + doctor.Summary(findings) + "\n"
}
