package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gatehouse/internal/admin"
	"gatehouse/internal/endpoint"
	"gatehouse/internal/identity"
	"gatehouse/internal/jsondoc"
	"gatehouse/internal/policy"
	"gatehouse/internal/rulesfile"
	"gatehouse/internal/safefile"
)

func newExplainCommand() *cobra.Command {
	var files fileOptions
	var gateway running
	var live bool
	var q admin.Question
	var annotations []string
	cmd := &cobra.Command{
		Use:   "explain AGENT SERVER [TOOL]",
		Short: "Show what the rules decide, by which step and rule, and what they overruled",
		Long: `explain answers whether an agent may use a tool of a server, or the server at
all. It shows what every step saw, and the limits that calls count towards. AGENT is
"" for a caller without agent_id. --resource asks about a resource by its URI, or a
template by its text; --prompt asks about a prompt. explain reads the rules file that
"gatehouse run" would use; with --live it asks the running gateway, whose rules may be
older or newer than the file.

Where rules depend on annotations, the gateway uses those that the server last
reported for the tool; without --live, explain uses only those of --annotations. Apart
from that, it makes no difference whether the server or tool exists. Exit code 0: allow;
1: deny; 2: wrong usage; 3: with --live, no gateway is running.`,
		ValidArgsFunction: completeExplain,
		RunE: func(cmd *cobra.Command, args []string) error {
			q.Agent, q.Server = args[0], args[1]
			if len(args) > 2 {
				q.Tool = args[2]
			}
			if err := askable(cmd, q, live, annotations); err != nil {
				return err
			}
			e, from, err := explainer(cmd, &files, &gateway, live, q, annotations)
			if err != nil {
				return err
			}
			if gateway.asJSON {
				err = writeJSON(cmd.OutOrStdout(), e)
			} else {
				err = printExplanation(cmd.OutOrStdout(), e, from)
			}
			if err == nil && !e.Allow {
				return errNo
			}
			return err
		},
	}
	cmd.Flags().StringVar(&files.rules, "rules", "", "the rules file (default: as for run)")
	cmd.Flags().StringVar(&q.Resource, "resource", "", "ask for the resource of this URI instead of a tool")
	cmd.Flags().StringVar(&q.Prompt, "prompt", "", "ask for this prompt instead of a tool")
	cmd.Flags().StringSliceVar(&annotations, "annotations", nil, "what the tool's definition says, such as @readOnly,!@openWorld")
	files.registerHere(cmd.Flags())
	registerLive(cmd, &gateway, &live)
	gateway.register(cmd, `print {"allow", "agent", "server", "tool", "resource", "prompt", "annotations", "seen_at", "meanings", "rules_of", "roles", "limits", "step", "rule", "overruled", "steps", "policy_hash", "generation", "place"}`)
	return cmd
}

// askable refuses questions about two things, and annotations where they are not asked
// for.
func askable(cmd *cobra.Command, q admin.Question, live bool, annotations []string) error {
	given := func(name string) bool { return cmd.Flags().Changed(name) }
	switch {
	case q.Tool != "" && (given("resource") || given("prompt")) || given("resource") && given("prompt"):
		return errors.New("ask for one thing: TOOL, --resource and --prompt cannot be combined")
	case given("resource") && q.Resource == "" || given("prompt") && q.Prompt == "":
		return errors.New("--resource and --prompt need a value")
	case given("annotations") && live:
		return errors.New("--annotations and --live cannot be combined: the running gateway knows what the server says")
	case given("annotations") && q.Tool == "":
		return errors.New("--annotations needs a TOOL")
	}
	if _, ok := policy.AnnotationsSaid(annotations); !ok {
		return fmt.Errorf("--annotations takes some of %s, each once", strings.Join(policy.AnnotationRules(), ", "))
	}
	return nil
}

// registerLive adds the flag of commands that can ask either the files or the
// running gateway.
func registerLive(cmd *cobra.Command, gateway *running, live *bool) {
	cmd.Flags().BoolVar(live, "live", false, "ask the running gateway")
	cmd.PreRunE = func(*cobra.Command, []string) error {
		if gateway.pid != 0 && !*live {
			return errors.New("--pid needs --live")
		}
		return nil
	}
}

// explainer answers from a file, and says which, or has the running gateway
// answer.
func explainer(cmd *cobra.Command, files *fileOptions, gateway *running, live bool, q admin.Question, annotations []string) (e policy.Explanation, from string, err error) {
	if live {
		if files.rules != "" || files.here {
			return e, "", errors.New("--live and --rules (or --here) cannot be combined: the running gateway has its own rules")
		}
		ctx, stop := interruptible(cmd)
		defer stop()
		e, err = explainLive(ctx, gateway, q)
		return e, "", err
	}
	found, err := files.findRules(cmd.ErrOrStderr())
	if err != nil {
		return e, "", failed(err)
	}
	rules, err := readRules(cmd.ErrOrStderr(), found.Path)
	if err != nil {
		return e, "", err
	}
	about := q.About()
	if annotations != nil {
		about.Annotations, _ = policy.AnnotationsSaid(annotations)
	}
	return policy.Compile(rules).ExplainCaller(q.Agent, nil, env("GATEWAY_DEFAULT_AGENT", ""), about), found.Path, nil
}

func explainLive(ctx context.Context, gateway *running, q admin.Question) (policy.Explanation, error) {
	gw, err := gateway.connect(ctx)
	if err != nil {
		return policy.Explanation{}, err
	}
	e, err := gw.Client.Explain(ctx, q)
	return e, asked(ctx, gw.Client, err)
}

// Explain implements admin.Explainer by the snapshot in force.
//
//nolint:unparam // The interface has an error.
func (o *operator) Explain(q admin.Question) (policy.Explanation, error) {
	snap := o.app.store.Load()
	about := q.About()
	var catalog *endpoint.Catalog
	place := ""
	if r, ok := snap.Route(q.Server); ok {
		catalog = r.Cell.Catalog()
		about.Annotations = catalog.Annotations(q.Tool)
		place = r.Redact.String(r.Cell.Place())
	}
	e := snap.Policy.ExplainCaller(q.Agent, o.app.opts.agents, o.app.opts.defaultAgent, about)
	e.Generation, e.Place = snap.Generation, place
	if e.Annotations != "" && about.Annotations != 0 {
		e.SeenAt = catalog.At.UTC().Format(time.RFC3339)
	}
	return e, nil
}

// readRules reads one rules file. Errors in it are printed and end the
// command.
func readRules(w io.Writer, path string) (policy.Rules, error) {
	rules, _, err := readRulesFile(w, path)
	return rules, err
}

// readRulesFile is readRules that also returns the credentials of the file.
func readRulesFile(w io.Writer, path string) (policy.Rules, identity.Credentials, error) {
	src, err := safefile.Read(path, jsondoc.MaxFileBytes)
	if err != nil {
		return policy.Rules{}, identity.Credentials{}, failed(err)
	}
	rules, credentials, problems := rulesfile.Parse(path, src)
	if jsondoc.HasErrors(problems) {
		printProblems(w, problems)
		return policy.Rules{}, identity.Credentials{}, failed(fmt.Errorf("%s has %s", path, count(problems, jsondoc.Error)))
	}
	return rules, credentials, nil
}

// printExplanation writes a decision. from is the file of the rules, unless they
// are those of the running gateway.
func printExplanation(w io.Writer, e policy.Explanation, from string) error {
	fmt.Fprintf(w, "%s: %s\n\n", verb(e.Allow), because(e))
	t := newTable(w)
	asked, number := true, 0
	for _, s := range e.Steps {
		mark, nr, note := "", "", s.Note
		if s.Step != policy.ServerAllowed { // docs/POLICY.md numbers the others.
			number++
			nr = strconv.Itoa(number)
		}
		if s.Decides {
			mark = "=>"
		}
		if !asked {
			note = "(not asked) " + note
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", mark, nr, s.Step, note)
		for _, r := range s.Matches {
			fmt.Fprintf(t, "\t\t\t  %s\n", ruleText(r))
		}
		asked = asked && !s.Decides
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if len(e.Overruled) > 0 {
		fmt.Fprintln(w, "\noverruled:")
		for _, r := range e.Overruled {
			fmt.Fprintf(w, "  %s\n", ruleText(r))
		}
	}
	printSaid(w, e)
	if e.Place != "" {
		fmt.Fprintf(w, "\nplace: %s\n", line(e.Place))
	}
	if len(e.Limits) > 0 {
		fmt.Fprintln(w, "\nlimits:")
		for _, l := range e.Limits {
			fmt.Fprintf(w, "  %s\n", limitText(l))
		}
	}
	if len(e.Roles) > 0 {
		fmt.Fprintf(w, "\nroles: %s\n", line(strings.Join(e.Roles, ", ")))
	}
	fmt.Fprintf(w, "\nrules %s", e.PolicyHash)
	if from != "" {
		fmt.Fprintf(w, " of %s", line(from))
	}
	if e.Generation > 0 {
		fmt.Fprintf(w, ", generation %d of the running gateway", e.Generation)
	}
	fmt.Fprintln(w)
	return nil
}

// printSaid says what a server says of a tool, or what else a URI means.
func printSaid(w io.Writer, e policy.Explanation) {
	if len(e.Meanings) > 0 {
		fmt.Fprintln(w, "\ndenies are also compared with:")
		for _, m := range e.Meanings {
			fmt.Fprintf(w, "  %s\n", line(m))
		}
	}
	switch {
	case e.Annotations == "":
	case e.SeenAt != "":
		fmt.Fprintf(w, "\nannotations, in the server's own words: %s (last seen %s)\n", line(e.Annotations), line(e.SeenAt))
	case e.Generation == 0 && e.Annotations == policy.Annotations(0).String():
		fmt.Fprintln(w, "\nannotations: unknown; --live asks the running gateway, --annotations says what they are")
	default:
		fmt.Fprintf(w, "\nannotations: %s\n", line(e.Annotations))
	}
}

// because words the decision in one line, to follow allow or deny.
func because(e policy.Explanation) string {
	text := fmt.Sprintf("agent %q, server %q", e.Agent, e.Server)
	switch {
	case e.Resource != "":
		text += fmt.Sprintf(", resource %q", e.Resource)
	case e.Prompt != "":
		text += fmt.Sprintf(", prompt %q", e.Prompt)
	case e.Tool != "":
		text += fmt.Sprintf(", tool %q", e.Tool)
	}
	if e.Code != "" {
		return line(fmt.Sprintf("%s: %s: %s", text, e.Code, strings.NewReplacer("with --agent", "as AGENT", "--agent", "AGENT").Replace(forPeople(e.Message))))
	}
	text += ": " + e.Step.String()
	if e.Rule != nil {
		text += ", " + ruleText(*e.Rule)
	}
	return line(text)
}

// limitText shows a limit: what it says, of what, and where.
func limitText(l policy.LimitRef) string {
	of := ""
	if l.Tool != "" {
		of = fmt.Sprintf(" of %q on %q together", l.Tool, l.Server)
	}
	return line(fmt.Sprintf("%s %d%s, %s %s:%d:%d", l.Key, l.N, of, l.Path, l.File, l.Line, l.Column))
}

// ruleText shows a rule: its place in the rules, what it says, and where.
func ruleText(r policy.RuleRef) string {
	return line(fmt.Sprintf("%s %q %s", r.Path, r.Pattern, r.Where()))
}

func verb(allow bool) string {
	if allow {
		return "allow"
	}
	return "deny"
}
