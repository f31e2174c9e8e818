package jsondoc

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/tailscale/hujson"

	"gatehouse/internal/lazyregexp"
)

// tooDeep is the offset of the bracket that exceeds maxNesting, or -1. It
// reads strings and comments exactly as hujson does, so up to the first syntax
// error both agree on the depth, and hujson never recurses beyond it.
func tooDeep(b []byte) int {
	depth := 0
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '{', '[':
			if depth++; depth > maxNesting {
				return i
			}
		case '}', ']':
			depth--
		case '"':
			i = skipString(b, i)
		case '/':
			i = skipComment(b, i)
		}
	}
	return -1
}

// skipString returns the offset of the quote that ends the string at i.
func skipString(b []byte, i int) int {
	for i++; i < len(b) && b[i] != '"'; i++ {
		if b[i] == '\\' {
			i++
		}
	}
	return i
}

// skipComment returns the offset of the last byte of the comment at i.
func skipComment(b []byte, i int) int {
	if i+1 >= len(b) {
		return i
	}
	end := ""
	switch b[i+1] {
	case '/':
		end = "\n"
	case '*':
		end = "*/"
	default:
		return i
	}
	at := bytes.Index(b[i+2:], []byte(end))
	if at < 0 {
		return len(b)
	}
	return i + 2 + at + len(end) - 1
}

// syntaxError is where the text stops being JSON, and why in words that quote
// no value.
type syntaxError struct {
	offset       int
	reason, hint string
}

func parseHuJSON(b []byte) (hujson.Value, *syntaxError) {
	// A comment in the last line may end with the file; hujson wants a
	// newline. The capacity is cut so that the caller's bytes stay untouched.
	v, err := hujson.Parse(append(slices.Clip(b), '\n'))
	if err == nil {
		return v, nil
	}
	at := syntaxOffset(b, err)
	reason, hint := syntaxReason(b, at, err)
	return v, &syntaxError{offset: at, reason: reason, hint: hint}
}

// syntaxOffset takes the position out of hujson's error, which has the form
// "hujson: line 3, column 14: ..." with the column in bytes.
func syntaxOffset(b []byte, err error) int {
	var line, column int
	if _, scanErr := fmt.Sscanf(err.Error(), "hujson: line %d, column %d:", &line, &column); scanErr != nil {
		return 0
	}
	at := 0
	for range line - 1 {
		next := bytes.IndexByte(b[at:], '\n')
		if next < 0 {
			return len(b)
		}
		at += next + 1
	}
	return min(at+column-1, len(b))
}

// syntaxReason puts hujson's error into words and says what is usually behind
// it. The literals that hujson quotes may be secrets, so they are left out.
func syntaxReason(b []byte, at int, err error) (reason, hint string) {
	_, character, ok := strings.Cut(err.Error(), "invalid character ")
	switch format := otherFormat(b); {
	case format != "":
		return "this looks like " + format, "write the same as JSON; comments and trailing commas are fine"
	case len(bytes.TrimSpace(b)) == 0:
		return "the file is empty", "write {} at least"
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "the file ends too early", "a closing bracket, brace, quote or */ is missing"
	case ok:
		return "invalid character " + character, characterHint(b[at:], character)
	case at < len(b) && b[at] == '"':
		return "the string has a line break, a control character or an unknown escape in it",
			`write \\ for a backslash and \n for a line break`
	}
	return "not a value", "values are strings in double quotes, numbers, true, false, null, {...} and [...]"
}

// characterHint says what is usually behind a character that does not belong where
// it is. said is how hujson puts it.
func characterHint(b []byte, said string) string {
	first, _ := utf8.DecodeRune(b)
	switch {
	case bytes.HasPrefix(b, []byte("```")):
		return "leave out the lines with ```: they are of a web page or a chat, not of the file"
	case strings.ContainsRune("'`", first):
		return "strings and keys need double quotes"
	case strings.ContainsRune("“”„‟«»‘’‚″＂", first):
		return `strings and keys need straight double quotes: "`
	case first == '#':
		return "a comment begins with // or stands between /* and */"
	case first > unicode.MaxASCII && !unicode.IsGraphic(first) || first > unicode.MaxASCII && unicode.IsSpace(first):
		return "it cannot be seen: type that line anew"
	case strings.Contains(said, "after top-level value"):
		return "the file holds one value: everything must stand between the first { and the last }"
	default:
		return "look for a missing comma, quote or bracket just before"
	}
}

var (
	tomlLine = lazyregexp.New(`^(\[\[?[A-Za-z_][A-Za-z0-9_."' -]*\]\]?|[A-Za-z0-9_.-]+\s*=.*)\s*(#.*)?$`)
	yamlLine = lazyregexp.New(`^(---|- .*|[A-Za-z0-9_.-]+:(\s.*)?)\s*$`)
)

// otherFormat names the format that a text which is not JSON seems to have,
// judged by its first line that is neither empty nor a comment.
func otherFormat(b []byte) string {
	for line := range bytes.Lines(b[:min(len(b), 4096)]) {
		line = bytes.TrimRight(line, " \t\r\n")
		switch {
		case len(line) == 0 || line[0] == '#':
		case tomlLine().Match(line):
			return "TOML"
		case yamlLine().Match(line):
			return "YAML"
		default:
			return ""
		}
	}
	return ""
}
