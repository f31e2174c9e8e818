package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"time"

	"github.com/spf13/cobra"

	configactor "gatehouse/actors/config"
	"gatehouse/internal/admin"
	"gatehouse/internal/fleet"
	"gatehouse/internal/jsondoc"
	"gatehouse/messages"
)

// applyOptions are the flags of apply.
type applyOptions struct {
	storeOptions

	files   fileOptions
	wait    time.Duration
	skip    []string
	first   bool
	gateway running // whose fleet it is, without a store
}

func newApplyCommand() *cobra.Command {
	var o applyOptions
	cmd := &cobra.Command{
		Use:   "apply",
		Short: "Apply both files to a fleet, once every replica can follow",
		Long: `apply checks both files and proposes them to the fleet. Each replica says whether it
can follow: it parses them and resolves all variables. If one cannot, or if two resolve
a variable differently, nothing changes anywhere, and apply names the replica and the
reason. Otherwise all of them switch, and apply returns once they have.

Variables are not expanded on the way: each replica resolves them from its own
environment and env files. A variable that a replica cannot resolve never blocks a
change to the rules alone. If two people apply at once, the later one wins, and the
other is told.

--fleet and --fleet-store name the fleet. Without a store it is the fleet of the gateway
that runs here, reached through its operators' socket.

Exit code 0: in force on all replicas; 1: not in force; 2: wrong usage; 3: no gateway is running.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.check(); err != nil {
				return err
			}
			return failedUnlessNil(o.run(cmd))
		},
	}
	f := cmd.Flags()
	o.files.register(f)
	_ = f.MarkHidden("env-file") // It is there. Replicas have their own.
	o.register(f)
	f.DurationVar(&o.wait, "wait", applyPatience, "how long to wait for the replicas' answers")
	f.StringSliceVar(&o.skip, "skip", nil, "go on without this replica, which keeps what it has until it can follow; repeatable")
	f.BoolVar(&o.first, "first", false, "apply the configuration even though no replica is alive")
	o.gateway.register(cmd, `print {"outcome", "generation", "replicas", "differences", "error", "problems"}`)
	return cmd
}

func failedUnlessNil(err error) error {
	if err == nil || errors.Is(err, errNo) {
		return err
	}
	return failed(err)
}

func (o *applyOptions) check() error {
	switch {
	case o.wait <= 0:
		return fmt.Errorf("--wait is %s: use more than 0", o.wait)
	case o.bySocket() && o.first:
		return errors.New("--first needs --fleet and --fleet-store: it is for a fleet of which no gateway runs")
	case o.bySocket():
		return nil
	}
	return o.storeOptions.check()
}

// bySocket reports whether a gateway that runs here is asked, and not the store.
func (o *applyOptions) bySocket() bool { return !o.named() }

func (o *applyOptions) run(cmd *cobra.Command) error {
	found, err := o.files.find()
	if err != nil {
		return err
	}
	out := cmd.OutOrStdout()
	if o.gateway.asJSON {
		out = io.Discard
	}
	c, problems := readContent(found)
	printProblems(out, problems)
	if jsondoc.HasErrors(problems) {
		return o.notProposed(cmd, problems, count(problems, jsondoc.Error)+" in the files")
	}
	if err := c.Check(); err != nil {
		if o.gateway.asJSON {
			return o.notProposed(cmd, problems, err.Error())
		}
		return err
	}
	ctx, stop := interruptible(cmd)
	defer stop()
	fmt.Fprintf(out, "%s, %s: asking the replicas\n", found.servers.Path, found.rules.Path)
	apply := o.applyToStore
	if o.bySocket() {
		apply = o.applyBySocket
	}
	applied, err := apply(ctx, out, c)
	if !o.gateway.asJSON || applied.Outcome == "" {
		return err
	}
	if jsonErr := writeJSON(cmd.OutOrStdout(), appliedFiles{applied, problems}); jsonErr != nil || err == nil {
		return jsonErr
	}
	return errNo
}

// appliedFiles is what --json prints.
type appliedFiles struct {
	admin.Applied

	// Problems are those of the files: warnings, or why nothing was proposed.
	Problems []jsondoc.Problem `json:"problems,omitempty"`
}

// notProposed says of files that no replica was asked about why not.
func (o *applyOptions) notProposed(cmd *cobra.Command, problems []jsondoc.Problem, why string) error {
	if !o.gateway.asJSON {
		return errNo // It has been said.
	}
	a := admin.Applied{Outcome: admin.NotApplied, Replicas: []admin.ReplicaSay{}, Error: "nothing was proposed: " + why}
	if err := writeJSON(cmd.OutOrStdout(), appliedFiles{a, problems}); err != nil {
		return err
	}
	return errNo
}

// applyToStore applies a configuration to the fleet of a store.
func (o *applyOptions) applyToStore(ctx context.Context, out io.Writer, c fleet.Content) (admin.Applied, error) {
	store, err := o.open(ctx)
	if err != nil {
		return admin.Applied{}, err
	}
	defer store.Close()
	a := &applier{store: store, out: out, name: o.fleet.name, wait: o.wait, skip: o.skip, first: o.first}
	err = a.apply(ctx, c)
	return a.result, err
}

// readContent reads and checks both files.
func readContent(found foundFiles) (fleet.Content, []jsondoc.Problem) {
	c := fleet.Content{By: whoApplies(), At: time.Now().UTC(), DigestKey: []byte(rand.Text())}
	read := readFile
	if found.project != nil {
		read = found.project.read
	}
	var problems []jsondoc.Problem
	for _, file := range []struct {
		role messages.FileRole
		path string
		into *[]byte
	}{{messages.RoleServers, found.servers.Path, &c.Servers}, {messages.RoleRules, found.rules.Path, &c.Rules}} {
		m := read(file.role, file.path)
		if m.Err != "" {
			problems = append(problems, jsondoc.Problem{
				File: file.path, Code: configactor.CodeFileUnreadable, Severity: jsondoc.Error, Message: "cannot read the file: " + m.Reason, Hint: "put a readable file there",
			})
		}
		*file.into = m.Content
	}
	if len(problems) == 0 {
		problems = configactor.Sources{ServersFile: found.servers.Path, RulesFile: found.rules.Path}.Check(&c)
	}
	return c, problems
}

// whoApplies names who applies, for those who look at the fleet later.
func whoApplies() string {
	name := "somebody"
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	if host, err := os.Hostname(); err == nil {
		name += "@" + host
	}
	return name
}
