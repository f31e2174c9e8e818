package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"gatehouse/internal/attach"
	"gatehouse/internal/locate"
	"gatehouse/internal/policy"
	"gatehouse/internal/terminal"
)

// restartWait is how long a client's requests wait for a gateway that restarts.
const restartWait = 10 * time.Second

// attachOptions are the flags of attach.
type attachOptions struct {
	agents     []string
	surface    string
	config     string
	mcpConfig  string
	rules      string
	envFiles   []string
	linger     time.Duration
	drainOnEOF time.Duration
	keepPath   bool
	url        string
	tokenFile  string
	keyring    bool // has the token
	keepToken  bool
	flags      map[string]string // those that a gateway can have otherwise, if they were given
}

func newAttachCommand() *cobra.Command {
	var o attachOptions
	cmd := &cobra.Command{
		Use:   "attach",
		Short: "Connect an MCP client to the gateway that all clients of this user share",
		Long: `attach is what an MCP client starts. It speaks MCP over stdio and passes it on to
one gateway that all clients of this user share, with one process for each server.
If a gateway is running with the same files ("gatehouse run --transport http" or
"--transport attach"), attach uses it. Otherwise it starts one in the background,
which ends once nobody has been attached for --linger.

The background gateway inherits nobody's environment: variables for servers come
from env files, and PATH is the one that "gatehouse init" or "connect" (or "gatehouse
attach --keep-path") saw. Its log is in the state folder, under attach/.

When the gateway restarts, the client's session goes on. A call whose outcome is
unknown is answered with may_have_run, and never sent again.

With --url, attach connects to a gateway elsewhere over HTTP instead.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.note(cmd.Flags())
			return o.run(cmd)
		},
	}
	o.register(cmd.Flags())
	return cmd
}

func (o *attachOptions) register(f *pflag.FlagSet) {
	f.StringSliceVar(&o.agents, "agent", nil, "pin: the client is one of these agents; the first, unless it says which")
	f.StringVar(&o.surface, "surface", surfaceGate, "what the client sees: gate (the gateway's own tools), all (the tools, resources and prompts of all servers), or server:NAME (one server as it is)")
	f.StringVar(&o.config, "config", "", "the folder of .mcp.json and the rules (default: gatehouse in the config folder of the user's home)")
	f.StringVar(&o.mcpConfig, "mcp-config", "", "the servers file (default: that of --config)")
	f.StringVar(&o.rules, "rules", "", "the rules file (default: that of --config)")
	f.StringArrayVar(&o.envFiles, "env-file", nil, "a file of KEY=VALUE lines for ${KEY} in the servers file, besides gatehouse.env of the config folder; repeatable")
	f.StringVar(&o.url, "url", "", "the address of a gateway elsewhere, over HTTP, to use instead of the shared one")
	f.StringVar(&o.tokenFile, "token-file", "", "with --url: the file with the token, which only this user may read")
	f.BoolVar(&o.keyring, "token-keyring", false, "with --url: the token is in the system's keyring, where --keep-token has put it")
	f.BoolVar(&o.keepToken, "keep-token", false, "with --url: read the token from standard input, keep it in the system's keyring, and exit; an empty line forgets it")
	f.DurationVar(&o.linger, "linger", 10*time.Minute, "a gateway started by this command ends once nobody has been attached for this long; 0s means never")
	f.DurationVar(&o.drainOnEOF, "drain-on-eof", 10*time.Second, "how long running and waiting calls may go on after the end of the input")
	f.BoolVar(&o.keepPath, "keep-path", false, "keep the PATH of this shell for the servers of background gateways, and exit")
}

// note keeps which flags were given that a running gateway may not have.
func (o *attachOptions) note(f *pflag.FlagSet) {
	o.flags = map[string]string{}
	if f.Changed("linger") {
		o.flags["linger"] = o.linger.String()
	}
}

func (o *attachOptions) check() error {
	var errs []error
	for _, id := range o.agents {
		if !policy.ValidAgentID(id) {
			errs = append(errs, fmt.Errorf("--agent names %q: an agent id has letters, digits, _ . and - only", id))
		}
	}
	errs = append(errs, checkSurface(o.surface))
	if o.linger < 0 {
		errs = append(errs, fmt.Errorf("--linger is %s: use 0s or more", o.linger))
	}
	if o.drainOnEOF < 0 {
		errs = append(errs, fmt.Errorf("--drain-on-eof is %s: use 0s or more", o.drainOnEOF))
	}
	return errors.Join(errs...)
}

func (o *attachOptions) run(cmd *cobra.Command) error {
	if o.keepPath {
		return o.keep(cmd.OutOrStdout())
	}
	if err := errors.Join(o.check(), notBelow()); err != nil {
		return err
	}
	if o.url != "" {
		if o.keepToken {
			return o.storeToken(cmd.InOrStdin(), cmd.OutOrStdout())
		}
		return o.runURL(cmd.InOrStdin(), cmd.OutOrStdout())
	}
	if o.tokenFile != "" {
		return errors.New("--token-file needs --url: the shared gateway asks for no token")
	}
	if o.keyring || o.keepToken {
		return errors.New("--token-keyring and --keep-token need --url: the shared gateway asks for no token")
	}
	stderr := cmd.ErrOrStderr()
	c, err := o.connector(stderr)
	if err != nil {
		return failed(err)
	}
	outliveReaders()
	return o.relay(c.connect, cmd.InOrStdin(), terminal.Raw(cmd.OutOrStdout()), stderr)
}

// relay carries the client's conversation.
func (o *attachOptions) relay(connect func(context.Context, *attach.Welcome) (*attach.Link, error), stdin io.Reader, stdout, stderr io.Writer) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	hurry, stop := inAHurry(cancel)
	defer stop()
	in, restore := pollable(stdin, stdout, os.Stderr)
	defer restore()
	r := attach.NewRelay(attach.RelayOptions{
		In: in, Out: stdout, Connect: connect, Wait: restartWait, Hurry: hurry, OwnTools: o.surface != surfaceGate,
		Note: func(text string) { fmt.Fprintf(stderr, "gatehouse: %s\n", line(text)) },
	})
	if err := r.Run(ctx); err != nil {
		return failed(err)
	}
	if ctx.Err() != nil {
		return failed(errors.New("stopped at once by a third signal"))
	}
	return nil
}

// inAHurry hears the signals that ask for an end: the first ends the input, the
// second what runs, the third the program.
func inAHurry(end func()) (hurry <-chan struct{}, stop func()) {
	signals, told := make(chan os.Signal, 4), make(chan struct{}, 4)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	wishes := withoutEchoes(signals)
	go func() { // Ends with the process.
		for n := 1; ; n++ {
			<-wishes
			if n > 2 {
				end()
				return
			}
			told <- struct{}{}
		}
	}()
	return told, func() { signal.Stop(signals) }
}

func (o *attachOptions) keep(w io.Writer) error {
	if err := notBehindAGateway(); err != nil {
		return failed(err)
	}
	if err := keepSearchPath(); err != nil {
		return failed(err)
	}
	fmt.Fprintf(w, "kept the PATH of this shell in %s\n", line(searchPathFile()))
	return nil
}

// find decides which files the gateway has. Neither variables nor the working
// directory matter: they differ from client to client.
func (o *attachOptions) find() (foundFiles, error) {
	workDir, err := workingFolder()
	if err != nil && (o.config != "" || o.mcpConfig != "" || o.rules != "") {
		return foundFiles{}, err
	}
	place := locate.Place{WorkDir: workDir, Unheeded: true, HomeDir: userHome(), ConfigDir: filepath.Dir(userConfigFolder()), Exists: exists}
	servers, rules := o.mcpConfig, o.rules
	if o.config != "" {
		dir, err := locate.ResolvePath(o.config, workDir, userHome())
		if err != nil {
			return foundFiles{}, err
		}
		inServers, inRules := locate.Project(dir, exists)
		if servers == "" && inServers == "" || rules == "" && inRules == "" {
			return foundFiles{}, fmt.Errorf("there is no .mcp.json with .mcp-gateway-rules.json (or gateway-rules.json) in %s: "+
				"run \"gatehouse init\", or name the files with --mcp-config and --rules", line(dir))
		}
		if servers == "" {
			servers = inServers
		}
		if rules == "" {
			rules = inRules
		}
	}
	return namedFiles(place, servers, rules, o.envFiles)
}

// namedFiles are the files that flags name, else those of the config folder.
func namedFiles(place locate.Place, servers, rules string, envFiles []string) (f foundFiles, err error) {
	var errs [2]error
	place.Flag = servers
	f.servers, errs[0] = locate.FindServers(place)
	place.Flag = rules
	f.rules, errs[1] = locate.FindRules(place)
	if err := errors.Join(errs[:]...); err != nil {
		return f, err
	}
	for _, path := range envFiles {
		found, err := locate.Named("--env-file", path, place)
		if err != nil {
			return f, err
		}
		f.envFiles = append(f.envFiles, found)
	}
	return f, nil
}
