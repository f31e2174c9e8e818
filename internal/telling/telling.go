// Package telling picks the line that says best why a program failed from the
// last lines that it wrote. It is pure: texts in, a text out.
//
// A guess is all that it can be. It knows the habits of the common runtimes:
// where a stack trace ends, what npm says after the error, that a question means
// that the program waits for an answer.
package telling

import (
	"slices"
	"strings"
	"unicode"

	"gatehouse/internal/lazyregexp"
	"gatehouse/internal/textcut"
)

// maxLine is the length in bytes at which a line is cut.
const maxLine = 300

var (
	// trouble is in lines that name an error.
	trouble = lazyregexp.New(`(?i)\b(\w*error|\w*exception|fatal|panic|cannot|can't|could not|couldn't|unable|` +
		`no such|not (found|set|defined|provided|installed|allowed|supported|a tty|a terminal)|missing|required|requires|must|denied|refused|invalid|` +
		`unknown|unrecognized|unexpected|failed|failure|usage|expired|unauthorized|forbidden|caused by)\b`)
	// question ends a line that asks the person at the terminal.
	question = lazyregexp.New(`\?\s*([(\[][^)\]]{1,20}[)\]])?\s*:?\s*$|(?i)\b(password|token|key)\b[^:]*:\s*$`)
	// noise is in lines that come after the error and say nothing of it.
	noise = lazyregexp.New(`(?i)^(npm (err!|error|notice|warn)( code)?( \w+)?$|npm (err!|error) a complete log|npm (err!|error)\s+/|npm notice|` +
		`npm (err!|error) \w+ (note that|tarball,)|node\.js v\d|note: run with|traceback \(most recent|exit status \d+$|` +
		`goroutine \d+|created by |at \S+.* ?\(|\.\.\. \d+ more|for more information|run .* --help|see .*help|try .*--help)`)
	// escape is a terminal's control sequence.
	escape = lazyregexp.New("\x1b(\\[[0-9;?]*[ -/]*[@-~]|\\][^\x07\x1b]*(\x07|\x1b\\\\)|[@-Z\\\\-_])")
)

// Line returns the last telling line, cut at 300 bytes, on one line and without
// control characters; "" if there is none. sure leaves out lines that name no
// error and ask no question: of a program that had been working well, the last
// line need not have to do with its end.
func Line(lines []string, sure bool) string {
	last := ""
	for _, raw := range slices.Backward(lines) {
		line, indented := plain(raw)
		if !says(line) || noise().MatchString(line) {
			continue
		}
		if last == "" && !indented {
			last = line
			if question().MatchString(line) {
				return line // It waits for the answer.
			}
		}
		if !indented && trouble().MatchString(line) {
			return line
		}
	}
	if sure {
		return ""
	}
	return last
}

// plain is a line as it may be shown, and whether it was indented.
func plain(raw string) (line string, indented bool) {
	line = escape().ReplaceAllString(raw, "")
	if i := strings.LastIndexByte(strings.TrimRight(line, "\r"), '\r'); i >= 0 {
		line = line[i+1:] // What a terminal would still show.
	}
	line = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(line, "\uFFFD"))
	trimmed := strings.TrimSpace(line)
	return textcut.Marked(trimmed, maxLine), line != "" && unicode.IsSpace([]rune(line)[0])
}

// says reports whether there is anything to read in a line.
func says(line string) bool {
	return strings.ContainsFunc(line, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) })
}
