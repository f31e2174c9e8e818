package main

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gatehouse/internal/admin"
)

// completionPatience is how long a shell waits for names: a person has pressed
// a key.
const completionPatience = time.Second

// completeServer offers the names of the running gateway's servers as the first
// argument, and never files.
func completeServer(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return serverNames(cmd), cobra.ShellCompDirectiveNoFileComp
}

// completeCall offers servers, then the tools of the one that was chosen.
func completeCall(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	switch len(args) {
	case 0:
		return serverNames(cmd), cobra.ShellCompDirectiveNoFileComp
	case 1:
		return toolNames(cmd, args[0]), cobra.ShellCompDirectiveNoFileComp
	}
	return nil, cobra.ShellCompDirectiveNoFileComp
}

// completeNoFiles keeps shells from offering files to commands that take none.
func completeNoFiles(cmd *cobra.Command) {
	if cmd.ValidArgsFunction == nil && !strings.Contains(cmd.Use, "FILE") && !strings.Contains(cmd.Use, "RULES") {
		cmd.ValidArgsFunction = cobra.NoFileCompletions
	}
	for _, c := range cmd.Commands() {
		completeNoFiles(c)
	}
}

func serverNames(cmd *cobra.Command) []cobra.Completion {
	var names []cobra.Completion
	askForNames(cmd, func(_ context.Context, gw admin.Found) {
		for _, s := range gw.Status.Servers {
			names = append(names, cobra.CompletionWithDesc(line(s.Name), line(s.State)))
		}
	})
	return names
}

func toolNames(cmd *cobra.Command, server string) []cobra.Completion {
	var names []cobra.Completion
	askForNames(cmd, func(ctx context.Context, gw admin.Found) {
		tools, err := gw.Client.Tools(ctx, server, "")
		if err != nil {
			return // Then there are none to offer.
		}
		for _, s := range tools.Servers {
			for _, t := range s.Tools {
				names = append(names, line(t.Name))
			}
		}
	})
	return names
}

// askForNames calls ask with each running gateway, or with the one that --pid
// names.
func askForNames(cmd *cobra.Command, ask func(context.Context, admin.Found)) {
	parent := cmd.Context()
	if parent == nil {
		parent = context.Background()
	}
	ctx, cancel := context.WithTimeout(parent, completionPatience)
	defer cancel()
	pid, _ := cmd.Flags().GetInt("pid") // 0 where a command has no such flag.
	found, _ := admin.Find(ctx, adminDirs())
	for _, gw := range found {
		if pid == 0 || gw.Status.PID == pid {
			ask(ctx, gw)
		}
	}
}
