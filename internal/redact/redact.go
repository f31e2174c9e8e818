// Package redact replaces secrets in text.
//
// It is pure. What it cannot know it cannot hide: a server that encodes a
// secret in a way of its own (base64, reversed, in pieces) gets it through.
package redact

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"gatehouse/internal/rawjson"
)

// MinLength is the length in bytes of the shortest value that is redacted.
// Shorter ones ("1", "on", "dev") occur everywhere by chance: replacing them
// would make text unreadable, and the places would reveal the value.
const MinLength = 4

// minLineLength is the length of the shortest line of a value of several lines
// that is redacted by itself: stderr, for example, comes line by line.
const minLineLength = 8

// plain are values that are not secrets although they are long enough.
var plain = []string{"true", "false", "null", "none"}

// Secret is a value that must never be shown, and the name to show instead.
// Values may be short, and one value may occur under several names.
type Secret struct {
	Name  string
	Value string
}

// Redactor replaces a fixed set of secrets, and those of a Live if it has one. It is
// immutable and may be used from any goroutine. It never shows its secrets when it is printed. A nil
// Redactor changes nothing.
type Redactor struct {
	forms []form // longest first
	live  *Live  // more of them; nil if there are none
}

// form is one way in which a secret may be written.
type form struct {
	text string
	mark string // what stands for it
}

// New makes a Redactor. Each value is also recognised as it is written inside
// JSON, inside Go's quoted strings and in a url, and if it has several lines,
// each line of 8 bytes or more is recognised alone. Values shorter than
// MinLength, and true, false, null and none in any case, are passed over. If
// two secrets have the same value the first name is shown.
func New(secrets []Secret) *Redactor {
	r := &Redactor{}
	seen := map[string]bool{}
	add := func(text, mark string) {
		if len(text) >= MinLength && !seen[text] {
			seen[text] = true
			r.forms = append(r.forms, form{text, mark})
		}
	}
	// Marks stand for themselves, so redacting twice changes nothing.
	for _, s := range secrets {
		if secret(s.Value) {
			add(markOf(s.Name), markOf(s.Name))
		}
	}
	for _, s := range secrets {
		if !secret(s.Value) {
			continue
		}
		for _, text := range written(s.Value) {
			add(text, markOf(s.Name))
		}
	}
	slices.SortStableFunc(r.forms, func(a, b form) int { return cmp.Compare(len(b.text), len(a.text)) })
	return r
}

// String replaces each occurrence of a secret in s by "[redacted NAME]".
// Where occurrences overlap, all that they cover is replaced once, by the name
// of the one that begins first, the longest of these. What was put in is not
// searched again.
func (r *Redactor) String(s string) string {
	if r == nil {
		return s
	}
	spans := r.find(s)
	if len(spans) == 0 {
		return s
	}
	var b strings.Builder
	end := 0 // of what was copied or replaced so far
	for _, sp := range spans {
		if sp.from < end {
			end = max(end, sp.to) // the mark of the one before covers it
			continue
		}
		b.WriteString(s[end:sp.from])
		b.WriteString(sp.mark)
		end = sp.to
	}
	b.WriteString(s[end:])
	return b.String()
}

// Format implements fmt.Formatter, so that no verb prints the secrets. It is
// on the value, so that a copy does not print them either.
func (Redactor) Format(f fmt.State, _ rune) {
	_, _ = f.Write([]byte("redact.Redactor"))
}

// span is an occurrence, as a range of bytes.
type span struct {
	from, to int
	mark     string
}

// find returns all occurrences in s, overlapping ones included, sorted by where
// they begin, the longest first.
func (r *Redactor) find(s string) []span {
	var spans []span
	for _, forms := range r.all() {
		for _, f := range forms {
			spans = f.appendTo(spans, s)
		}
	}
	slices.SortStableFunc(spans, func(a, b span) int { return cmp.Compare(a.from, b.from) })
	return spans
}

// appendTo adds the occurrences of one form.
func (f form) appendTo(spans []span, s string) []span {
	for from := 0; ; {
		i := strings.Index(s[from:], f.text)
		if i < 0 {
			return spans
		}
		from += i
		spans = appendSpan(spans, span{from, from + len(f.text), f.mark})
		from++
	}
}

// appendSpan adds an occurrence, or lets the last one grow if it is an
// overlapping occurrence of the same secret: otherwise a run of one letter would
// be a span per byte.
func appendSpan(spans []span, next span) []span {
	if n := len(spans); n > 0 {
		last := &spans[n-1]
		if last.mark == next.mark && last.from <= next.from && next.from < last.to {
			last.to = max(last.to, next.to)
			return spans
		}
	}
	return append(spans, next)
}

func markOf(name string) string {
	if name == "" {
		return "[redacted]"
	}
	return "[redacted " + name + "]"
}

// secret reports whether a value is one to hide.
func secret(value string) bool {
	return len(value) >= MinLength && !slices.ContainsFunc(plain, func(p string) bool { return strings.EqualFold(p, value) })
}

// written returns the ways in which a value may be written, itself first.
func written(value string) []string {
	texts := []string{value}
	if strings.ContainsAny(value, "\r\n") {
		for line := range strings.FieldsFuncSeq(value, func(c rune) bool { return c == '\n' || c == '\r' }) {
			if line = strings.TrimSpace(line); len(line) >= minLineLength {
				texts = append(texts, line)
			}
		}
	}
	var all []string
	for _, text := range texts {
		all = append(all, text, inJSON(text, true), inJSON(text, false), unquoted(strconv.Quote(text)))
		for _, escaped := range []string{url.QueryEscape(text), url.PathEscape(text)} {
			all = append(all, escaped, lowerHex(escaped))
		}
	}
	return all
}

// inJSON returns the text as it stands between the quotes of a JSON string, with
// < > & escaped as some encoders do, or not.
func inJSON(text string, html bool) string {
	if !html {
		return unquoted(string(rawjson.AppendString(nil, text)))
	}
	encoded, _ := json.Marshal(text) //nolint:errchkjson // A string always marshals.
	return unquoted(string(encoded))
}

func unquoted(s string) string { return s[1 : len(s)-1] }

// lowerHex writes %2F as %2f.
func lowerHex(s string) string {
	b := []byte(s)
	for i := 0; i+2 < len(b); i++ {
		if b[i] == '%' {
			copy(b[i:i+3], bytes.ToLower(b[i:i+3]))
		}
	}
	return string(b)
}
