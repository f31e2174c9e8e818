package main

import (
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
)

func newInitCommand() *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Write templates of both files into the config folder; never overwrites",
		Long: `init writes both files, with comments, where "gatehouse run" looks for them: into
the folder gatehouse of the user's config folder. In any other folder, named by
--dir, .mcp.json is plain JSON without a server: that is a file which other MCP
clients read as well, and they would start its servers beside the gateway.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := initFiles(cmd, dir); err != nil {
				return failed(err)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&dir, "dir", "", "another folder to write to (default: the config folder)")
	return cmd
}

func initFiles(cmd *cobra.Command, dir string) error {
	own := configFolder()
	if dir == "" {
		dir = own
	}
	if dir == "" {
		return errors.New("cannot find the config folder: this user has no home folder; name a folder with --dir, or set HOME or XDG_CONFIG_HOME")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return fmt.Errorf("cannot find the folder: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	servers, shared := serversfile.Template(), !sameFolder(dir, own)
	if shared {
		servers = serversfile.PlainTemplate()
	}
	paths := [2]string{filepath.Join(dir, ".mcp.json"), filepath.Join(dir, ".mcp-gateway-rules.json")}
	for i, content := range [][]byte{servers, rulesfile.Template()} {
		if err := initFile(cmd.OutOrStdout(), paths[i], content); err != nil {
			return err
		}
	}
	advise(cmd.OutOrStdout(), paths[0], paths[1], shared)
	return nil
}

// initFile writes a file unless there is one, and says which.
func initFile(w io.Writer, path string, content []byte) error {
	err := writeNew(path, content)
	switch {
	case errors.Is(err, os.ErrExist):
		fmt.Fprintf(w, "kept    %s (it exists)\n", path)
	case err != nil:
		return err
	default:
		fmt.Fprintf(w, "written %s\n", path)
	}
	return nil
}

// advise says what to do next. Files that are shared with other clients must be
// named.
func advise(w io.Writer, servers, rules string, shared bool) {
	if !shared {
		fmt.Fprintln(w, `Edit them, check them with "gatehouse validate", then start "gatehouse run".`)
		return
	}
	fmt.Fprintf(w, `Other MCP clients that work in this folder read .mcp.json too, and start what is
in it beside the gateway: "gatehouse init" without --dir has a folder of its own.
Edit the files, check them with "gatehouse validate" and start them with "run",
both with --mcp-config %s --rules %s
`, shellWord(servers), shellWord(rules))
}

// configFolder is where gatehouse looks for its files; empty if unknown.
func configFolder() string {
	return locate.ConfigFolder(locate.ConfigDir(runtime.GOOS, os.Getenv, homeDir()))
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
