package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"gatehouse/internal/clients"
	"gatehouse/internal/suggest"
)

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
