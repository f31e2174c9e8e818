package main

import (
	"context"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"gatehouse/internal/admin"
	"gatehouse/internal/clients"
	"gatehouse/internal/policy"
	"gatehouse/messages"
)

// completionPatience is how long a shell waits for names: a person has pressed
// a key.
const completionPatience = time.Second

// completeServer offers the names of the running gateway's servers as the first
// argument, and never files.
func completeServer(cmd *cobra.Command, args []string, toComplete string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return operands(serverNames(cmd), toComplete), cobra.ShellCompDirectiveNoFileComp
}

// completeCall offers servers, then the tools of the one that was chosen.
func completeCall(cmd *cobra.Command, args []string, toComplete string) ([]cobra.Completion, cobra.ShellCompDirective) {
	switch len(args) {
	case 0:
		return operands(serverNames(cmd), toComplete), cobra.ShellCompDirectiveNoFileComp
	case 1:
		return operands(toolNames(cmd, args[0]), toComplete), cobra.ShellCompDirectiveNoFileComp
	}
	return nil, cobra.ShellCompDirectiveNoFileComp
}

// completeExplain offers agents of the rules, then servers and tools as for call.
func completeExplain(cmd *cobra.Command, args []string, toComplete string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) == 0 {
		return operands(agentNames(cmd), toComplete), cobra.ShellCompDirectiveNoFileComp
	}
	return completeCall(cmd, args[1:], toComplete)
}

// operands leaves out names that begin with a dash, which would be flags, unless the word
// does: then it comes after --, as cobra completes flags itself.
func operands(names []cobra.Completion, toComplete string) []cobra.Completion {
	if strings.HasPrefix(toComplete, "-") {
		return names
	}
	return slices.DeleteFunc(names, func(name cobra.Completion) bool { return strings.HasPrefix(name, "-") })
}

// complete keeps shells from offering files where none fits, which is what they
// do where nothing else is said: for words of a command and for values of flags.
func complete(cmd *cobra.Command) {
	if cmd.ValidArgsFunction == nil && len(cmd.ValidArgs) == 0 {
		cmd.ValidArgsFunction = completeFiles
	}
	cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
		if _, done := cmd.GetFlagCompletionFunc(f.Name); !done && f.Value.Type() != "bool" {
			_ = cmd.RegisterFlagCompletionFunc(f.Name, completeFlag(f.Name)) // It is one of its flags.
		}
	})
}

// completeFiles offers files for the words that are files.
func completeFiles(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	words := wordsOf(cmd)
	if len(words) == 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	last := words[len(words)-1]
	if len(args) >= len(words) && !strings.HasSuffix(last, "...") {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	switch word := words[min(len(args), len(words)-1)]; strings.Trim(word, "[].") {
	case "FILE", "NEW_RULES":
		return nil, cobra.ShellCompDirectiveDefault
	case "DIR":
		return nil, cobra.ShellCompDirectiveFilterDirs
	}
	return nil, cobra.ShellCompDirectiveNoFileComp
}

// What values of flags are, besides texts of one's own.
var (
	fileFlags   = []string{"mcp-config", "rules", "env-file", "audit-log", "log-file", "token-file", "tls-cert", "tls-key", "tools"}
	folderFlags = []string{"dir", "config"}
	flagValues  = map[string][]cobra.Completion{
		"transport": {"stdio", "http", transportAttach}, "init-strategy": {"eager", "lazy"}, "audit-mode": {auditNormal, auditStrict},
		"log-format": {"auto", "text", "json"}, "log-level": logLevels, "level": logLevels, "color": {"auto", "always", "never"},
		"annotations": policy.AnnotationRules(),
	}
	logLevels = []cobra.Completion{"debug", "info", "warn", "error"}
)

// completeFlag offers what the value of a flag may be.
func completeFlag(name string) cobra.CompletionFunc {
	return func(cmd *cobra.Command, _ []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		switch {
		case slices.Contains(fileFlags, name):
			return nil, cobra.ShellCompDirectiveDefault
		case slices.Contains(folderFlags, name):
			return nil, cobra.ShellCompDirectiveFilterDirs
		case name == "pid":
			return gatewayPIDs(cmd), cobra.ShellCompDirectiveNoFileComp
		case name == "agent":
			return agentNames(cmd), cobra.ShellCompDirectiveNoFileComp
		case name == "surface":
			return surfaceNames(cmd), cobra.ShellCompDirectiveNoFileComp
		case name == "server":
			return serverNames(cmd), cobra.ShellCompDirectiveNoFileComp
		case name == "node":
			return nodeNames(cmd), cobra.ShellCompDirectiveNoFileComp
		case name == "from" && cmd.Name() == string(admin.Release):
			return nodeNames(cmd), cobra.ShellCompDirectiveNoFileComp
		case name == "from":
			return clientNames(), cobra.ShellCompDirectiveDefault // Or a file.
		}
		return flagValues[name], cobra.ShellCompDirectiveNoFileComp
	}
}

// surfaceNames are what a client may see: of one server those of the running gateway.
func surfaceNames(cmd *cobra.Command) []cobra.Completion {
	names := []cobra.Completion{surfaceGate, surfaceAll}
	for _, server := range serverNames(cmd) {
		names = append(names, surfaceServer+server)
	}
	return names
}

// agentNames are the agents of the rules that the command would use: those of the
// running gateway if it asks one, and there is one.
func agentNames(cmd *cobra.Command) []cobra.Completion {
	var names []cobra.Completion
	if cmd.Flags().Lookup("pid") != nil {
		askForNames(cmd, func(_ context.Context, gw admin.Found) {
			for _, f := range gw.Status.Files {
				if f.Role == string(messages.RoleRules) {
					names = append(names, agentsIn(f.Path)...)
				}
			}
		})
	}
	if len(names) > 0 {
		return names
	}
	var files fileOptions
	if f := cmd.Flags().Lookup("rules"); f != nil {
		files.rules = f.Value.String()
	}
	found, err := files.findRules(io.Discard)
	if err != nil {
		return nil // Then there are none to offer.
	}
	return agentsIn(found.Path)
}

// agentsIn are the agents of a rules file.
func agentsIn(path string) (names []cobra.Completion) {
	rules, err := readRules(io.Discard, path)
	if err != nil {
		return nil // Then there are none to offer.
	}
	for _, a := range rules.Agents {
		names = append(names, a.ID)
	}
	return names
}

// clientNames are the programs whose servers can be imported.
func clientNames() []cobra.Completion {
	var names []cobra.Completion
	for _, c := range clients.All() {
		names = append(names, cobra.CompletionWithDesc(c.ID, c.Title))
	}
	return names
}

func gatewayPIDs(cmd *cobra.Command) []cobra.Completion {
	var pids []cobra.Completion
	askForNames(cmd, func(_ context.Context, gw admin.Found) {
		pids = append(pids, cobra.CompletionWithDesc(strconv.Itoa(gw.Status.PID), line(whoseIs(gw.Status))))
	})
	return pids
}

// nodeNames are the gateways of the running gateway's fleet.
func nodeNames(cmd *cobra.Command) []cobra.Completion {
	var names []cobra.Completion
	askForNames(cmd, func(_ context.Context, gw admin.Found) {
		if gw.Status.Fleet == nil {
			return
		}
		for _, n := range gw.Status.Fleet.Nodes {
			names = append(names, cobra.CompletionWithDesc(line(n.ID), line(n.Address)))
		}
	})
	return names
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
