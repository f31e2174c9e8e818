package vars

import (
	"bytes"
	"strings"

	"gatehouse/internal/jsondoc"
)

// Codes of the problems of a dotenv file.
const (
	codeDotenvNoEquals   = "dotenv-no-equals"
	codeDotenvName       = "dotenv-bad-name"
	codeDotenvQuote      = "dotenv-open-quote"
	codeDotenvAfterQuote = "dotenv-after-quote"
	codeDotenvTwice      = "dotenv-duplicate"
)

// CodeNUL is a problem of dotenv files and of entries: neither a process nor a
// header can carry a NUL.
const CodeNUL = "nul-character"

// ParseDotenv reads the bytes of a dotenv file: lines of KEY=VALUE, an
// "export " before it allowed; empty lines and lines that begin with # are
// skipped. A value is plain (white space around it and a comment after " #"
// are cut), in single quotes (taken as it is), or in double quotes (\n, \r,
// \t, \" and \\ are replaced). Nothing is expanded in it. Of a key that
// occurs twice the last one wins, with a Warning. The values are nil when
// there is an Error. Problems never quote a value.
func ParseDotenv(file string, src []byte) (map[string]string, []jsondoc.Problem) {
	r := jsondoc.NewReport(file)
	text, ok := jsondoc.ReadText(r, src)
	if !ok {
		return nil, r.Finish()
	}
	p, body := dotenvParser{Report: r, file: text, values: map[string]string{}}, text.Bytes
	for offset := 0; offset < len(body); {
		end := len(body)
		if i := bytes.IndexByte(body[offset:], '\n'); i >= 0 {
			end = offset + i
		}
		p.line(string(body[offset:end]), offset)
		offset = end + 1
	}
	problems := r.Finish()
	if jsondoc.HasErrors(problems) {
		return nil, problems
	}
	return p.values, problems
}

type dotenvParser struct {
	*jsondoc.Report
	file   jsondoc.Text
	values map[string]string
}

// line reads one line that begins at offset.
func (p *dotenvParser) line(text string, offset int) {
	rest := strings.TrimLeft(text, " \t")
	rest = strings.TrimSuffix(rest, "\r")
	if rest == "" || rest[0] == '#' {
		return
	}
	rest = withoutExport(rest)
	// Everything cut so far, but for a last \r, stood before rest.
	at := offset + len(strings.TrimSuffix(text, "\r")) - len(rest)
	key, value, ok := strings.Cut(rest, "=")
	if !ok {
		p.problem(at, "", codeDotenvNoEquals, "write KEY=VALUE, or begin the line with # for a comment", "there is no = in the line")
		return
	}
	name := strings.TrimRight(key, " \t")
	if !IsName(name) {
		// The text before the = is not quoted: it may be the rest of a value.
		p.problem(at, "", codeDotenvName, "names have letters, digits and _", "what stands before the = is not the name of a variable")
		return
	}
	valueAt := at + len(key) + 1
	if parsed, ok := p.value(name, value, valueAt); ok {
		if _, twice := p.values[name]; twice {
			p.Add(p.file.Position(at), jsondoc.Warning, name, codeDotenvTwice, "remove one of them", "the variable is set twice; the last one counts")
		}
		p.values[name] = parsed
	}
}

// withoutExport cuts the word export from the beginning of a line, unless it is
// the name of the variable itself.
func withoutExport(line string) string {
	after, ok := strings.CutPrefix(line, "export")
	if name := strings.TrimLeft(after, " \t"); ok && len(name) < len(after) && name != "" && name[0] != '=' {
		return name
	}
	return line
}

func (p *dotenvParser) problem(at int, path, code, hint, message string) {
	p.Add(p.file.Position(at), jsondoc.Error, path, code, hint, "%s", message)
}

// value reads what stands after the =. at is its offset.
func (p *dotenvParser) value(name, text string, at int) (string, bool) {
	value := strings.TrimLeft(text, " \t")
	at += len(text) - len(value)
	if strings.Contains(value, "\x00") {
		p.problem(at, name, CodeNUL, "", "the value contains a NUL character")
		return "", false
	}
	if value == "" || value[0] != '"' && value[0] != '\'' {
		return plainValue(value, len(text) > len(value)), true
	}
	inside, rest, closed := quoted(value)
	if !closed {
		p.problem(at, name, codeDotenvQuote, `close it in the same line; write \n inside "..." for a line break`, "the quote is not closed")
		return "", false
	}
	if after := strings.TrimLeft(rest, " \t"); after != "" && after[0] != '#' {
		p.problem(at+len(value)-len(after), name, codeDotenvAfterQuote, "quote the whole value, or none of it", "there is text after the closing quote")
		return "", false
	}
	return inside, true
}

// plainValue cuts the comment from a value without quotes. A # begins one only
// after white space, so that it can occur in passwords and urls.
func plainValue(value string, spaceBefore bool) string {
	for i := range len(value) {
		if value[i] != '#' {
			continue
		}
		if i == 0 && spaceBefore || i > 0 && (value[i-1] == ' ' || value[i-1] == '\t') {
			value = value[:i]
			break
		}
	}
	return strings.TrimRight(value, " \t")
}

// quoted reads the quoted text that s begins with and gives what follows it.
func quoted(s string) (inside, rest string, closed bool) {
	quote := s[0]
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == quote:
			return b.String(), s[i+1:], true
		case s[i] == '\\' && quote == '"' && i+1 < len(s):
			i++
			b.WriteString(unescaped(s[i]))
		default:
			b.WriteByte(s[i])
		}
	}
	return "", "", false
}

// unescaped is what a backslash and c stand for; unknown pairs stay as they
// are.
func unescaped(c byte) string {
	switch c {
	case 'n':
		return "\n"
	case 'r':
		return "\r"
	case 't':
		return "\t"
	case '"', '\\':
		return string(c)
	}
	return `\` + string([]byte{c})
}

// IsName reports whether s can be the name of a variable.
func IsName(s string) bool {
	for i := range len(s) {
		c := s[i]
		letter := c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}
