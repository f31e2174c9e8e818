package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"gatehouse/internal/filewatch"
	"gatehouse/internal/locate"
	"gatehouse/internal/vars"
)

// listedVariable is a variable, and where its value is kept.
type listedVariable struct {
	Name string `json:"name"`
	Kept string `json:"kept"`
	// Problem is why a gateway does not get it from there; empty if it does.
	Problem string `json:"problem,omitempty"`
}

// inKeyring is where values in the keyring are kept.
const inKeyring = "keyring"

func newVariableListCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the variables of the keyring and of gatehouse.env, and where each is kept",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			list, err := listVariables()
			if err != nil {
				return failed(err)
			}
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), list)
			}
			return printVariables(cmd.OutOrStdout(), list)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, `print [{"name", "kept", "problem"}]`)
	return cmd
}

// listVariables lists those that every gateway of this user gets, without values.
func listVariables() ([]listedVariable, error) {
	s, err := variableStore()
	if err != nil {
		return nil, err
	}
	kept, err := s.List()
	if err != nil {
		return nil, err
	}
	own, values := ownEnvFile()
	list := []listedVariable{}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		list = append(list, listedVariable{Name: name, Kept: own})
	}
	answers := systemReader.Values(vars.FormatKept(kept))
	for _, k := range kept {
		v := listedVariable{k.Name, inKeyring, answers[k.Name].Why}
		if _, too := values[k.Name]; too && v.Problem == "" {
			v.Problem = "the value in gatehouse.env counts more"
		}
		list = append(list, v)
	}
	slices.SortStableFunc(list, func(a, b listedVariable) int { return strings.Compare(a.Name, b.Name) })
	return list, nil
}

func printVariables(w io.Writer, list []listedVariable) error {
	if len(list) == 0 {
		_, err := fmt.Fprintln(w, "no variable is kept, neither in the keyring of the system nor in gatehouse.env")
		return err
	}
	t := newTable(w)
	fmt.Fprintln(t, "VARIABLE\tKEPT IN\tPROBLEM")
	for _, v := range list {
		fmt.Fprintf(t, "%s\t%s\t%s\n", v.Name, line(v.Kept), line(v.Problem))
	}
	return t.Flush()
}

// ownEnvFile is the path of the env file of the config folder, and what it sets.
func ownEnvFile() (string, map[string]string) {
	found, ok := locate.OwnEnvFile(configDir())
	if !ok {
		return "", nil
	}
	values, _ := vars.ParseDotenv(found.Path, filewatch.Read(found.Path).Bytes) // A gateway says what is wrong with it.
	return found.Path, values
}

// ownEnvFileWith is that path if the file sets a variable; else empty.
func ownEnvFileWith(name string) string {
	path, values := ownEnvFile()
	if _, sets := values[name]; sets {
		return path
	}
	return ""
}
