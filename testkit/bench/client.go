package main

import (
	"bytes"
	"fmt"
	"strconv"
	"time"
)

// revision is the one that the callers speak.
const revision = "2025-11-25"

// wire carries one message at a time to a target and its answer back. What it
// gives is good until the next exchange; a notification has no answer.
type wire interface {
	exchange(message []byte) ([]byte, error)
	deadline(t time.Time)
	close()
}

// caller is one MCP client with a connection of its own.
type caller struct {
	wire  wire
	shape shape
	name  string // begins its texts
	id    int

	message, text, want []byte
}

// shape appends a call of the tool echo with these arguments.
type shape func(out []byte, id int, args []byte) []byte

// direct is a call of the server itself.
func direct(out []byte, id int, args []byte) []byte {
	out = strconv.AppendInt(append(out, `{"jsonrpc":"2.0","id":`...), int64(id), 10)
	out = append(append(out, `,"method":"tools/call","params":{"name":"echo","arguments":`...), args...)
	return append(out, `}}`...)
}

// through returns the shape of a call of one of the gateway's servers.
func through(server string) shape {
	head := `,"method":"tools/call","params":{"name":"execute_tool","arguments":{"agent_id":"` + callingAgent +
		`","server":"` + server + `","tool":"echo","args":`
	return func(out []byte, id int, args []byte) []byte {
		out = strconv.AppendInt(append(out, `{"jsonrpc":"2.0","id":`...), int64(id), 10)
		out = append(append(out, head...), args...)
		return append(out, `}}}`...)
	}
}

// hello opens the session.
func (c *caller) hello() error {
	answer, err := c.wire.exchange([]byte(`{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"` + revision +
		`","capabilities":{},"clientInfo":{"name":"bench","version":"1"}}}`))
	if err != nil {
		return fmt.Errorf("initialize: %w", err)
	}
	if got := unquote(member(member(answer, "result"), "protocolVersion")); string(got) != revision {
		return fmt.Errorf("initialize: got %s", excerpt(answer))
	}
	if _, err := c.wire.exchange([]byte(`{"jsonrpc":"2.0","method":"notifications/initialized"}`)); err != nil {
		return fmt.Errorf("initialized: %w", err)
	}
	return nil
}

// list asks for the tools.
func (c *caller) list() error {
	answer, err := c.wire.exchange([]byte(`{"jsonrpc":"2.0","id":"list","method":"tools/list"}`))
	if err != nil {
		return fmt.Errorf("tools/list: %w", err)
	}
	if member(member(answer, "result"), "tools") == nil {
		return fmt.Errorf("tools/list: got %s", excerpt(answer))
	}
	return nil
}

// call calls echo with a text of its own and checks what comes back.
func (c *caller) call(size int) error {
	c.id++
	c.text = append(append(c.text[:0], c.name...), '-')
	c.text = strconv.AppendInt(c.text, int64(c.id), 10)
	for len(c.text) < defaultSize {
		c.text = append(c.text, '.')
	}
	c.want = append(c.want[:0], `{"text":"`...)
	c.want = append(append(c.want, c.text...), '"')
	if size > defaultSize {
		c.want = strconv.AppendInt(append(c.want, `,"bytes":`...), int64(size), 10)
	}
	c.message = c.shape(c.message[:0], c.id, append(c.want, '}'))
	answer, err := c.wire.exchange(c.message)
	if err != nil {
		return fmt.Errorf("call %d of %s: %w", c.id, c.name, err)
	}
	c.want = appendText(c.want[:0], c.text, size)
	if !hasID(answer, c.id) || !bytes.Contains(answer, c.want) {
		return fmt.Errorf("call %d of %s: wrong answer: %s", c.id, c.name, excerpt(answer))
	}
	return nil
}

// hasID looks for the id near both ends of the answer, where it stands
// whatever the order of its members.
func hasID(answer []byte, id int) bool {
	const near = 64
	head, tail := answer[:min(near, len(answer))], answer[max(0, len(answer)-near):]
	var buf [32]byte
	want := strconv.AppendInt(append(buf[:0], `"id":`...), int64(id), 10)
	for _, part := range [][]byte{head, tail} {
		if i := bytes.Index(part, want); i >= 0 {
			end := i + len(want)
			return end == len(part) || part[end] < '0' || part[end] > '9'
		}
	}
	return false
}

// excerpt is the beginning of a message, for an error.
func excerpt(message []byte) string {
	const most = 600
	if len(message) > most {
		return fmt.Sprintf("%q and %d bytes more", message[:most], len(message)-most)
	}
	return fmt.Sprintf("%q", message)
}
