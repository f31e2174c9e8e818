package main

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"
)

// sessionID is the session of whoever initializes over HTTP.
const sessionID = "bench-session"

// The answers that are always the same.
const (
	answerList = `{"tools":[{"name":"echo","description":"Gives the text back, padded to so many bytes.","inputSchema":` +
		`{"type":"object","properties":{"text":{"type":"string"},"bytes":{"type":"integer"}}}}]}`
	answerInitialize = `,"capabilities":{"tools":{}},"serverInfo":{"name":"bench-echo","version":"1"}}`
	answerUnknown    = `"error":{"code":-32601,"message":"method not found"}`
)

// padLine is what a text is padded with: as in real results, a string with
// escapes in it. No cut of it but one behind a backslash is invalid.
const padLine = `drwxr-xr-x 2 \"bench\" 4096 src/one/file/of/many, größer=yes;\n`

// playEcho is the echo server: stdio, or http on a free port of loopback,
// which it prints.
func playEcho(args []string) error {
	flags := flag.NewFlagSet("echo", flag.ContinueOnError)
	delay := flags.Duration("delay", 0, "how long it does nothing at its start")
	if len(args) == 0 {
		return errors.New("echo: say stdio or http")
	}
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	time.Sleep(*delay)
	switch args[0] {
	case "stdio":
		return echoLines(os.Stdin, os.Stdout)
	case "http":
		return serveHTTP(func(out, message []byte) ([]byte, error) { return appendAnswer(out, message), nil })
	default:
		return fmt.Errorf("echo: no mode %q: say stdio or http", args[0])
	}
}

// echoLines answers line by line until the end of its input. It writes when
// there is nothing more to read at once.
func echoLines(in io.Reader, out io.Writer) error {
	r, w := bufio.NewReaderSize(in, 1<<16), bufio.NewWriterSize(out, 1<<16)
	var line, answer []byte
	for {
		var err error
		if line, err = readLine(r, line[:0]); err != nil {
			return errors.Join(w.Flush(), unlessEOF(err))
		}
		if answer = appendAnswer(answer[:0], line); len(answer) > 0 {
			_, _ = w.Write(append(answer, '\n')) // Flush tells.
		}
		if r.Buffered() == 0 {
			if err := w.Flush(); err != nil {
				return err
			}
		}
	}
}

// readLine appends the next line to buf, without its end.
func readLine(r *bufio.Reader, buf []byte) ([]byte, error) {
	for {
		part, err := r.ReadSlice('\n')
		buf = append(buf, part...)
		if err == nil {
			return buf[:len(buf)-1], nil
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return buf, err
		}
	}
}

func unlessEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// appendAnswer appends the answer to a message, or nothing where none is due.
func appendAnswer(out, message []byte) []byte {
	var id, method, params []byte
	for key, value := range members(message) {
		switch string(key) {
		case "id":
			id = value
		case "method":
			method = unquote(value)
		case "params":
			params = value
		}
	}
	if id == nil || method == nil {
		return out
	}
	out = append(append(append(out, `{"jsonrpc":"2.0","id":`...), id...), ',')
	switch string(method) {
	case "tools/call":
		out = appendEcho(append(out, `"result":`...), member(params, "arguments"))
	case "tools/list":
		out = append(append(out, `"result":`...), answerList...)
	case "ping":
		out = append(out, `"result":{}`...)
	case "initialize":
		out = append(append(out, `"result":{"protocolVersion":`...), member(params, "protocolVersion")...)
		out = append(out, answerInitialize...)
	default: // Also a question for an era that this server does not know.
		out = append(out, answerUnknown...)
	}
	return append(out, '}')
}

// appendEcho appends the result of the tool: the text of the arguments, padded.
func appendEcho(out, args []byte) []byte {
	var text []byte
	size := 0
	for key, value := range members(args) {
		switch string(key) {
		case "text":
			text = unquote(value)
		case "bytes":
			size, _ = strconv.Atoi(string(value))
		}
	}
	out = append(out, `{"content":[{"type":"text","text":"`...)
	out = appendText(out, text, max(size, defaultSize))
	return append(out, `"}]}`...)
}

// defaultSize is how long a text is at least.
const defaultSize = 64

// appendText appends what echo makes of a text: the text and, if that is
// shorter than size, padding.
func appendText(out, text []byte, size int) []byte {
	end := len(out) + max(size, len(text))
	out = append(out, text...)
	for len(out) < end {
		out = append(out, padLine[:min(len(padLine), end-len(out))]...)
	}
	// What was cut may be the first half of an escape, or of a letter.
	for i := end - 1; len(text) < size && (out[i] == '\\' || out[i] >= 0x80); i-- {
		out[i] = '.'
	}
	return out
}
