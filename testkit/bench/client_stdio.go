package main

import (
	"bufio"
	"bytes"
	"io"
	"time"
)

// stdioWire is lines on the pipes of a process, whose end ends a wait.
type stdioWire struct {
	in     io.WriteCloser
	r      *bufio.Reader
	out    []byte
	answer []byte
}

func newStdioWire(p *process) *stdioWire {
	return &stdioWire{in: p.stdin, r: bufio.NewReaderSize(p.stdout, 1<<16)}
}

func (w *stdioWire) deadline(time.Time) {}

func (w *stdioWire) close() { _ = w.in.Close() }

func (w *stdioWire) exchange(message []byte) ([]byte, error) {
	w.out = append(append(w.out[:0], message...), '\n')
	if _, err := w.in.Write(w.out); err != nil {
		return nil, err
	}
	if !bytes.Contains(message, []byte(`"id":`)) {
		return nil, nil // A notification.
	}
	var err error
	w.answer, err = readLine(w.r, w.answer[:0])
	return w.answer, err
}
