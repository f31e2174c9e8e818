package servers

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"sync"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/lazyregexp"
	"gatehouse/internal/mcpedge/jsonrpc"
	"gatehouse/internal/rawjson"
)

// brokenSilence is how long a server must be silent after a broken message until
// that counts as its answer to the only call that is running.
const brokenSilence = time.Second

// brokenLines looks at the lines that are not JSON: one of them may be the answer
// to a call, which would otherwise wait for it until its deadline.
type brokenLines struct {
	s       *Stdio
	strange bool // an answer that nobody has asked for was in the line; the reader's own

	mu    sync.Mutex
	what  string // of the message that is being broken; empty for none
	only  int64  // the id of the call that it may be the answer to; zero for none
	alarm *time.Timer
}

// line looks at a line that is not JSON.
func (b *brokenLines) line(data []byte) {
	if isFrame(data) {
		if b.s.isOpening() {
			b.s.end(ErrFramed)
		}
		return
	}
	what := whatIsBroken(data)
	data = bytes.ReplaceAll(data, []byte{0}, nil)
	suspicious := b.suspect(what, looksLikeMessage(data))
	for _, id := range looseIDs(data, suspicious) {
		if c := b.s.take(id); c != nil {
			b.over()
			c.finish(endpoint.Response{}, &endpoint.BadAnswer{What: what})
			return
		}
	}
	if suspicious {
		b.waitForSilence()
	}
}

// stranger is for an answer that nobody has asked for: it may be the one that the
// only call waits for.
func (b *brokenLines) stranger(what string) {
	b.suspect(what, true)
	b.waitForSilence()
	b.strange = true
}

// suspect reports whether a line is part of a message that is broken, and keeps
// in mind what is wrong with it, and the only call that is running: one that is made
// later has nothing to do with it.
func (b *brokenLines) suspect(what string, begins bool) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if begins && (b.what == "" || !b.s.waits(b.only)) {
		b.what, b.only = what, b.s.onlyID()
	}
	return b.what != ""
}

// over is for the end of a broken message: an intact one has come.
func (b *brokenLines) over() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.what = ""
	if b.alarm != nil {
		b.alarm.Stop()
		b.alarm = nil
	}
}

// waitForSilence ends the call that was the only one, if nothing more comes for a
// while.
func (b *brokenLines) waitForSilence() {
	received := b.s.received.Load()
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.alarm != nil {
		b.alarm.Stop()
	}
	b.alarm = time.AfterFunc(brokenSilence, func() {
		b.mu.Lock()
		what, only := b.what, b.only
		b.mu.Unlock()
		if what == "" || b.s.received.Load() != received {
			return
		}
		b.over()
		if c := b.s.takeWronged(only); c != nil {
			c.finish(endpoint.Response{}, &endpoint.BadAnswer{What: what})
		}
	})
}

// isFrame reports whether a line is a header of the Language Server Protocol,
// whose messages have no end of a line.
func isFrame(line []byte) bool {
	const header = "content-length:"
	i := bytes.Index(lowerASCII(line[:min(len(line), 4<<10)]), []byte(header))
	if i < 0 || i > 0 && line[i-1] != '}' { // The body before it, if there is one, ends in a bracket.
		return false
	}
	rest := bytes.TrimSpace(line[i+len(header):])
	return len(rest) > 0 && '0' <= rest[0] && rest[0] <= '9'
}

var messageStart = lazyregexp.New(`^\s*(\{\s*("|$)|\[\s*(\{|$))`)

// looksLikeMessage reports whether a line that is not JSON is likely to have been
// meant as a message, or as the beginning of one. Many servers write other things.
func looksLikeMessage(line []byte) bool {
	return messageStart().Match(line) || bytes.Contains(line, []byte(`"jsonrpc"`)) || isOfPython(line)
}

// isOfPython reports whether a line is likely to be a message as Python shows
// it, with the quotes of its own.
func isOfPython(line []byte) bool { return bytes.Contains(line, []byte(`'jsonrpc'`)) }

// whatIsBroken says what is wrong with a line, without anything of it.
func whatIsBroken(line []byte) string {
	if bytes.Count(line, []byte{0}) > len(line)/3 && json.Valid(bytes.ReplaceAll(line, []byte{0}, nil)) {
		return "UTF-16 in place of UTF-8"
	}
	if i := bytes.Index(line, []byte(`{"`)); i > 0 {
		if _, ok := jsonrpc.Read(line[i:]); ok {
			return "text before its message on the same line: the server writes text before its messages"
		}
	}
	if s := string(bytes.TrimSpace(line)); s == "{" || s == "[" {
		return "a message over several lines, and not on one"
	}
	var at *json.SyntaxError
	if err := rawjson.Decode(line, new(json.RawMessage)); errors.As(err, &at) {
		return fmt.Sprintf("something that is no JSON (at byte %d)", at.Offset)
	}
	return "something that is no JSON"
}

var (
	idAtTheEnd = lazyregexp.New(`"id"\s*:\s*(\d{1,18}|"[\w-]{1,64}")\s*\}\s*$`)
	idAlone    = lazyregexp.New(`^\s*"id"\s*:\s*(\d{1,18}|"[\w-]{1,64}")\s*,?\s*$`)
)

// looseIDs are the ids that an answer in a broken line may have. rest says that
// the line may be a later part of a message.
func looseIDs(line []byte, rest bool) [][]byte {
	if isOfPython(line) {
		line = bytes.ReplaceAll(line, []byte("'"), []byte(`"`))
	}
	var s jsonrpc.Skimmer
	if i := bytes.IndexByte(line, '{'); i >= 0 && looksLikeMessage(line) {
		s.Feed(line[i:])
	}
	ids := s.Answers
	if id := s.Open(); id != nil {
		ids = append(ids, id)
	}
	if !rest {
		return ids
	}
	for _, at := range []func() *regexp.Regexp{idAtTheEnd, idAlone} {
		if found := at().FindSubmatch(line); found != nil {
			ids = append(ids, found[1])
		}
	}
	return ids
}
