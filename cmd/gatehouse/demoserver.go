package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"gatehouse/internal/mcpedge/demo"
	"gatehouse/internal/terminal"
)

func newDemoServerCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "demo-server NAME",
		Short: "Run a small MCP server over stdio, to try the gateway with: " + strings.Join(demo.Names(), ", "),
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return demo.Names(), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if !slices.Contains(demo.Names(), args[0]) {
				return fmt.Errorf("there is no demo server %q: use %s", args[0], strings.Join(demo.Names(), ", "))
			}
			if err := demo.Serve(cmd.Context(), args[0], cmd.InOrStdin(), terminal.Raw(cmd.OutOrStdout())); err != nil {
				return failed(err)
			}
			return nil
		},
	}
}
