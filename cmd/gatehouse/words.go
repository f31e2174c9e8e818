package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"gatehouse/internal/suggest"
)

// furnish adds to each command below one what all of them have alike: a check of
// the words that it takes, help for a group of commands, and completions.
func furnish(cmd *cobra.Command) {
	for _, c := range cmd.Commands() {
		furnish(c)
	}
	switch {
	case !cmd.HasParent():
	case cmd.HasSubCommands() && !cmd.Runnable():
		cmd.Args = noSuchCommand
		cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	default:
		cmd.Args = checkWords
	}
	cmd.InitDefaultHelpFlag()
	cmd.SetFlagErrorFunc(flagError)
	complete(cmd)
}

// wordsOf are the words that a command takes, as its usage names them: SERVER,
// [TOOL] for one that may be left out, FILE... for one that may be repeated.
func wordsOf(cmd *cobra.Command) []string {
	words := strings.Fields(cmd.Use)[1:]
	if i := slices.IndexFunc(words, func(w string) bool { return strings.HasPrefix(w, "-") }); i >= 0 {
		words = words[:i]
	}
	return words
}

// checkWords refuses words that are missing or too many, and says which.
func checkWords(cmd *cobra.Command, args []string) error {
	words := wordsOf(cmd)
	if repeated := len(words) > 0 && strings.HasSuffix(words[len(words)-1], "..."); len(args) > len(words) && !repeated {
		return fmt.Errorf("unexpected argument %q; usage: %s", args[len(words)], usageOf(cmd))
	}
	var missing []string
	for _, word := range words[min(len(args), len(words)):] {
		if !strings.HasPrefix(word, "[") {
			missing = append(missing, strings.TrimSuffix(word, "..."))
		}
	}
	if len(missing) > 0 {
		verb := "is"
		if len(missing) > 1 || strings.HasSuffix(missing[0], "S") { // WORDS are missing.
			verb = "are"
		}
		return fmt.Errorf("%s %s missing; usage: %s", strings.Join(missing, " and "), verb, usageOf(cmd))
	}
	return nil
}

func usageOf(cmd *cobra.Command) string { return strings.TrimSuffix(cmd.UseLine(), " [flags]") }

// noSuchCommand refuses arguments of the program itself, or of a group: they are
// commands that do not exist, so it names those that were probably meant.
func noSuchCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	group := strings.Fields(cmd.CommandPath())[1:]
	text := fmt.Sprintf("there is no command %q", strings.Join(append(group, args[0]), " "))
	cmd.SuggestionsMinimumDistance = 2
	var near []string
	for _, name := range cmd.SuggestionsFor(args[0]) {
		near = append(near, strings.Join(append(group, name), " "))
	}
	for _, group := range cmd.Commands() {
		for _, c := range group.Commands() {
			if c.Name() == args[0] && c.IsAvailableCommand() {
				near = append(near, group.Name()+" "+c.Name())
			}
		}
	}
	switch {
	case len(near) > 0:
		text += "; did you mean " + strings.Join(near, " or ") + "?"
	case len(group) > 0: // All commands would be too many.
		var names []string
		for _, c := range cmd.Commands() {
			if c.IsAvailableCommand() {
				names = append(names, c.Name())
			}
		}
		text += ": use " + strings.Join(names, ", ")
	}
	return errors.New(text)
}

// notTogether returns an error if more than one of the flags is given.
func notTogether(f *pflag.FlagSet, names ...string) error {
	var given []string
	for _, name := range names {
		if f.Changed(name) {
			given = append(given, "--"+name)
		}
	}
	if len(given) > 1 {
		return errors.New(strings.Join(given, " and ") + " cannot be combined")
	}
	return nil
}

// flagError says what is wrong with a flag. A command that does not exist comes
// first: its flags could not be known.
func flagError(cmd *cobra.Command, err error) error {
	if cmd.HasSubCommands() && cmd.Flags().NArg() > 0 {
		if err := noSuchCommand(cmd, cmd.Flags().Args()); err != nil {
			return err
		}
	}
	if unknown, ok := errors.AsType[*pflag.NotExistError](err); ok {
		text := "there is no flag --" + unknown.GetSpecifiedName()
		if unknown.GetSpecifiedShortnames() != "" {
			return fmt.Errorf("there is no flag -%s", unknown.GetSpecifiedName())
		}
		if near := nearFlags(cmd, unknown.GetSpecifiedName()); len(near) > 0 {
			text += "; did you mean " + strings.Join(near, " or ") + "?"
		}
		return errors.New(text)
	}
	if missing, ok := errors.AsType[*pflag.ValueRequiredError](err); ok {
		_, usage := pflag.UnquoteUsage(missing.GetFlag())
		return fmt.Errorf("--%s needs a value: %s", missing.GetFlag().Name, usage)
	}
	if invalid, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
		return fmt.Errorf("--%s is %q: %w", invalid.GetFlag().Name, invalid.GetValue(), invalid.Unwrap())
	}
	return err
}

// nearFlags names the flags that were probably meant.
func nearFlags(cmd *cobra.Command, name string) []string {
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			names = append(names, f.Name)
		}
	})
	if best, ok := suggest.Nearest(name, names); ok {
		return []string{"--" + best}
	}
	// What begins with a flag is near it too: --http-addr, after GATEWAY_HTTP_ADDR.
	for _, known := range names {
		if strings.HasPrefix(name, known+"-") {
			return []string{"--" + known}
		}
	}
	return nil
}
