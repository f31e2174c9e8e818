package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"gatehouse/internal/jsondoc"
	"gatehouse/internal/rulesfile"
)

func newValidateCommand() *cobra.Command {
	var files fileOptions
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "validate",
		Short: "Check both files and report every problem in them; starts nothing",
		Long: `validate reads the files that "gatehouse run" would use and prints every problem
with its position. Exit code 0: no errors (there may be warnings); 1: errors, so
the gateway would not start; 2: wrong usage.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			found, err := files.find()
			if err != nil {
				return failed(err)
			}
			problems := validate(found)
			if asJSON {
				return printReport(cmd, problems)
			}
			printProblems(cmd.OutOrStdout(), problems)
			fmt.Fprintf(cmd.OutOrStdout(), "%s, %s: %s, %s\n", found.servers.Path, found.rules.Path,
				count(problems, jsondoc.Error), count(problems, jsondoc.Warning))
			if jsondoc.HasErrors(problems) {
				return errNo
			}
			return nil
		},
	}
	files.register(cmd.Flags())
	cmd.Flags().BoolVar(&asJSON, "json", false, `print {"ok", "problems": [{file, line, column, path, code, severity, message, hint}]}`)
	return cmd
}

// validate finds every problem of the files, the servers included that would
// not start because a variable is unset or because they are the gateway.
func validate(found foundFiles) []jsondoc.Problem {
	src := found.sources(false, env("GATEWAY_DEFAULT_AGENT", ""), nil)
	loaded, problems := found.load(src)
	problems = append(problems, found.passedOver.problems()...)
	if !jsondoc.HasErrors(problems) {
		problems = append(problems, src.Misconfigured(loaded)...)
		problems = append(problems, rulesfile.Lint(loaded.Rules)...)
		jsondoc.Sort(problems)
	}
	return problems
}

func printReport(cmd *cobra.Command, problems []jsondoc.Problem) error {
	if problems == nil {
		problems = []jsondoc.Problem{}
	}
	ok := !jsondoc.HasErrors(problems)
	if err := writeJSON(cmd.OutOrStdout(), map[string]any{"ok": ok, "problems": problems}); err != nil {
		return failed(err)
	}
	if !ok {
		return errNo
	}
	return nil
}
