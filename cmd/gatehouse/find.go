package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"gatehouse/internal/admin"
	"gatehouse/internal/find"
)

func newFindCommand() *cobra.Command {
	var o running
	var s admin.Search
	var why bool
	cmd := &cobra.Command{
		Use:   "find WORDS...",
		Short: "Find tools of the running gateway's servers by what they do",
		Long: `find searches all tools as search_tools does for agents, best matches first. With
--agent it searches only those that the rules give this agent, and so shows what
search_tools would answer. Exit code 1: nothing matches.`,
		Example: `  gatehouse find create a branch
  gatehouse find --agent backend --why "send mail"`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			if s.Query = strings.Join(args, " "); strings.TrimSpace(s.Query) == "" {
				return errors.New("say what to look for, in a few words")
			}
			if s.Limit < 1 || s.Limit > find.MaxHits {
				return fmt.Errorf("--limit must be 1 to %d", find.MaxHits)
			}
			ctx, stop := interruptible(cmd)
			defer stop()
			gw, err := o.connect(ctx)
			if err != nil {
				return err
			}
			noteStranger(ctx, cmd.ErrOrStderr(), gw.Client, s.Agent)
			found, err := gw.Client.Find(ctx, s)
			if err != nil {
				return asked(ctx, gw.Client, err)
			}
			if err := o.printFound(cmd.OutOrStdout(), s, found, why); err != nil || found.Fits {
				return err
			}
			return errNo
		},
	}
	o.register(cmd, `print {"fits", "hits": [{"server", "tool", "summary", "why": [{"word", "as", "where"}]}]}`)
	cmd.Flags().StringVar(&s.Agent, "agent", "", "only what this agent may use")
	cmd.Flags().StringVar(&s.Server, "server", "", "only tools of this server")
	cmd.Flags().IntVar(&s.Limit, "limit", 10, "`N` hits at most, 1 to 50")
	cmd.Flags().BoolVar(&why, "why", false, "show which words matched where")
	return cmd
}

func (o *running) printFound(w io.Writer, s admin.Search, found admin.SearchAnswer, why bool) error {
	if o.asJSON {
		return writeJSON(w, found)
	}
	if !found.Fits {
		fmt.Fprintf(w, "No tool fits %q.", line(s.Query))
		if len(found.Hits) > 0 {
			fmt.Fprint(w, " Nearest by words:")
		}
		fmt.Fprintln(w)
	}
	t := newTable(w)
	for _, h := range found.Hits {
		fmt.Fprintf(t, "%s\t%s\t%s\n", line(h.Server), line(h.Tool), line(h.Summary))
		for _, r := range h.Why {
			if why {
				fmt.Fprintf(t, "\t  %s\tas %s in %s\n", line(r.Word), line(r.As), strings.Join(r.Where, ", "))
			}
		}
	}
	return t.Flush()
}
