package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"gatehouse/internal/admin"
	"gatehouse/internal/plural"
)

func newToolsCommand() *cobra.Command {
	var o running
	var agent string
	var changes, names bool
	cmd := &cobra.Command{
		Use:   "tools [SERVER]",
		Short: "List the tools of the running gateway's servers and what their definitions cost",
		Long: `tools lists the known tools of one server, or of all, with the tokens that each
definition costs an agent (a quarter of its bytes). With --agent it lists only those
that the rules give this agent.

--changes lists instead the definitions that have changed, word by word:
[-removed-] {+added+}.

--names lists instead the name of each tool on the surface of all servers.`,
		ValidArgsFunction: completeServer,
		RunE: func(cmd *cobra.Command, args []string) error {
			for _, other := range []string{"agent", "names"} {
				if err := notTogether(cmd.Flags(), "changes", other); err != nil {
					return err
				}
			}
			ctx, stop := interruptible(cmd)
			defer stop()
			gw, err := o.connect(ctx)
			if err != nil {
				return err
			}
			server := ""
			if len(args) > 0 {
				server = args[0]
			}
			if changes {
				list, err := gw.Client.ToolChanges(ctx, server)
				if err != nil {
					return asked(ctx, gw.Client, err)
				}
				if o.asJSON {
					return writeJSON(cmd.OutOrStdout(), list)
				}
				printToolChanges(cmd.OutOrStdout(), list)
				return nil
			}
			noteStranger(ctx, cmd.ErrOrStderr(), gw.Client, agent)
			tools, err := gw.Client.Tools(ctx, server, agent)
			if err != nil {
				return asked(ctx, gw.Client, err)
			}
			if names {
				return printNames(cmd.OutOrStdout(), joinedNames(tools), o.asJSON)
			}
			if o.asJSON {
				return writeJSON(cmd.OutOrStdout(), tools)
			}
			return printTools(cmd.OutOrStdout(), tools)
		},
	}
	o.register(cmd, `print {"servers": [{"server", "state", "known", "tools": [{"name", "tokens", "annotations"}], "tokens", "problem"}], "tokens"}`)
	cmd.Flags().StringVar(&agent, "agent", "", "only what this agent may use")
	cmd.Flags().BoolVar(&changes, "changes", false, "list the definitions that have changed, since the gateway started, and from its previous run")
	cmd.Flags().BoolVar(&names, "names", false, "list the tools' names on the surface of all servers")
	return cmd
}

func printToolChanges(w io.Writer, list []admin.ToolChange) {
	for _, c := range list {
		text := fmt.Sprintf("%s  %s  %s %s", c.At.Local().Format("2006-01-02 15:04:05"), line(c.Server), line(c.Change), line(c.Tool))
		if c.Words != "" {
			text += ": " + line(c.Words)
		}
		if c.Access != "" {
			text += "; " + line(c.Access)
		}
		fmt.Fprintln(w, text)
	}
	if len(list) == 0 {
		fmt.Fprintln(w, "no definition has changed, as far as this gateway knows")
	}
}

func printTools(w io.Writer, tools admin.Tools) error {
	t := newTable(w)
	count := 0
	fmt.Fprintln(t, "SERVER\tTOOL\tTOKENS")
	for _, s := range tools.Servers {
		for _, tool := range s.Tools {
			fmt.Fprintf(t, "%s\t%s\t%d\n", line(s.Server), line(tool.Name), tool.Tokens)
		}
		what := "(" + plural.Of(len(s.Tools), "tool") + ")"
		if !s.Known {
			what = "(tools not known yet)"
		}
		if s.State != "ready" {
			what += " " + line(s.State)
		}
		if s.Problem != "" {
			what += ": " + line(s.Problem)
		}
		fmt.Fprintf(t, "%s\t%s\t%d\n", line(s.Server), what, s.Tokens)
		count += len(s.Tools)
	}
	fmt.Fprintf(t, "in all\t%s\t%d\n", plural.Of(count, "tool"), tools.Tokens)
	return t.Flush()
}
