// Package shellword quotes words of commands that people copy.
package shellword

import (
	"runtime"
	"slices"
	"strings"
)

// Command is a command with flags, which are quoted already, and names, which it quotes.
// Of a name that begins with a dash it says by -- that it is no flag.
func Command(command, flags string, names ...string) string {
	words, dash := make([]string, len(names)), false
	for i, name := range names {
		words[i], dash = Of(name), dash || strings.HasPrefix(name, "-")
	}
	parts := []string{command, strings.Join(words, " "), flags}
	if dash {
		parts = []string{command, flags, "--", strings.Join(words, " ")}
	}
	return strings.Join(slices.DeleteFunc(parts, func(part string) bool { return part == "" }), " ")
}

// Of quotes a word, if it must be, so that the shell of this system takes it as it is. A
// word with a line end is not to be shown like that.
func Of(word string) string { return of(runtime.GOOS, word, "${}") }

// WithVariables is Of for a command of the servers file, whose ${VARIABLES} stay as they
// are where people's shells allow it.
func WithVariables(word string) string { return of(runtime.GOOS, word, "") }

// of quotes a word that has one of more, or anything else that is special to a shell: bash
// makes several words of a{b,c}, and zsh a path of =a. A backslash is not within the
// quotes, where fish would take it for its own.
func of(goos, word, more string) string {
	if goos == "windows" {
		return windows(word)
	}
	if word != "" && word[0] != '=' && !strings.ContainsAny(word, " \t\n\"'\\`;&|<>()*?[]#~!^%"+more) {
		return word
	}
	return "'" + strings.NewReplacer("'", `'\''`, `\`, `'\\'`).Replace(word) + "'"
}

// windows quotes a word as cmd and PowerShell need it, which makes two of -a.b. What one of them obeys within
// quotes, or ends them by, is shown as a question mark: the command then finds nothing,
// and runs nothing else.
func windows(word string) string {
	if word != "" && word[0] != '-' && !strings.ContainsAny(word, " \t\n'‘’;&|<>()^,{}@#"+obeyed) {
		return word
	}
	return `"` + strings.Map(func(r rune) rune {
		if strings.ContainsRune(obeyed, r) {
			return '?'
		}
		return r
	}, word) + `"`
}

// obeyed within quotes are variables of cmd and PowerShell, and all that PowerShell takes
// for a quote.
const obeyed = "\"“”„$%!`"
