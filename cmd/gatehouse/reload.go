package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gatehouse/internal/admin"
	"gatehouse/internal/jsondoc"
)

func newReloadCommand() *cobra.Command {
	var o running
	cmd := &cobra.Command{
		Use:   "reload",
		Short: "Make the running gateway read all its files again, and print the result for each",
		Long: `reload waits until the gateway has read every file and what it accepted is in force.
Exit code 0: every file was applied or is unchanged; 1: one was rejected, and its
last good version stays in force; 3: no gateway is running.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := interruptible(cmd)
			defer stop()
			gw, err := o.connect(ctx)
			if err != nil {
				return err
			}
			reports, err := gw.Client.Reload(ctx)
			if err != nil {
				return asked(ctx, gw.Client, err)
			}
			if err := printReports(cmd.OutOrStdout(), reports, o.asJSON); err != nil {
				return err
			}
			if slices.ContainsFunc(reports, func(r admin.Report) bool { return r.Outcome == admin.Rejected }) {
				return errNo
			}
			return nil
		},
	}
	o.register(cmd, "print the reports as a JSON array")
	return cmd
}

func printReports(w io.Writer, reports []admin.Report, asJSON bool) error {
	if asJSON {
		return writeJSON(w, reports)
	}
	for _, r := range reports {
		fmt.Fprintf(w, "%s: %s\n", line(r.File), line(reportText(r)))
		printShownProblems(w, r.Problems, "  ")
	}
	return nil
}

// reportText is one report in one line, the file and the problems apart.
func reportText(r admin.Report) string {
	parts := []string{fmt.Sprintf("%s, generation %d", r.Outcome, r.Generation)}
	add := func(word string, names []string) {
		if len(names) > 0 {
			parts = append(parts, word+" "+strings.Join(names, ", "))
		}
	}
	add("added", r.Added)
	add("removed", r.Removed)
	changed := make([]string, len(r.Changed))
	for i, c := range r.Changed {
		changed[i] = c.Name + " (" + strings.Join(slices.Concat(c.Fields, c.Variables), " ") + ")"
	}
	add("changed", changed)
	add("updated", r.Updated)
	elapsed := time.Duration(r.ElapsedMS * float64(time.Millisecond))
	return strings.Join(parts, "; ") + "; " + r.Trigger + ", took " + age(elapsed)
}

// printShownProblems writes problems that come from a running gateway.
func printShownProblems(w io.Writer, problems []jsondoc.Problem, indent string) {
	for _, p := range problems {
		fmt.Fprintf(w, "%s%s: %s [%s]\n", indent, line(string(p.Severity)), line(p.String()), line(p.Code))
		if p.Hint != "" {
			fmt.Fprintf(w, "%s  hint: %s\n", indent, line(p.Hint))
		}
	}
}
