package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"os"
)

// These tools say exactly what a test wants and tell exactly what came. The
// bytes travel as base64, so that what one direction loses does not hide what
// the other one does.

// say answers with the bytes of its argument result as the result. With
// message it answers with a whole message instead, in which "@ID@" becomes the
// request's id. Over HTTP, as says how: an event (the default) or json, a body.
func say(c *call) []byte {
	var args struct{ Result, Message []byte } // encoding/json reads base64.
	if json.Unmarshal(c.raw, &args) != nil {
		return c.result("no base64", nil)
	}
	if args.Message != nil {
		c.p.send(bytes.ReplaceAll(args.Message, []byte(`"@ID@"`), c.reqID))
		return nil
	}
	reply(c.p, c.reqID, args.Result)
	return nil
}

// asJSON reports whether a call wants its answer as a body rather than an event.
func asJSON(m message) bool {
	var params struct{ Arguments struct{ As string } }
	return json.Unmarshal(m.Params, &params) == nil && params.Arguments.As == "json"
}

// mirror answers with one text block: its params as they came, in base64.
func mirror(c *call) []byte {
	text := base64.StdEncoding.EncodeToString(c.params)
	return append(append([]byte(`{"content":[{"type":"text","text":"`), text...), `"}],"resultType":"complete"}`...)
}

// listFile is the result of tools/list that --list names, nil without it.
func (s *server) listFile() []byte {
	if s.opt.list == "" {
		return nil
	}
	result, err := os.ReadFile(s.opt.list)
	if err != nil {
		panic(err) // A test without its list must not go on.
	}
	return result
}

// transcribe appends a message to the file that --transcript names, on one
// line.
func (s *server) transcribe(raw []byte) {
	if s.opt.transcript == "" {
		return
	}
	line := bytes.TrimSpace(raw)
	for _, end := range []string{"\n", "\r"} {
		line = bytes.ReplaceAll(line, []byte(end), []byte(" "))
	}
	f, err := os.OpenFile(s.opt.transcript, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		panic(err)
	}
	defer f.Close()
	if _, err := f.Write(append(line, '\n')); err != nil {
		panic(err)
	}
}
