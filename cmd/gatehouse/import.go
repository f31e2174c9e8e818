package main

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"gatehouse/internal/adopt"
	"gatehouse/internal/clients"
)

// importOptions are the flags of import.
type importOptions struct {
	from   string
	write  bool
	asJSON bool
}

func newImportCommand() *cobra.Command {
	var o importOptions
	cmd := &cobra.Command{
		Use:   "import",
		Short: "Take over the MCP servers of other programs, with their restrictions as rules",
		Long: `import reads the MCP servers that other programs on this machine have, and shows
what it would write; with --write it writes, and only into the config folder. It
starts nothing and uses no network.

Servers go into .mcp.json. Secrets go into gatehouse.env, which only you may read,
with ${NAME} in their place. What a program may not use becomes a rule. Each
program gets an agent of its own, with its name from the list below, which may use
what the program has now; no other agent gains anything, and nothing you have
written changes. Where two servers of one name differ, import asks you; without a
terminal it writes neither.

It names whatever it cannot take over, and says why.

Programs:
` + wrapped(clients.IDs()) + `

Exit code 0: all is well; 1: a file could not be read, or servers of one name
differ; 2: wrong usage.`,
		Example: `  gatehouse import                      what would become of all servers
  gatehouse import --write              take them over
  gatehouse import --from codex         only those of one program
  gatehouse import --from ./mcp.json    only those of one file`,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd) },
	}
	cmd.Flags().StringVar(&o.from, "from", "", "only the servers of this `PROGRAM or FILE` (default: of all programs)")
	cmd.Flags().BoolVar(&o.write, "write", false, "write the files; without it they are only shown")
	cmd.Flags().BoolVar(&o.asJSON, "json", false, `print {"files", "servers", "notes", "conflicts", "variables", "unset", "written"}`)
	return cmd
}

func (o *importOptions) run(cmd *cobra.Command) error {
	if o.write {
		if err := notBehindAGateway(); err != nil {
			return failed(err)
		}
	}
	read, err := readClients(o.from)
	if err != nil {
		return failed(err)
	}
	own, err := readOwnTexts()
	if err != nil {
		return failed(err)
	}
	plan, err := o.plan(cmd, own, read)
	if err != nil {
		return failed(err)
	}
	var written []string
	if o.write {
		if written, err = own.write(plan.After); err != nil {
			return failed(err)
		}
	}
	if err := o.print(cmd.OutOrStdout(), read, plan, written); err != nil {
		return failed(err)
	}
	if len(plan.Clashes) > 0 || slices.ContainsFunc(read.files, func(f readFileOf) bool { return f.Problem != "" }) {
		return errNo
	}
	return nil
}

// plan makes the plan, and asks about servers that differ if there is a terminal.
func (o *importOptions) plan(cmd *cobra.Command, own ownTexts, read clientFiles) (adopt.Plan, error) {
	decided := map[string]int{}
	for {
		plan, err := adopt.Make(own.paths, own.before, read.found, decided)
		if err != nil || len(plan.Clashes) == 0 || o.asJSON || !asksAt(cmd.InOrStdin(), cmd.OutOrStdout()) {
			return plan, err
		}
		for _, c := range plan.Clashes {
			n, err := choose(cmd.InOrStdin(), cmd.OutOrStdout(), c)
			if err != nil {
				return plan, err
			}
			decided[c.Server] = n
		}
	}
}

// choose asks which of several servers of one name counts.
func choose(in io.Reader, out io.Writer, c adopt.Clash) (int, error) {
	fmt.Fprintf(out, "There are several servers %s, which differ in %s:\n", line(c.Server), list(c.Fields))
	for i, choice := range c.Choices {
		fmt.Fprintf(out, "  %d  %s, %s:%d: %s\n", i+1, titleOf(choice.From), line(choice.File), choice.Line, line(choice.What))
	}
	fmt.Fprintf(out, "Which one counts for all of them? [1-%d, or 0 for none] ", len(c.Choices))
	var n int
	if _, err := fmt.Fscanln(in, &n); err != nil || n < 0 || n > len(c.Choices) {
		return 0, errors.New("that is none of the numbers: nothing is written")
	}
	return n - 1, nil // 0 is adopt.Nobody.
}

func titleOf(id string) string {
	if c, ok := clients.Find(id); ok {
		return c.Title
	}
	return line(id)
}
