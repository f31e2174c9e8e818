package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	configactor "gatehouse/actors/config"
	"gatehouse/internal/identity"
	"gatehouse/internal/jsondoc"
	"gatehouse/internal/locate"
	"gatehouse/internal/terminal"
	"gatehouse/internal/trust"
)

// trustOptions are the flags of trust.
type trustOptions struct {
	yes, list, revoke, asJSON bool
}

func newTrustCommand() *cobra.Command {
	var o trustOptions
	cmd := &cobra.Command{
		Use:   "trust [DIR]",
		Short: "Show what a project's files would run and allow, and approve them",
		Long: `trust shows what the servers file and the rules file of a folder (default: the
current one) would run, and who may do what. Then it asks whether "gatehouse run" may
use them when started there. It keeps the path and SHA-256 of both in the state
folder, and of each env file and ${file:} in the project that the servers name.

A file that changes is no longer approved: a gateway started after that ignores
the project, and a running one keeps what was approved until you approve the change
too. trust does not check what the started programs do, even if they are files of
the project.

Exit code 0: approved, or done; 1: not approved, or something is wrong; 2: wrong usage.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := notTogether(cmd.Flags(), "list", "revoke", "yes"); err != nil {
				return err
			}
			dir := "."
			if len(args) > 0 {
				dir = args[0]
			}
			return o.run(cmd, dir, len(args) > 0)
		},
	}
	cmd.Flags().BoolVarP(&o.yes, "yes", "y", false, "approve without asking")
	cmd.Flags().BoolVar(&o.list, "list", false, "list the folders that are approved, and whether they have changed")
	cmd.Flags().BoolVar(&o.revoke, "revoke", false, "forget that the folder was approved")
	cmd.Flags().BoolVar(&o.asJSON, "json", false, `with --list: print [{"dir", "state", "approved", "files"}]`)
	return cmd
}

func (o *trustOptions) run(cmd *cobra.Command, dir string, named bool) error {
	switch {
	case o.asJSON && !o.list:
		return errors.New("--json needs --list")
	case o.list && named:
		return errors.New("--list takes no folder")
	case o.list:
		return listTrusted(cmd.OutOrStdout(), o.asJSON)
	}
	if err := notBehindAGateway(); err != nil {
		return failed(err)
	}
	real, err := folderOf(dir)
	if err != nil && !o.revoke {
		return failed(err)
	}
	if o.revoke {
		return revoke(cmd, real)
	}
	return o.approve(cmd, real)
}

// folderOf makes a folder absolute and resolves symbolic links. Of one that is
// not there it returns the absolute path beside the error.
func folderOf(dir string) (string, error) {
	workDir, err := workingFolder()
	if err != nil {
		return "", err
	}
	abs, err := locate.ResolvePath(dir, workDir, homeDir())
	if err != nil {
		return "", err
	}
	real, err := filepath.EvalSymlinks(abs)
	if err != nil {
		return abs, fmt.Errorf("cannot find the folder %s: %w", line(abs), reasonOf(err))
	}
	if info, err := os.Stat(real); err != nil || !info.IsDir() {
		return real, fmt.Errorf("%s is not a folder", jsondoc.Quote(dir))
	}
	return real, nil
}

// approve shows a project and keeps that its owner has approved it.
func (o *trustOptions) approve(cmd *cobra.Command, dir string) error {
	out := cmd.OutOrStdout()
	p := lookAtProject(dir, "")
	if p == nil || p.servers.path == "" || p.rules.path == "" {
		return failed(fmt.Errorf("there is nothing to approve in %s: a project has both .mcp.json and .mcp-gateway-rules.json (or gateway-rules.json); "+
			"files in different places are named by --mcp-config and --rules", line(dir)))
	}
	c, err := p.examine(cmd.ErrOrStderr())
	if err != nil {
		return failed(err)
	}
	if err := showProject(out, c); err != nil {
		return err
	}
	if c.unchanged() {
		fmt.Fprintf(out, "\nThey are approved already, since %s.\n", p.approved.Approved.Local().Format(time.DateTime))
		return nil
	}
	if !o.yes {
		if err := ask(cmd.InOrStdin(), out, "\nMay gatehouse use these files, as they are now, when it is started in this folder? [y/N] "); err != nil {
			return failed(err)
		}
	}
	if err := c.approve(cmd.Context(), cmd.ErrOrStderr()); err != nil {
		return failed(err)
	}
	fmt.Fprintln(out, "\nApproved. A running gateway that uses them picks them up by itself.")
	return nil
}

// candidate is a project that somebody thinks of approving.
type candidate struct {
	*project

	loaded configactor.Loaded
	files  []trust.File // what approving it would approve
}

// examine reads a project as a start would. Errors in its files are printed
// and returned: what cannot be used cannot be approved.
func (p *project) examine(w io.Writer) (candidate, error) {
	found := foundFiles{
		servers: locate.Found{Path: p.servers.path}, rules: locate.Found{Path: p.rules.path}, project: p,
	}
	src := found.sources(false, env("GATEWAY_DEFAULT_AGENT", ""), nil)
	src.Approved = nil // It is looked at before that.
	loaded, problems := found.load(src)
	if jsondoc.HasErrors(problems) {
		printProblems(w, problems)
		return candidate{}, errors.New("files with errors cannot be approved; fix them first")
	}
	if err := p.keysElsewhere(loaded.Credentials); err != nil {
		return candidate{}, err
	}
	printProblems(w, slices.DeleteFunc(problems, func(p jsondoc.Problem) bool { return p.Severity == jsondoc.Info }))
	files := []trust.File{
		{Role: trust.Servers, Path: p.servers.real, SHA256: p.servers.content.Hash},
		{Role: trust.Rules, Path: p.rules.real, SHA256: p.rules.content.Hash},
	}
	named := loaded.Named()
	for _, path := range slices.Sorted(maps.Keys(named)) {
		if mark := named[path]; !strings.HasPrefix(mark, "!") && p.holds(path) {
			files = append(files, trust.File{Role: trust.Named, Path: filepath.Clean(path), SHA256: mark})
		}
	}
	return candidate{project: p, loaded: loaded, files: files}, nil
}

// holds reports whether a file is in the project, by its path or by where
// symbolic links lead to.
func (p *project) holds(path string) bool {
	here := trust.Project{Dir: p.dir}
	return here.Governs(path) || here.Governs(resolved(path))
}

// keysElsewhere refuses rules that take keys from a file of the project: who
// may write it could be anybody.
func (p *project) keysElsewhere(c identity.Credentials) error {
	if c.JWT == nil || c.JWT.KeysFile == "" {
		return nil
	}
	path, err := locate.ResolvePath(c.JWT.KeysFile, p.dir, homeDir())
	if err != nil {
		return err
	}
	if p.holds(path) {
		return fmt.Errorf("cannot approve %s: whoever can write %s, a file of the project with the keys of tokens, could be any agent; put it elsewhere",
			line(p.dir), line(path))
	}
	return nil
}

// unchanged reports whether all of it is approved already.
func (c candidate) unchanged() bool {
	return c.state == trust.Approved && slices.Equal(c.files, c.approved.Files)
}

// approve keeps that the owner has approved what was shown, unless any of it has changed
// since.
func (c candidate) approve(ctx context.Context, errs io.Writer) error {
	approved := approval(c.approved, trust.Project{Dir: c.dir, Approved: time.Now().UTC().Truncate(time.Second), Files: c.files})
	change := func(record trust.Record) (trust.Record, error) {
		if err := c.asShown(); err != nil {
			return record, err
		}
		return approved(record)
	}
	record, err := readRecord()
	if err != nil {
		return err
	}
	if _, err := change(record); err != nil { // Before the audit log says otherwise.
		return err
	}
	return keepTrust(ctx, errs, "approve", c.dir, c.files, change)
}

// asShown returns an error if a file is not as it was when it was shown.
func (c candidate) asShown() error {
	for _, f := range c.files {
		if readFile("", f.Path).Hash != f.SHA256 {
			return fmt.Errorf("%s has changed since it was shown: nothing is approved; look at it and try again", line(f.Path))
		}
	}
	return nil
}

// ask returns an error unless the user at the terminal says yes.
func ask(in io.Reader, out io.Writer, question string) error {
	f, isFile := in.(*os.File)
	_, asks := terminal.Of(out)
	if isFile && asks {
		_, asks = terminal.Of(f)
	}
	if !isFile || !asks {
		return errors.New("not approved: there is no terminal to ask on; review what is shown above, then add --yes")
	}
	fmt.Fprint(out, question)
	answer, err := bufio.NewReader(io.LimitReader(in, 1000)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("not approved: cannot read the answer: %w", err)
	}
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return nil
	}
	return errors.New("not approved")
}

// revoke forgets a folder.
func revoke(cmd *cobra.Command, dir string) error {
	record, err := readRecord()
	if err != nil {
		return failed(err)
	}
	if _, known := record.Project(dir); !known {
		return failed(fmt.Errorf("%s was not approved; \"gatehouse trust --list\" lists what was", line(dir)))
	}
	if err := keepTrust(cmd.Context(), cmd.ErrOrStderr(), "revoke", dir, nil, revocation(dir)); err != nil {
		return failed(err)
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s is not approved any more. A gateway that runs there goes on with what was approved until it ends.\n", line(dir))
	return nil
}

// trustedProject is a line of trust --list.
type trustedProject struct {
	Dir      string       `json:"dir"`
	State    string       `json:"state"` // approved, changed, or gone
	Approved time.Time    `json:"approved"`
	Files    []trust.File `json:"files"`
}

func listTrusted(w io.Writer, asJSON bool) error {
	record, err := readRecord()
	if err != nil {
		return failed(err)
	}
	list := make([]trustedProject, 0, len(record.Projects))
	for _, p := range record.Projects {
		list = append(list, trustedProject{Dir: p.Dir, State: stateNow(p), Approved: p.Approved, Files: p.Files})
	}
	if asJSON {
		return writeJSON(w, list)
	}
	if len(list) == 0 {
		fmt.Fprintln(w, "no folder is approved")
	}
	for _, p := range list {
		fmt.Fprintf(w, "%-8s %s, since %s\n", p.State, line(p.Dir), p.Approved.Local().Format(time.DateTime))
	}
	return nil
}

// stateNow compares what was approved of a project with what is there now.
func stateNow(p trust.Project) string {
	now := lookAtProject(p.Dir, "")
	if now == nil {
		return "gone"
	}
	for _, f := range p.Files {
		if f.Role == trust.Named && readFile("", f.Path).Hash != f.SHA256 {
			return string(trust.Changed)
		}
	}
	return string(now.state)
}
