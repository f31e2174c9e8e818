package main

import (
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"gatehouse/internal/jsondoc"
	"gatehouse/internal/plural"
	"gatehouse/internal/rulesfile"
	"gatehouse/internal/safefile"
)

func newPolicyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "policy",
		Short: "Work with rules",
	}
	cmd.AddCommand(newPolicyTestCommand(), newPolicyDiffCommand())
	return cmd
}

func newPolicyTestCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "test FILE",
		Short: "Check that rules decide as a file of cases expects",
		Long: `test reads a JSON file of sets of rules and cases:

  [{"rules": {...} or "path/of/rules.json",
    "cases": [{"agent": "backend", "server": "db", "tool": "query", "allow": true, "step": "implicit_grant"}]}]

"tool" and "step" are optional; "limits": {"calls_per_minute": 60} expects this to
be the smallest limit that the call counts towards. Paths are relative to the file's
folder. test prints each case that is decided differently, then the count. Exit code
0: all as expected; 1: some are not; 2: wrong usage.`,
		RunE: func(cmd *cobra.Command, args []string) error { return policyTest(cmd, args[0], asJSON) },
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, `print {"ok", "cases", "failed", "differences", "problems"}`)
	return cmd
}

func policyTest(cmd *cobra.Command, path string, asJSON bool) error {
	src, err := safefile.Read(path, jsondoc.MaxFileBytes)
	if err != nil {
		return failed(err)
	}
	tests, problems := rulesfile.ParseTests(path, src, func(rules string) ([]byte, error) {
		if !filepath.IsAbs(rules) {
			rules = filepath.Join(filepath.Dir(path), rules)
		}
		return safefile.Read(rules, jsondoc.MaxFileBytes)
	})
	result := rulesfile.RunTests(tests)
	ok := result.OK() && !jsondoc.HasErrors(problems)
	if asJSON {
		return policyTestJSON(cmd, result, problems, ok)
	}
	out := cmd.OutOrStdout()
	printProblems(out, problems)
	for _, d := range result.Differences {
		fmt.Fprintln(out, d)
	}
	if !jsondoc.HasErrors(problems) {
		fmt.Fprintf(out, "%s, %d failed\n", plural.Of(result.Cases, "case"), len(result.Differences))
	}
	if !ok {
		return errNo
	}
	return nil
}

func policyTestJSON(cmd *cobra.Command, result rulesfile.TestResult, problems []jsondoc.Problem, ok bool) error {
	differences := []string{}
	for _, d := range result.Differences {
		differences = append(differences, d.String())
	}
	if problems == nil {
		problems = []jsondoc.Problem{}
	}
	err := writeJSON(cmd.OutOrStdout(), map[string]any{
		"ok": ok, "cases": result.Cases, "failed": len(differences), "differences": differences, "problems": problems,
	})
	if err != nil {
		return failed(err)
	}
	if !ok {
		return errNo
	}
	return nil
}
