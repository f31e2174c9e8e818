package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"gatehouse/internal/rulesfile"
	"gatehouse/internal/serversfile"
)

func newInitCommand() *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Write commented templates of both files; never overwrites",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := initFiles(cmd, dir); err != nil {
				return failed(err)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&dir, "dir", ".", "the folder to write to")
	return cmd
}

func initFiles(cmd *cobra.Command, dir string) error {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return err
	}
	for name, content := range map[string][]byte{
		".mcp.json":               serversfile.Template(),
		".mcp-gateway-rules.json": rulesfile.Template(),
	} {
		path := filepath.Join(dir, name)
		err := writeNew(path, content)
		switch {
		case errors.Is(err, os.ErrExist):
			fmt.Fprintf(cmd.OutOrStdout(), "kept    %s (it exists)\n", path)
		case err != nil:
			return err
		default:
			fmt.Fprintf(cmd.OutOrStdout(), "written %s\n", path)
		}
	}
	fmt.Fprintln(cmd.OutOrStdout(), `Edit them, check them with "gatehouse validate", then start "gatehouse run".`)
	return nil
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
