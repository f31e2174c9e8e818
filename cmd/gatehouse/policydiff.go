package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gatehouse/internal/admin"
	"gatehouse/internal/identity"
	"gatehouse/internal/jsondoc"
	"gatehouse/internal/plural"
	"gatehouse/internal/policy"
	"gatehouse/internal/policydiff"
	"gatehouse/internal/safefile"
	"gatehouse/messages"
)

// policyDiff are the flags of policy diff.
type policyDiff struct {
	files   fileOptions
	gateway running
	live    bool
	tools   string
}

func newPolicyDiffCommand() *cobra.Command {
	var o policyDiff
	cmd := &cobra.Command{
		Use:   "diff NEW_RULES",
		Short: "Say who could do more or less with other rules",
		Long: `diff compares a rules file with the present one (--rules, or the one that
"gatehouse run" would use; with --live the one that the running gateway uses). It
prints every agent, server and tool whose decision would change, every rule that
was added or removed, and every limit that changes, whether set by an agent, one of
its roles or the defaults. It considers the tools of --tools FILE, those that the
running gateway knows (--live), and those that the rules name.

--tools FILE is JSON, {"SERVER": ["TOOL", ...]}; tool definitions, results of
tools/list and the output of "gatehouse tools --json" work too.

Exit code 1: access widens: a deny becomes an allow, a changed pattern could allow
tools or servers that are not listed anywhere, or a limit is raised or removed.
0: it does not.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, stop := interruptible(cmd)
			defer stop()
			return o.run(ctx, cmd, args[0])
		},
	}
	cmd.Flags().StringVar(&o.files.rules, "rules", "", "the present rules file (default: as for run; with --live that of the running gateway)")
	o.files.registerHere(cmd.Flags())
	cmd.Flags().StringVar(&o.tools, "tools", "", "a JSON file with the tools of the servers")
	registerLive(cmd, &o.gateway, &o.live)
	o.gateway.register(cmd, `print {"widens", "agents_added", "agents_removed", "defaults", "answers", "rules", "limits", "asked"}`)
	return cmd
}

func (o *policyDiff) run(ctx context.Context, cmd *cobra.Command, newFile string) error {
	tools := policydiff.ToolLists{}
	oldFile, hash := "", ""
	if o.live {
		gw, err := o.gateway.connect(ctx)
		if err != nil {
			return err
		}
		if err := learn(ctx, gw.Client, tools); err != nil {
			return err
		}
		if o.files.rules == "" && !o.files.here {
			oldFile, hash = rulesOf(gw.Status)
		}
	}
	if err := readTools(cmd.ErrOrStderr(), o.tools, tools); err != nil {
		return err
	}
	if oldFile == "" {
		found, err := o.files.findRules(cmd.ErrOrStderr())
		if err != nil {
			return failed(err)
		}
		oldFile = found.Path
	}
	before, err := readSide(cmd.ErrOrStderr(), oldFile)
	if err != nil {
		return err
	}
	if hash != "" && before.Rules.Hash != hash {
		return failed(fmt.Errorf("%s is not what the running gateway uses: it was changed, and the change is not in force; name the rules to compare with by --rules", oldFile))
	}
	after, err := readSide(cmd.ErrOrStderr(), newFile)
	if err != nil {
		return err
	}
	return o.print(cmd.OutOrStdout(), before, after, tools)
}

// learn adds the tools that the running gateway knows.
func learn(ctx context.Context, c *admin.Client, tools policydiff.ToolLists) error {
	known, err := c.Tools(ctx, "", "")
	if err != nil {
		return asked(ctx, c, err)
	}
	for _, s := range known.Servers {
		tools[s.Server] = map[string]policy.Annotations{} // A server without any is worth asking for, too.
		for _, t := range s.Tools {
			tools.Add(s.Server, t.Name, policy.ParseAnnotations(t.Annotations))
		}
	}
	return nil
}

// rulesOf returns the rules file of a running gateway and the hash in force.
func rulesOf(st admin.Status) (path, hash string) {
	for _, f := range st.Files {
		if f.Role == string(messages.RoleRules) {
			return f.Path, st.PolicyHash
		}
	}
	return "", ""
}

// readTools adds the tools of a file, if one is named.
func readTools(w io.Writer, path string, tools policydiff.ToolLists) error {
	if path == "" {
		return nil
	}
	src, err := safefile.Read(path, jsondoc.MaxFileBytes)
	if err != nil {
		return failed(err)
	}
	lists, problems := policydiff.ParseToolLists(path, src)
	if jsondoc.HasErrors(problems) {
		printProblems(w, problems)
		return failed(errors.New("the lists of tools cannot be used"))
	}
	for server, list := range lists {
		if tools[server] == nil {
			tools[server] = map[string]policy.Annotations{}
		}
		for name, annotations := range list {
			tools.Add(server, name, annotations)
		}
	}
	return nil
}

// readSide reads one of the two rules files.
func readSide(w io.Writer, path string) (policydiff.Side, error) {
	rules, credentials, err := readRulesFile(w, path)
	side := policydiff.Side{Rules: rules, DefaultAgent: env("GATEWAY_DEFAULT_AGENT", ""), Credentials: map[string]string{}}
	for _, t := range credentials.Tokens {
		text := fmt.Sprintf("agents %s, token %x", strings.Join(t.Agents, ", "), t.Digest[:4])
		if !t.Expires.IsZero() {
			text += ", expires " + t.Expires.UTC().Format(time.RFC3339)
		}
		side.Credentials[fmt.Sprintf("defaults.tokens %q", t.ID)] = text
	}
	if j := credentials.JWT; j != nil {
		// A url may hold a secret, so the place of the keys is told by a hash.
		keys := identity.DigestOf(j.KeysURL + "\x00" + j.KeysFile)
		side.Credentials["defaults.jwt"] = fmt.Sprintf("issuer %s, audience %s, claim %s, place of keys %x",
			j.Issuer, j.Audience, j.AgentClaim, keys[:4])
	}
	return side, err
}

func (o *policyDiff) print(w io.Writer, before, after policydiff.Side, tools policydiff.ToolLists) error {
	d := policydiff.Compare(before, after, tools)
	var err error
	if o.gateway.asJSON {
		err = writeJSON(w, d)
	} else {
		err = printDiff(w, d)
	}
	if err == nil && d.Widens {
		return errNo
	}
	return err
}

func printDiff(w io.Writer, d policydiff.Diff) error {
	for _, id := range d.AgentsAdded {
		fmt.Fprintf(w, "agent added: %s\n", line(id))
	}
	for _, id := range d.AgentsRemoved {
		fmt.Fprintf(w, "agent removed: %s\n", line(id))
	}
	for _, c := range d.Defaults {
		mark := ""
		if c.Widens {
			mark = " (widens)"
		}
		fmt.Fprintf(w, "%s: %s, was %s%s\n", line(c.Key), orNone(c.To), orNone(c.From), mark)
	}
	for _, c := range d.Limits {
		mark := ""
		if c.Widens {
			mark = " (widens)"
		}
		fmt.Fprintf(w, "limit of %s: %s: %s, was %s%s\n", line(c.Agent), line(c.Key), orNone(c.To), orNone(c.From), mark)
	}
	if err := printAnswers(w, d.Answers); err != nil {
		return err
	}
	if err := printRuleChanges(w, d.Rules); err != nil {
		return err
	}
	verdict := "access does not widen"
	if d.Widens {
		verdict = "access widens"
	}
	_, err := fmt.Fprintf(w, "%s: %s of %d asked, %s\n", verdict, change(len(d.Answers), "answer"), d.Asked, change(len(d.Rules), "rule"))
	return err
}

func orNone(text string) string {
	if text == "" {
		return "none"
	}
	return line(text)
}

func printAnswers(w io.Writer, answers []policydiff.Answer) error {
	if len(answers) == 0 {
		return nil
	}
	t := newTable(w)
	fmt.Fprintln(t, "\tAGENT\tSERVER\tTOOL\tWAS\tBECOMES")
	for _, a := range answers {
		mark, tool := "-", "(the server itself)"
		if a.Widens() {
			mark = "+"
		}
		switch {
		case a.Resource != "":
			tool = line("resource " + a.Resource)
		case a.Prompt != "":
			tool = line("prompt " + a.Prompt)
		case a.Annotations != "":
			tool = line(a.Tool + " (" + a.Annotations + ")")
		case a.Tool != "":
			tool = line(a.Tool)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", mark, line(a.Agent), line(a.Server), tool, verdictText(a.From), verdictText(a.To))
	}
	return t.Flush()
}

func verdictText(v policydiff.Verdict) string {
	text := verb(v.Allow) + " " + v.Step.String()
	if v.Rule != nil {
		text += " " + line(v.Rule.Where())
	}
	return text
}

func printRuleChanges(w io.Writer, changes []policydiff.RuleChange) error {
	if len(changes) == 0 {
		return nil
	}
	t := newTable(w)
	fmt.Fprintln(t, "RULE\tAGENT\tPLACE\t")
	for _, c := range changes {
		note := ""
		if c.MayWiden {
			note = "may widen: " + c.Why
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", c.Change, line(c.Agent), ruleText(c.Rule), note)
	}
	return t.Flush()
}

// change says that some things change: "1 answer changes", "2 answers change".
func change(n int, thing string) string {
	if n == 1 {
		return "1 " + thing + " changes"
	}
	return plural.Of(n, thing) + " change"
}
