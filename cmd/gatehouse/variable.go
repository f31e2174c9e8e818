package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"gatehouse/internal/jsondoc"
	"gatehouse/internal/keptvars"
	"gatehouse/internal/vars"
)

func newVariableCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "variable",
		Short: "Keep variables of servers in the keyring of the system",
		Long: `variable keeps the values that the servers file names by ${NAME} in the keyring of the
system (Secret Service, Keychain, Credential Manager), so that no file has them. Their
names are in gatehouse.keyring in the config folder, which every gateway of this user
reads. gatehouse.env and other env files count more.`,
	}
	cmd.AddCommand(newVariableSetCommand(), newVariableListCommand(), newVariableRemoveCommand())
	return cmd
}

func newVariableSetCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "set NAME",
		Short: "Keep the value of ${NAME} in the keyring of the system",
		Long: `set reads a value from standard input, where you type it unseen, and keeps it in the
keyring of the system (Secret Service, Keychain, Credential Manager). Each gateway of
this user puts it where the servers file has ${NAME}; those that run take it over at
once. A list in the config folder has the name, and no file the value.`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completeVariable,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := settable(args[0]); err != nil {
				return err
			}
			return setVariable(cmd, args[0])
		},
	}
}

// settable returns why no variable can have a name, or nil.
func settable(name string) error {
	switch {
	case strings.Contains(name, "="): // What follows may be the value.
		return errors.New("give the name alone, without = and a value: the value is read from standard input")
	case !vars.IsName(name):
		return fmt.Errorf("%s is not the name of a variable: use letters, digits and _, and no digit first", jsondoc.Quote(name))
	case vars.IsPlace(name):
		return fmt.Errorf("${%s} is always the folder of that name, so a value would never be used: choose another name", name)
	}
	return nil
}

func newVariableRemoveCommand() *cobra.Command {
	return &cobra.Command{
		Use:               "remove NAME",
		Short:             "Remove a variable, and its value from the keyring",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completeVariable,
		RunE: func(cmd *cobra.Command, args []string) error {
			return changeVariable(cmd, func(s keptvars.Store) error {
				switch err := s.Remove(args[0]); {
				case errors.Is(err, keptvars.ErrUnknown):
					return fmt.Errorf("cannot remove %s: %w; see: gatehouse variable list", jsondoc.Quote(args[0]), err)
				case errors.Is(err, keptvars.ErrLeft):
					fmt.Fprintf(cmd.OutOrStdout(), "no gateway gets %s from the keyring of the system any more\n", line(args[0]))
					return err
				case err != nil:
					return err
				}
				fmt.Fprintf(cmd.OutOrStdout(), "removed %s from the keyring of the system\n", line(args[0]))
				return nil
			})
		},
	}
}

// setVariable keeps what is typed or piped.
func setVariable(cmd *cobra.Command, name string) error {
	if err := notBehindAGateway(); err != nil {
		return failed(err)
	}
	value, err := readValue(cmd.InOrStdin(), cmd.ErrOrStderr(), name)
	if err != nil {
		return failed(err)
	}
	return changeVariable(cmd, func(s keptvars.Store) error {
		err := s.Set(name, value)
		if err != nil && !errors.Is(err, keptvars.ErrLeft) {
			return err
		}
		fmt.Fprintf(cmd.OutOrStdout(), "kept %s in the keyring of the system\n", name)
		if path := ownEnvFileWith(name); path != "" {
			fmt.Fprintf(cmd.ErrOrStderr(), "warning: %s sets %s too, and counts more: take the line out there\n", line(path), name)
		}
		return err
	})
}

// changeVariable does something with the list while no other process changes it.
func changeVariable(cmd *cobra.Command, do func(keptvars.Store) error) error {
	if err := notBehindAGateway(); err != nil {
		return failed(err)
	}
	s, err := variableStore()
	if err != nil {
		return failed(err)
	}
	s.Waiting = func() { fmt.Fprintln(cmd.ErrOrStderr(), "waiting for the keyring of the system: unlock it") }
	if err := os.MkdirAll(configFolder(), 0o700); err != nil {
		return failed(fmt.Errorf("cannot make the folder %s: %w", line(configFolder()), reasonOf(err)))
	}
	if err := locked(cmd.Context(), cmd.ErrOrStderr(), s.Path+".lock", "changes a variable", func() error { return do(s) }); err != nil {
		return failed(err)
	}
	return nil
}

// variableStore is that of the config folder.
func variableStore() (keptvars.Store, error) {
	path := findKeyringFile().Path
	if path == "" {
		return keptvars.Store{}, errors.New("cannot find the config folder: this user has no home folder; set HOME or XDG_CONFIG_HOME")
	}
	return keptvars.Store{Path: path, Ring: systemKeyring}, nil
}

// completeVariable offers the variables of the list.
func completeVariable(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	s, err := variableStore()
	if err != nil || len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []cobra.Completion
	list, _ := s.List() // Of a list with errors none are offered.
	for _, k := range list {
		names = append(names, k.Name)
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
