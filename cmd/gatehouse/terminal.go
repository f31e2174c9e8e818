package main

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"gatehouse/internal/rawjson"
)

// line makes a text of unknown origin fit for one line of a terminal: what
// could move the cursor, change colours or turn the writing direction is
// shown as its escape.
func line(s string) string { return escaped(s, "") }

// lines is the same for texts that may have several lines.
func lines(s string) string { return escaped(s, "\n\t") }

func escaped(s, allowed string) string {
	ok := func(r rune) bool { return unicode.IsPrint(r) || strings.ContainsRune(allowed, r) }
	if utf8.ValidString(s) && strings.IndexFunc(s, func(r rune) bool { return !ok(r) }) < 0 {
		return s
	}
	var b strings.Builder
	for i, r := range s {
		switch {
		case r == utf8.RuneError && s[i] != 0xef: // a byte that is no UTF-8
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case ok(r):
			b.WriteRune(r)
		default:
			quoted := strconv.QuoteRuneToASCII(r)
			b.WriteString(quoted[1 : len(quoted)-1])
		}
	}
	return b.String()
}

// writeJSON writes a value as JSON, one line, in which everything that a
// terminal could act on is escaped.
func writeJSON(w io.Writer, v any) error {
	var b bytes.Buffer
	if err := rawjson.Encode(&b, v); err != nil {
		return failed(fmt.Errorf("cannot write the answer: %w", err))
	}
	_, err := io.WriteString(w, safeJSON(b.String()))
	return err
}

// safeJSON escapes what JSON lets through in strings: control characters
// above 0x7e and marks of writing direction.
func safeJSON(text string) string {
	if strings.IndexFunc(text, unsafeInJSON) < 0 {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		switch {
		case !unsafeInJSON(r):
			b.WriteRune(r)
		case r > 0xffff:
			r -= 0x10000
			fmt.Fprintf(&b, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

func unsafeInJSON(r rune) bool { return r > 0x7e && !unicode.IsPrint(r) }

// age says a time span in at most two units.
func age(d time.Duration) string {
	d = max(d, 0)
	switch {
	case d > 0 && d < time.Millisecond:
		return "<1ms"
	case d < time.Second:
		return strconv.FormatInt(d.Milliseconds(), 10) + "ms"
	case d < time.Minute:
		return strconv.Itoa(int(d.Seconds())) + "s"
	case d < time.Hour:
		return fmt.Sprintf("%dm%ds", int(d.Minutes()), int(d.Seconds())%60)
	case d < 24*time.Hour:
		return fmt.Sprintf("%dh%dm", int(d.Hours()), int(d.Minutes())%60)
	default:
		return fmt.Sprintf("%dd%dh", int(d.Hours())/24, int(d.Hours())%24)
	}
}
