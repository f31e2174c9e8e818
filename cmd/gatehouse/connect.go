package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"gatehouse/internal/adopt"
	"gatehouse/internal/clients"
	"gatehouse/internal/jsondoc"
	"gatehouse/internal/policy"
	"gatehouse/internal/rulesfile"
	"gatehouse/internal/safefile"
	"gatehouse/internal/serversfile"
	"gatehouse/internal/suggest"
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

func newDisconnectCommand() *cobra.Command {
	var dryRun, all bool
	cmd := &cobra.Command{
		Use:   "disconnect [PROGRAM]",
		Short: "Remove gatehouse from a program's configuration, and restore what was there",
		Long: `disconnect restores the file as it was before "gatehouse connect", byte for byte. If
the file has changed since, it removes only the entry, and puts back what --replace
removed.`,
		Example: `  gatehouse disconnect cursor     Cursor is as it was
  gatehouse disconnect --all      every program is`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: completeConnected,
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case all && len(args) > 0:
				return errors.New("--all takes no PROGRAM")
			case !all && len(args) == 0:
				return errors.New("PROGRAM is missing; usage: gatehouse disconnect PROGRAM, or gatehouse disconnect --all")
			}
			err := notBehindAGateway()
			work := func() error { return disconnectAll(cmd.OutOrStdout(), dryRun) }
			if !all {
				work = func() error { return disconnect(cmd.OutOrStdout(), args[0], dryRun) }
			}
			if err == nil {
				err = oneByOne(cmd.Context(), cmd.ErrOrStderr(), dryRun, work)
			}
			if err != nil {
				return failed(err)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "show what would change, and change nothing")
	cmd.Flags().BoolVar(&all, "all", false, "every program that is connected")
	return cmd
}

// connectableIDs are the programs that can be connected.
func connectableIDs() []string {
	var ids []string
	for _, c := range clients.All() {
		if c.CanConnect() {
			ids = append(ids, c.ID)
		}
	}
	return ids
}

func completeConnectable(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return programNames(args, (*clients.Client).CanConnect)
}

// completeConnected offers the programs that disconnect has something to do with.
func completeConnected(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return programNames(args, func(c *clients.Client) bool {
		if !c.CanConnect() {
			return false
		}
		t, err := openTarget(c)
		return err == nil && (t.connected() || t.recorded())
	})
}

// programNames are the programs that fit, for the first word.
func programNames(args []string, fits func(*clients.Client) bool) ([]cobra.Completion, cobra.ShellCompDirective) {
	var names []cobra.Completion
	for _, c := range clients.All() {
		if len(args) == 0 && fits(c) {
			names = append(names, cobra.CompletionWithDesc(c.ID, c.Title))
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// clientToConnect finds a program that can be connected.
func clientToConnect(name string) (*clients.Client, error) {
	c, known := clients.Find(name)
	if !known || !c.CanConnect() {
		return nil, noSuchProgram(name)
	}
	return c, nil
}

// noSuchProgram names the programs that were probably meant: those whose ids begin
// with the name, such as "claude", or else the nearest.
func noSuchProgram(name string) error {
	ids := connectableIDs()
	var near []string
	for _, id := range ids {
		if name != "" && strings.HasPrefix(id, name+"-") {
			near = append(near, id)
		}
	}
	if best, ok := suggest.Nearest(name, ids); ok && len(near) == 0 {
		near = []string{best}
	}
	text := fmt.Sprintf("there is no program %q to connect", name)
	if len(near) > 0 {
		text += "; did you mean " + strings.Join(near, " or ") + "?"
	}
	return fmt.Errorf("%s\nprograms: %s", text, strings.Join(ids, ", "))
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

// addUneditable adds to what is left the servers that would be behind the gateway, and are
// still in the file.
func (o *connectOptions) addUneditable(e *entry, decider *policy.Policy) error {
	still, _, err := o.inGateway(e.client, e.path, e.after, decider)
	if len(still) > 0 {
		e.left = append(e.left, leftIn{uneditable, still})
	}
	return err
}

const uneditable = "it is written in a form, or a place, that cannot be edited by line: remove it yourself"

func (o *connectOptions) report(out io.Writer, e entry) {
	fmt.Fprintf(out, "%s is connected as agent %s, in %s\n", e.client.Title, o.agent, line(e.path))
	if e.record.Existed {
		fmt.Fprintf(out, "the original is kept in %s\n", line(e.backupPath()))
	}
	for _, path := range e.otherCopies() {
		fmt.Fprintf(out, "what the file was before an earlier connection is still kept in %s; remove it if you miss nothing\n", line(path))
	}
	e.reportServers(out)
	if e.why != "" {
		fmt.Fprintln(out, e.why)
	}
	fmt.Fprintln(out, e.client.After())
	fmt.Fprintf(out, "Undo: gatehouse disconnect %s\n", e.client.ID)
}

// reportServers says what has become of the servers in the file.
func (e entry) reportServers(out io.Writer) {
	if len(e.taken) > 0 {
		var names []string
		for _, server := range e.taken {
			names = append(names, server.Name)
		}
		fmt.Fprintf(out, "removed %s: now behind the gateway\n", namesInFile(names))
	}
	e.reportLeft(out)
	if len(e.back) > 0 {
		fmt.Fprintf(out, "put back %s: without --replace, %s starts them itself\n", namesInFile(e.back), e.client.Title)
	}
}

// reportLeft says which servers --replace leaves, and why.
func (e entry) reportLeft(out io.Writer) {
	for _, l := range e.left {
		fmt.Fprintf(out, "left %s: %s\n", namesInFile(l.servers), line(l.why))
	}
}

// namesInFile lists names of servers, one of which may be empty.
func namesInFile(names []string) string {
	shown := slices.Clone(names)
	for i, name := range shown {
		shown[i] = cmp.Or(name, `""`)
	}
	return list(shown)
}

// checkAgent refuses an agent that the rules do not have: "gatehouse attach" would.
func (o *connectOptions) checkAgent(c *clients.Client) (*policy.Policy, error) {
	path := ownPaths().Rules
	text, err := optional(safefile.Read(path, clients.MaxFileBytes))
	if err != nil {
		return nil, err
	}
	if text == nil {
		return nil, fmt.Errorf("there are no rules yet (%s): \"gatehouse import --write\" takes over what programs have, \"gatehouse init\" writes templates", path)
	}
	rules, problems := rulesfile.ParseRules(path, text)
	for _, p := range problems {
		if p.Severity == "error" {
			return nil, fmt.Errorf("%s: fix it first (\"gatehouse validate\" reports every problem)", p)
		}
	}
	decider := policy.Compile(rules)
	if !decider.HasAgent(o.agent) {
		return nil, o.noAgent(c, path, decider.Agents())
	}
	return decider, nil
}

// noAgent says how there can be an agent: of what the program has, or else by a rule.
func (o *connectOptions) noAgent(c *clients.Client, rules string, agents []string) error {
	made := importMakes(c)
	if o.agent == c.ID && made == makesNone {
		return fmt.Errorf("the rules have no agent %q, and %s has no servers to make one of: write into \"agents\" of %s what it may use, such as\n  %s%s",
			o.agent, c.Title, rules, `"`+o.agent+`": {"allow": {"servers": ["NAME"]}}`, orOneOf(o.agent, agents))
	}
	if o.agent == c.ID && made == makesConflict {
		return fmt.Errorf("the rules have no agent %q, and the servers of %s are in conflict with others of their names: \"gatehouse import --from %s\" shows how they differ%s",
			o.agent, c.Title, c.ID, orOneOf(o.agent, agents))
	}
	return fmt.Errorf("the rules have no agent %q: \"gatehouse import --from %s --write\" makes the agent %s of what the program has now%s",
		o.agent, c.ID, c.ID, orOneOf(o.agent, agents))
}

// makes is what an import would make of what a program has.
type makes string

const (
	makesAgent    makes = "agent"
	makesConflict makes = "conflict" // nothing, until somebody has decided it
	makesNone     makes = "none"
)

// importMakes reports what an import of a program's files would make. What cannot be read
// could be anything: import says what is wrong with it.
func importMakes(c *clients.Client) makes {
	read, err := readClients(c.ID)
	if err != nil {
		return makesNone
	}
	if slices.ContainsFunc(read.files, func(f readFileOf) bool { return f.Problem != "" }) {
		return makesAgent
	}
	own, err := readOwnTexts()
	if err != nil {
		return makesAgent
	}
	plan, err := adopt.Make(own.paths, own.before, read.found, nil)
	switch {
	case err != nil || plan.Grants(c.ID):
		return makesAgent
	case len(plan.Clashes) > 0:
		return makesConflict
	}
	return makesNone
}

// orOneOf names the agents that --agent may name instead, the nearest first.
func orOneOf(agent string, agents []string) string {
	if len(agents) == 0 {
		return ""
	}
	near := suggest.ByDistance(agent, agents)
	return "; or name one that they have with --agent: " + strings.Join(near[:min(len(near), maxOffered)], ", ")
}

// checkServer refuses the surface of a server that the gateway does not have, or that
// the agent may not use: the program would get errors only.
func (o *connectOptions) checkServer(decider *policy.Policy) error {
	if o.surface != "" {
		if err := checkSurface(o.surface); err != nil {
			return err
		}
	}
	name, isServer := strings.CutPrefix(o.surface, surfaceServer)
	if !isServer {
		return nil
	}
	path := ownPaths().Servers
	text, err := optional(safefile.Read(path, clients.MaxFileBytes))
	if err != nil {
		return err
	}
	if text == nil {
		return fmt.Errorf("there are no servers yet (%s): \"gatehouse import --write\" takes over what programs have, \"gatehouse init\" writes templates", path)
	}
	file, problems := serversfile.Parse(path, text)
	if jsondoc.HasErrors(problems) {
		return fmt.Errorf("%s has %s; \"gatehouse validate\" says which", path, count(problems, jsondoc.Error))
	}
	var offered []string
	for _, e := range file.Entries {
		if !e.Disabled && decider.Decide(o.agent, e.Name, "").Allow {
			offered = append(offered, e.Name)
		}
	}
	if !slices.Contains(offered, name) {
		return errors.New(missingServer(name, o.agent, offered))
	}
	return nil
}

// leftIn are servers that stay in the file of a program, for one reason.
type leftIn struct {
	why     string
	servers []string
}

// inGateway are the servers of a file that the gateway has, and that the agent may
// use. left are all others.
func (o *connectOptions) inGateway(c *clients.Client, path string, src []byte, decider *policy.Policy) (names []string, left []leftIn, err error) {
	own, err := readOwnTexts()
	if err != nil {
		return nil, nil, err
	}
	found := c.Read([]clients.Source{{File: clients.File{Path: path}, Data: src}}, func(path string) ([]byte, error) {
		return safefile.Read(path, maxEnvFile)
	})
	plan, err := adopt.Make(own.paths, own.before, []clients.Found{found}, nil)
	if err != nil {
		return nil, nil, err
	}
	for _, r := range plan.Rows {
		why := o.whyLeft(c, r, decider)
		if why == "" {
			if !slices.Contains(names, r.Written) {
				names = append(names, r.Written)
			}
			continue
		}
		i := slices.IndexFunc(left, func(l leftIn) bool { return l.why == why })
		if i < 0 {
			i, left = len(left), append(left, leftIn{why: why})
		}
		left[i].servers = append(left[i].servers, r.Written)
	}
	return names, left, nil
}

// whyLeft says why a server stays in the file; empty if it need not.
func (o *connectOptions) whyLeft(c *clients.Client, r adopt.Row, decider *policy.Policy) string {
	switch {
	case r.State == adopt.Conflict:
		return "the gateway has another one of that name: rename or remove it here"
	case r.State == adopt.LeftOut:
		return "the gateway cannot take it over (\"gatehouse import\" says why)"
	case r.State != adopt.Same:
		return "the gateway does not have it (\"gatehouse import --from " + c.ID + " --write\" takes it over)"
	case !decider.Decide(o.agent, r.Server, "").Allow:
		return "agent " + o.agent + " may not use it"
	}
	return ""
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
