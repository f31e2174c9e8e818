package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"

	"github.com/spf13/cobra"

	"gatehouse/internal/locate"
	"gatehouse/internal/rulesfile"
	"gatehouse/internal/serversfile"
	"gatehouse/internal/shellword"
)

// initOptions are the flags of init.
type initOptions struct {
	dir  string
	open bool
}

func newInitCommand() *cobra.Command {
	var o initOptions
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Write templates of both files into the config folder; never overwrites",
		Long: `init writes both files, with comments, where "gatehouse run" looks for them: in the
folder "gatehouse" of your config folder. In any other folder (--dir), .mcp.json
is plain JSON without a server: other MCP clients read a file of that name too,
and would start its servers beside the gateway.

Agents need a token over HTTP, but not over stdio. init makes one for the first
agent, shows it once, and writes its hash into the rules. With --open there is no
token, and every program that reaches the port can be any agent.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.write(cmd); err != nil {
				return failed(err)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&o.dir, "dir", "", "another folder to write to (default: the config folder)")
	cmd.Flags().BoolVar(&o.open, "open", false, "no token: whoever reaches the HTTP port can be any agent")
	return cmd
}

func (o initOptions) write(cmd *cobra.Command) error {
	own := configFolder()
	dir := cmp.Or(o.dir, own)
	if dir == "" {
		return errors.New("cannot find the config folder: this user has no home folder; name a folder with --dir, or set HOME or XDG_CONFIG_HOME")
	}
	if !filepath.IsAbs(dir) {
		workDir, err := workingFolder()
		if err != nil {
			return err
		}
		dir = filepath.Join(workDir, dir)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("cannot make the folder %s: %w; name another with --dir", dir, reasonOf(err))
	}
	servers, shared := serversfile.Template(), !sameFolder(dir, own)
	if shared {
		servers = serversfile.PlainTemplate()
	}
	token, rules, err := o.rules()
	if err != nil {
		return err
	}
	out, serversPath, rulesPath := cmd.OutOrStdout(), filepath.Join(dir, ".mcp.json"), filepath.Join(dir, ".mcp-gateway-rules.json")
	if _, err := initFile(out, serversPath, servers); err != nil {
		return err
	}
	written, err := initFile(out, rulesPath, rules)
	if err != nil {
		return err
	}
	if written && token != "" {
		fmt.Fprintf(out, "\nThe token of agent %q over HTTP, shown only now (the rules have its hash):\n\n  %s\n\n", rulesfile.TemplateAgent, token)
	}
	advise(out, serversPath, rulesPath, shared)
	if !shared {
		_ = keepSearchPath() // Servers find their programs without it, or say that they don't.
	}
	return nil
}

// rules makes the rules, and the token that they ask for.
func (o initOptions) rules() (token string, rules []byte, err error) {
	if o.open {
		return "", rulesfile.Template(""), nil
	}
	token, line := tokenLine{ID: "init", Agents: []string{rulesfile.TemplateAgent}}.fresh()
	text, err := json.Marshal(line)
	if err != nil {
		return "", nil, fmt.Errorf("internal: cannot write the token's line: %w", err)
	}
	return token, rulesfile.Template(string(text)), nil
}

// initFile writes a file unless there is one, says which, and reports whether
// it has.
func initFile(w io.Writer, path string, content []byte) (written bool, err error) {
	err = writeNew(path, content)
	switch {
	case errors.Is(err, os.ErrExist):
		fmt.Fprintf(w, "kept    %s (it exists)\n", path)
		return false, nil
	case err != nil:
		return false, err
	}
	fmt.Fprintf(w, "wrote   %s\n", path)
	return true, nil
}

// advise says what to do next. Files that are shared with other clients must be
// named.
func advise(w io.Writer, servers, rules string, shared bool) {
	if !shared {
		command := "gatehouse attach"
		if dir := filepath.Dir(servers); !sameFolder(dir, userConfigFolder()) {
			command += " --config " + shellword.Of(dir) // XDG_CONFIG_HOME is set here, and not in every client.
		}
		fmt.Fprintf(w, `Edit them, check them with "gatehouse validate", then have your clients start "%s":
they share one gateway. For clients over HTTP, start "gatehouse run --transport http".
`, command)
		return
	}
	fmt.Fprintf(w, `Other MCP clients that work in this folder read .mcp.json too, and start what is
in it beside the gateway: "gatehouse init" without --dir has a folder of its own.
Edit the files, check them with "gatehouse validate" and have clients start
"gatehouse attach", both with --mcp-config %s --rules %s
`, shellword.Of(servers), shellword.Of(rules))
}

// configDir is the folder of the configuration of all programs; empty if unknown.
func configDir() string { return locate.ConfigDir(runtime.GOOS, os.Getenv, homeDir()) }

// configFolder is where gatehouse looks for its files; empty if unknown.
func configFolder() string {
	return locate.ConfigFolder(configDir())
}

// sameFolder reports whether two paths lead to one folder.
func sameFolder(a, b string) bool {
	if a == b {
		return true
	}
	first, err := os.Stat(a)
	if err != nil {
		return false
	}
	second, err := os.Stat(b)
	return err == nil && os.SameFile(first, second)
}

// writeNew writes a file that does not exist yet.
func writeNew(path string, content []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	return errors.Join(err, f.Close())
}
