package testkit

import (
	"bufio"
	"encoding/json"
	"io"
	"slices"
	"sync"
	"testing"
)

// tee reads a gateway's stdout to its end, keeps a judgement on each line and
// hands the bytes on to the client that was attached, if any.
type tee struct {
	mu    sync.Mutex
	count int
	bad   []string // lines that are no JSON-RPC message
	pipe  *io.PipeWriter
	out   *io.PipeReader
	ended chan struct{}
	in    io.Closer // the gateway's stdout
}

// newTee reads r; without forward nobody is handed the bytes.
func newTee(r io.ReadCloser, forward bool) *tee {
	t := &tee{ended: make(chan struct{}), in: r}
	t.out, t.pipe = io.Pipe()
	if !forward {
		_ = t.out.Close()
	}
	go t.run(r)
	return t
}

func (t *tee) run(r io.Reader) {
	defer close(t.ended)
	defer t.pipe.Close()
	br := bufio.NewReaderSize(r, 1<<16)
	for {
		line, err := br.ReadBytes('\n')
		if len(line) > 0 {
			t.judge(line)
			// A client that has gone closed its end: go on judging.
			_, _ = t.pipe.Write(line)
		}
		if err != nil {
			return
		}
	}
}

func (t *tee) judge(line []byte) {
	bad := !isMCP(line)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.count++
	if bad {
		t.bad = append(t.bad, string(line))
	}
}

// isMCP reports whether a line is a JSON-RPC message or a batch of them.
func isMCP(line []byte) bool {
	type message struct {
		JSONRPC string `json:"jsonrpc"`
	}
	var one message
	if json.Unmarshal(line, &one) == nil {
		return one.JSONRPC == "2.0"
	}
	var batch []message
	if json.Unmarshal(line, &batch) != nil || len(batch) == 0 {
		return false
	}
	return !slices.ContainsFunc(batch, func(m message) bool { return m.JSONRPC != "2.0" })
}

// verify fails the test if anything but MCP was written, or anything at all
// when stdout does not carry MCP.
func (t *tee) verify(tb testing.TB, stdio bool) {
	tb.Helper()
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, line := range t.bad {
		tb.Errorf("not MCP on stdout: %q", line)
	}
	if !stdio && t.count > 0 {
		tb.Errorf("%d lines on stdout though MCP goes over HTTP", t.count)
	}
}
