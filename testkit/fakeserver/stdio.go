package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sync"
)

// stdioPeer writes newline-delimited messages, with junk between them if the
// flags ask for it.
type stdioPeer struct {
	mu   sync.Mutex
	w    io.Writer
	junk int
}

func (p *stdioPeer) send(msg []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	// A failed write means that nobody listens; the end of stdin tells.
	_, _ = p.w.Write(append(msg, '\n'))
	p.writeJunk()
}

func (p *stdioPeer) writeJunk() {
	for i := range p.junk {
		_, _ = fmt.Fprintf(p.w, "junk %d: this is not JSON-RPC {\n", i)
	}
}

// serveStdio reads messages until the input ends. Tool calls run side by
// side; everything else is answered in order.
func (s *server) serveStdio(in io.Reader, out io.Writer) {
	p := &stdioPeer{w: out, junk: s.opt.junk}
	p.writeJunk()
	go s.noise(p)
	r := bufio.NewReaderSize(in, 1<<16)
	for {
		line, err := r.ReadBytes('\n')
		if s.opt.discoverLate != "" && bytes.Contains(line, []byte(`"server/discover"`)) {
			s.beLate(r)
		}
		if len(bytes.TrimSpace(line)) > 0 {
			s.line(p, line)
		}
		if err != nil {
			return
		}
		if s.opt.stopReading {
			s.maybeStopReading()
		}
	}
}

// beLate waits for another message, if no process before this one has.
func (s *server) beLate(r *bufio.Reader) {
	f, err := os.OpenFile(s.opt.discoverLate, os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return
	}
	_ = f.Close()
	_, _ = r.Peek(1) // At the end of the input nobody waits any more.
}

func (s *server) line(p peer, line []byte) {
	s.dieOf(line)
	s.transcribe(line)
	var m message
	if err := json.Unmarshal(line, &m); err != nil {
		replyError(p, json.RawMessage("null"), -32700, "Parse error", nil)
		return
	}
	s.recordMessage(m, nil)
	if m.Method == "tools/call" {
		go s.handle(p, "", m)
		return
	}
	s.handle(p, "", m)
}

// maybeStopReading blocks for ever once tools/list was answered.
func (s *server) maybeStopReading() {
	select {
	case <-s.wasListed:
		select {}
	default:
	}
}

// sendHuge sends one message of about n bytes that is valid JSON.
func sendHuge(p peer, n int64) {
	msg := []byte(`{"jsonrpc":"2.0","method":"notifications/message","params":{"data":"`)
	msg = append(msg, bytes.Repeat([]byte("h"), int(n))...)
	p.send(append(msg, `"}}`...))
}

// dieOf ends the process if a line is more than the flags say that it can take.
func (s *server) dieOf(line []byte) {
	switch {
	case s.opt.maxLine > 0 && len(line) > s.opt.maxLine:
		fmt.Fprintln(os.Stderr, "Error: ReadBuffer exceeded its maximum size")
	case s.opt.maxDepth > 0 && depth(line) > s.opt.maxDepth:
		fmt.Fprintln(os.Stderr, "RecursionError: maximum recursion depth exceeded")
	default:
		return
	}
	os.Exit(1)
}

// depth is how deep a line of JSON is nested; brackets in texts count as well,
// which is near enough for who sends none.
func depth(line []byte) int {
	now, most := 0, 0
	for _, b := range line {
		switch b {
		case '[', '{':
			now++
			most = max(most, now)
		case ']', '}':
			now--
		}
	}
	return most
}
