package main

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"gatehouse/internal/clients"
	"gatehouse/internal/policy"
)

// connectOptions are the flags of connect.
type connectOptions struct {
	agent, surface  string
	dryRun, replace bool
}

func newConnectCommand() *cobra.Command {
	var o connectOptions
	cmd := &cobra.Command{
		Use:   "connect PROGRAM",
		Short: "Add gatehouse to the configuration of a program that uses MCP servers",
		Long: `connect writes one entry, "gatehouse attach", into the configuration of a program,
so that it uses the gateway that all programs of this user share. Comments, order,
line ends and symbolic links stay; the original is kept until "gatehouse disconnect"
restores it.

With --replace it also removes from that file the servers that the gateway has and
the agent may use; all others stay.

Programs:
` + wrapped(connectableIDs()),
		Example: `  gatehouse connect codex --dry-run      what would change
  gatehouse connect cursor --replace     its servers come through the gateway alone
  gatehouse disconnect cursor            as it was`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completeConnectable,
		RunE: func(cmd *cobra.Command, args []string) error {
			err := notBehindAGateway()
			if err == nil {
				err = oneByOne(cmd.Context(), cmd.ErrOrStderr(), o.dryRun, func() error { return o.run(cmd.OutOrStdout(), args[0]) })
			}
			if err != nil {
				return failed(err)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&o.agent, "agent", "", "which agent of the rules the program is (default: the one of its name, which import makes)")
	cmd.Flags().StringVar(&o.surface, "surface", "", "what the program sees: gate (the gateway's own tools), all (the tools, resources and prompts of all servers), or server:NAME (one server as it is)")
	cmd.Flags().BoolVar(&o.dryRun, "dry-run", false, "show what would change, and change nothing")
	cmd.Flags().BoolVar(&o.replace, "replace", false, "remove the servers that the gateway has and the agent may use")
	return cmd
}

func (o *connectOptions) run(out io.Writer, name string) error {
	e, err := o.plan(name)
	if err != nil {
		return err
	}
	if o.dryRun && !e.already() {
		e.show(out, e.after)
		return nil
	}
	if !o.dryRun {
		if err := runSteps(e.steps()); err != nil {
			return err
		}
		_ = keepSearchPath() // Servers find their programs without it, or say that they don't.
	}
	if e.already() {
		fmt.Fprintf(out, "%s is connected already, in %s\n", e.client.Title, line(e.path))
		e.reportLeft(out)
		return nil
	}
	o.report(out, e)
	return nil
}

// entry is gatehouse entered in a program's configuration.
type entry struct {
	*target

	before, after []byte // without gatehouse, and with it
	taken         []clients.Taken
	back          []string // servers that an earlier --replace had removed, and that return
	left          []leftIn // servers that --replace leaves in the file
	why           string   // what was chosen for the person
	copy          string   // the name of the copy of before
}

// already reports whether the configuration is as it would be.
func (e entry) already() bool { return bytes.Equal(e.after, e.now) }

// steps are what has yet to be done; none if all of it is.
func (e entry) steps() []step {
	if e.already() && !e.record.Writing { // The latter is left by a connect that was killed.
		return nil
	}
	return e.connect(e.after, e.before, e.taken, e.copy)
}

// plan decides what the configuration of a program will be. It changes nothing.
func (o *connectOptions) plan(name string) (entry, error) {
	c, err := clientToConnect(name)
	if err != nil {
		return entry{}, err
	}
	if o.agent = cmp.Or(o.agent, c.ID); !policy.ValidAgentID(o.agent) {
		return entry{}, fmt.Errorf("--agent is %q: an agent id has letters, digits, _ . and - only", o.agent)
	}
	decider, err := o.checkAgent(c)
	if err != nil {
		return entry{}, err
	}
	if err := o.checkServer(decider); err != nil {
		return entry{}, err
	}
	t, err := openTarget(c)
	if err != nil {
		return entry{}, err
	}
	if err := c.Once(t.path, t.now); err != nil {
		return entry{}, err
	}
	command, why, err := o.command(c)
	if err != nil {
		return entry{}, err
	}
	e := entry{target: t, why: why}
	before, lost := t.withoutUs()
	e.before, e.copy = before, t.placeOfCopy(before, lost)
	var without []string
	if o.replace {
		if without, e.left, err = o.inGateway(c, t.path, e.before, decider); err != nil {
			return entry{}, err
		}
	}
	if e.after, e.taken, err = c.Connect(t.path, e.before, command, without); err != nil {
		return entry{}, err
	}
	if o.replace {
		err = o.addUneditable(&e, decider)
	} else {
		e.back = t.returned(e.after)
	}
	return e, err
}

// command is what the program starts: this very program, by its whole path, as
// desktop programs know a bare PATH only. why says what was chosen for it.
func (o *connectOptions) command(c *clients.Client) (command clients.Command, why string, err error) {
	path, err := ownProgram()
	if err != nil {
		return command, "", err
	}
	command = clients.Command{Path: path, Args: []string{"attach", "--agent", o.agent}}
	if o.surface == "" {
		o.surface, why = proposedSurface(c)
	}
	if o.surface != surfaceGate {
		command.Args = append(command.Args, "--surface", o.surface)
	}
	if dir := configFolder(); dir != userConfigFolder() { // By a variable that the program does not have.
		command.Args = append(command.Args, "--config", dir)
		if env := ownPaths().Env; exists(env) {
			command.Args = append(command.Args, "--env-file", env)
		}
	}
	return command, why, nil
}

// proposedSurface is what serves a program best, and why in words.
func proposedSurface(c *clients.Client) (surface, why string) {
	if c.Searches {
		return surfaceAll, c.Title + " searches tools by itself, so it sees those of all servers; --surface gate shows it the gateway's own four instead."
	}
	return surfaceGate, ""
}

// ownProgram is the path of this program: the one by which it was found, as what
// a link leads to may go with the next version.
func ownProgram() (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("cannot find this program: %w", err)
	}
	candidates := []string{os.Args[0]}
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		candidates = append(candidates, filepath.Join(dir, filepath.Base(os.Args[0])))
	}
	for _, path := range candidates {
		if filepath.IsAbs(path) && sameFile(path, self) {
			return filepath.Clean(path), nil
		}
	}
	return self, nil
}
