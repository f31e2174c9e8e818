package login

import (
	"strconv"
	"strings"
	"unicode"

	"gatehouse/internal/redact"
	"gatehouse/internal/textcut"
)

// maxWords is how many characters of a server's words are shown.
const maxWords = 200

// clean makes one line of a server's words, without characters that a terminal
// would act on.
func clean(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsGraphic(r) && r != unicode.ReplacementChar {
			return r
		}
		return ' '
	}, text[:min(len(text), 8*maxWords)])
	return textcut.Characters(strings.Join(strings.Fields(text), " "), maxWords)
}

func quoted(text string) string { return strconv.Quote(clean(text)) }

// secrets are what a server was sent, or sent us, and might repeat.
type secrets []string

// hide takes them out of a server's words.
func (s secrets) hide(text string) string {
	list := make([]redact.Secret, 0, len(s))
	for _, value := range s {
		list = append(list, redact.Secret{Name: "secret", Value: value})
	}
	return redact.New(list).String(text)
}
