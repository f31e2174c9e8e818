package rulesfile

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"gatehouse/internal/jsondoc"
)

// maxInstructions is how long words for models may be, in characters: those of
// the defaults and of an agent fit into what clients show, and leave room for
// the gateway's own.
const maxInstructions = 700

// instructions reads words for models.
func (p *parser) instructions(n *jsondoc.Node, path string) string {
	if !p.is(n, jsondoc.KindString, path, "a string", "write a few sentences for the model") {
		return ""
	}
	text := strings.TrimSpace(n.Text())
	if count := utf8.RuneCountInString(text); count > maxInstructions {
		p.problem(n.Pos(), path, codeWords, "shorten it: clients show 2,048 characters of all instructions together",
			"must not be longer than %d characters; it has %d", maxInstructions, count)
		return ""
	}
	control := func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }
	if i := strings.IndexFunc(text, control); i >= 0 {
		bad, _ := utf8.DecodeRuneInString(text[i:])
		p.problem(n.Pos(), path, codeWords, "only line ends and tabs are allowed", "must not contain the control character %U", bad)
		return ""
	}
	return text
}
