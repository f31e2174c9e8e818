package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"
)

// httpWire is HTTP/1.1 on one kept-alive connection, written by hand: its cost
// is a third of that of net/http's client, and every microsecond that the load
// generator takes from the same cores hides one of the gateway's.
type httpWire struct {
	conn net.Conn
	r    *bufio.Reader
	head []byte // of each request, up to the length of its body
	out  []byte
	body []byte
	last response
}

// response is what the head of an answer said.
type response struct {
	status  int
	length  int // -1: chunked
	json    bool
	session string
}

func dialHTTP(addr string) (*httpWire, error) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	w := &httpWire{conn: conn, r: bufio.NewReaderSize(conn, 1<<16)}
	w.setHead("")
	return w, nil
}

// setHead writes the head as a client of the revision sends it; before there
// is a session it knows neither of the two headers.
func (w *httpWire) setHead(session string) {
	w.head = fmt.Appendf(nil, "POST /mcp HTTP/1.1\r\nHost: %s\r\nUser-Agent: bench\r\nContent-Type: application/json\r\n"+
		"Accept: application/json, text/event-stream\r\n", w.conn.RemoteAddr())
	if session != "" {
		w.head = fmt.Appendf(w.head, "Mcp-Session-Id: %s\r\nMcp-Protocol-Version: %s\r\n", session, revision)
	}
	w.head = append(w.head, "Content-Length: "...)
}

func (w *httpWire) deadline(t time.Time) { _ = w.conn.SetDeadline(t) }

func (w *httpWire) close() { _ = w.conn.Close() }

func (w *httpWire) exchange(message []byte) ([]byte, error) {
	w.out = append(w.out[:0], w.head...)
	w.out = strconv.AppendInt(w.out, int64(len(message)), 10)
	w.out = append(append(w.out, "\r\n\r\n"...), message...)
	if _, err := w.conn.Write(w.out); err != nil {
		return nil, err
	}
	if err := w.readHead(); err != nil {
		return nil, err
	}
	if err := w.readBody(); err != nil {
		return nil, err
	}
	switch {
	case w.last.status == 202 && len(w.body) == 0:
		return nil, nil
	case w.last.status != 200 || !w.last.json:
		return nil, fmt.Errorf("status %d, JSON %v: %s", w.last.status, w.last.json, excerpt(w.body))
	}
	if s := w.last.session; s != "" {
		w.setHead(s)
	}
	return w.body, nil
}

func (w *httpWire) readHead() error {
	w.last = response{}
	line, err := w.line()
	if err != nil {
		return err
	}
	if len(line) < 12 || !bytes.HasPrefix(line, []byte("HTTP/1.1 ")) {
		return fmt.Errorf("not HTTP/1.1: %s", excerpt(line))
	}
	w.last.status, _ = strconv.Atoi(string(line[9:12]))
	for {
		line, err := w.line()
		if err != nil {
			return err
		}
		if len(line) == 0 {
			return nil
		}
		if err := w.header(line); err != nil {
			return err
		}
	}
}

func (w *httpWire) header(line []byte) error {
	name, value, _ := bytes.Cut(line, []byte(":"))
	value = bytes.TrimSpace(value)
	switch {
	case is(name, "Content-Length"):
		n, err := strconv.Atoi(string(value))
		if err != nil {
			return err
		}
		w.last.length = n
	case is(name, "Transfer-Encoding"):
		w.last.length = -1
	case is(name, "Content-Type"):
		w.last.json = bytes.HasPrefix(value, []byte("application/json"))
	case is(name, "Mcp-Session-Id"):
		w.last.session = string(value)
	}
	return nil
}

func is(name []byte, want string) bool {
	return len(name) == len(want) && bytes.EqualFold(name, []byte(want))
}

// line reads a line of the head.
func (w *httpWire) line() ([]byte, error) {
	line, err := w.r.ReadSlice('\n')
	if err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(line[:len(line)-1], []byte("\r")), nil
}

func (w *httpWire) readBody() error {
	w.body = w.body[:0]
	if w.last.length >= 0 {
		return w.take(w.last.length)
	}
	for {
		line, err := w.line()
		if err != nil {
			return err
		}
		n, err := strconv.ParseInt(string(line), 16, 32)
		if err != nil {
			return err
		}
		if err := w.take(int(n)); err != nil {
			return err
		}
		if end, err := w.line(); err != nil {
			return err
		} else if len(end) > 0 {
			return errors.New("a chunk without its end")
		}
		if n == 0 {
			return nil
		}
	}
}

// take appends so many bytes to the body.
func (w *httpWire) take(n int) error {
	at := len(w.body)
	if cap(w.body) < at+n {
		w.body = append(make([]byte, 0, 2*(at+n)), w.body...)
	}
	w.body = w.body[:at+n]
	_, err := io.ReadFull(w.r, w.body[at:])
	return err
}
