package main

import (
	"strings"

	"gatehouse/internal/lazyregexp"
	"gatehouse/internal/redact"
	"gatehouse/internal/vars"
)

// hidden stands for what may be a secret.
const hidden = "…"

// secretFlag matches names of flags and variables whose values are secrets.
var secretFlag = lazyregexp.New(`(?i)(token|secret|passw(or)?d|passphrase|credential|bearer|authorization|(api|access|auth|private|secret|account)[-_]?key|connection[-_]?string|dsn)$`)

// shownWords are the words of a command as operators may see them: the values of
// variables and what looks like a secret are left out, also where the file has it in
// clear.
func shownWords(words []string, known func(string) string) []string {
	var shown []string
	secret := false
	for _, word := range words {
		word = vars.WithoutDefaults(word)
		name, value, given := strings.Cut(word, "=")
		switch {
		case secret && !strings.HasPrefix(word, "-"):
			word = withoutSecret(word)
		case given && secretFlag().MatchString(name):
			word = name + "=" + withoutSecret(value)
		case given && strings.Contains(value, "://"):
			word = name + "=" + withoutLogin(value)
		default:
			word = withoutLogin(word)
		}
		secret = !given && strings.HasPrefix(name, "-") && secretFlag().MatchString(name)
		shown = append(shown, redact.MaskKnown(known(word)))
	}
	return shown
}

// withoutSecret leaves nothing but the name of a variable.
func withoutSecret(value string) string {
	if strings.HasPrefix(value, "${") && strings.IndexByte(value, '}') == len(value)-1 {
		return value
	}
	return hidden
}

// withoutLogin cuts an address that may have a password or a key in it.
func withoutLogin(word string) string {
	if _, rest, ok := strings.Cut(word, "://"); ok && strings.ContainsAny(rest, "@?") {
		return vars.ShownURL(word)
	}
	return word
}
