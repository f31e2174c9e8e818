package main

import (
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"gatehouse/internal/admin"
	"gatehouse/internal/audit"
	"gatehouse/internal/jsondoc"
	"gatehouse/internal/plural"
	"gatehouse/internal/policy"
	"gatehouse/internal/rulesfile"
	"gatehouse/internal/safefile"
)

// maxFindings is how many findings are kept for --json.
const maxFindings = 1000

func newAuditCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "Work with audit logs",
	}
	cmd.AddCommand(newAuditVerifyCommand())
	return cmd
}

func newAuditVerifyCommand() *cobra.Command {
	var rules []string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "verify FILE...",
		Short: "Check that an audit log is complete and that rules decide as it says",
		Long: `verify reads an audit log and its rotated files (FILE.2, FILE.1, FILE). If you
name several FILEs, name the oldest first.

It decides again each line whose policy_hash is that of a --rules file; without
--rules it takes the rules of the running gateways, or else those that "gatehouse
run" would use. A different decision is a finding. So are lines that are missing
(at the end too), changed, repeated, unreadable or cut off, and records that the
gateway reports it could not write or had to delete. Exit code 0: no findings;
1: some; 2: wrong usage.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			rules, err := rulesToVerify(cmd, rules)
			if err != nil {
				return err
			}
			return auditVerify(cmd, args, rules, asJSON)
		},
	}
	cmd.Flags().StringArrayVar(&rules, "rules", nil, "a rules file; repeatable, for the forms that it had (default: that of the running gateway, or as for run)")
	cmd.Flags().BoolVar(&asJSON, "json", false, `print {"ok", "files", "lines", ..., "findings", "more", "notes"}`)
	return cmd
}

// rulesToVerify are the rules files by which lines are decided again: those that
// are named, else those of the gateways that run, else the one that run would use. Beside
// a gateway of a fleet, which has no such file, there may be none.
func rulesToVerify(cmd *cobra.Command, named []string) ([]string, error) {
	if len(named) > 0 {
		return named, nil
	}
	ctx, stop := interruptible(cmd)
	defer stop()
	gateways, _ := admin.Find(ctx, adminDirs())
	var paths []string
	fleet := ""
	for _, gw := range gateways {
		if gw.Status.Fleet != nil {
			fleet = gw.Status.Fleet.Name
			continue
		}
		if path, _ := rulesOf(gw.Status); path != "" && !slices.Contains(paths, path) {
			paths = append(paths, path)
		}
	}
	why := "of the running gateway"
	if len(paths) == 0 && fleet != "" {
		fmt.Fprintln(cmd.ErrOrStderr(), line(fmt.Sprintf("the rules are those of the fleet %s, not a file: without --rules nothing is decided again", fleet)))
		return nil, nil
	}
	if len(paths) == 0 {
		found, err := new(fileOptions).findRules(cmd.ErrOrStderr())
		if err != nil {
			return nil, failed(err)
		}
		paths, why = []string{found.Path}, "which run would use"
	}
	for _, path := range paths {
		fmt.Fprintln(cmd.ErrOrStderr(), line(fmt.Sprintf("the rules are %s, %s; --rules names others", path, why)))
	}
	return paths, nil
}

func auditVerify(cmd *cobra.Command, paths, rules []string, asJSON bool) error {
	decide, err := deciders(cmd.ErrOrStderr(), rules)
	if err != nil {
		return err
	}
	files, dropped, err := auditFiles(paths)
	if err != nil {
		return failed(err)
	}
	out := cmd.OutOrStdout()
	findings := []audit.Finding{}
	v := audit.NewVerifier(decide, dropped, func(f audit.Finding) {
		if !asJSON {
			fmt.Fprintln(out, line(fmt.Sprintf("%s:%d: %s: %s", f.File, f.Line, f.Kind, f.Message)))
		} else if len(findings) < maxFindings {
			findings = append(findings, f)
		}
	})
	if err := v.VerifyFiles(files); err != nil {
		return failed(err)
	}
	if asJSON {
		err = writeJSON(out, newAuditReport(v, findings))
	} else {
		printAuditSummary(out, v)
	}
	if err != nil {
		return failed(err)
	}
	if v.Summary().Findings > 0 {
		return errNo
	}
	return nil
}

// auditReport is what --json prints.
type auditReport struct {
	OK bool `json:"ok"`
	audit.Summary
	Findings []audit.Finding `json:"findings"`
	More     int             `json:"more"` // findings that are not listed
	Notes    []string        `json:"notes"`
}

func newAuditReport(v *audit.Verifier, findings []audit.Finding) auditReport {
	s := v.Summary()
	return auditReport{OK: s.Findings == 0, Summary: s, Findings: findings, More: s.Findings - len(findings), Notes: v.Notes()}
}

func printAuditSummary(out io.Writer, v *audit.Verifier) {
	for _, note := range v.Notes() {
		fmt.Fprintln(out, line("note: "+note))
	}
	s := v.Summary()
	if s.Summarized > 0 {
		fmt.Fprintf(out, "note: %d refused calls are summed up, as they came too fast for a line each\n", s.Summarized)
	}
	fmt.Fprintf(out, "%s, %s of %s; %s checked, %d of other rules, %d that cannot be checked; %s lost; %s\n",
		plural.Of(s.Files, "file"), plural.Of(s.Lines, "line"), plural.Of(s.Instances, "instance"), plural.Of(s.Checked, "decision"),
		s.Other, s.Unchecked, plural.Of(s.Lost, "record"), plural.Of(s.Findings, "finding"))
}

// auditFiles adds the rotated files. dropped says whether lines older than the
// first file's may have been rotated away.
func auditFiles(paths []string) (files []string, dropped bool, err error) {
	for i, path := range paths {
		list, err := audit.Rotated(path)
		if err != nil {
			return nil, false, err
		}
		dropped = dropped || i == 0 && len(list) > 1
		files = append(files, list...)
	}
	return files, dropped, nil
}

// deciders compiles rules files, by their hash. It prints what is wrong with
// them.
func deciders(out io.Writer, paths []string) (map[string]audit.Decide, error) {
	byHash := map[string]audit.Decide{}
	for _, path := range paths {
		src, err := safefile.Read(path, jsondoc.MaxFileBytes)
		if err != nil {
			return nil, failed(err)
		}
		rules, problems := rulesfile.ParseRules(path, src)
		if jsondoc.HasErrors(problems) {
			printProblems(out, problems)
			return nil, failed(fmt.Errorf("%s has errors: no gateway has decided by it", path))
		}
		p := policy.Compile(rules)
		byHash[p.Hash()] = func(r *audit.Record) (bool, string, string) {
			d := p.Ask(r.AgentID, questionOf(r))
			return d.Allow, d.Step.String(), d.Path()
		}
	}
	return byHash, nil
}

// questionOf is what a record says was asked of the rules.
func questionOf(r *audit.Record) policy.Question {
	switch {
	case r.Resource != "":
		return policy.Question{Server: r.Server, Kind: policy.Resources, Name: r.Resource}
	case r.Prompt != "":
		return policy.Question{Server: r.Server, Kind: policy.Prompts, Name: r.Prompt}
	default:
		return policy.Question{Server: r.Server, Kind: policy.Tools, Name: r.Tool, Annotations: policy.ParseAnnotations(r.Annotations)}
	}
}
