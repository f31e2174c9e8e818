package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
)

// relay puts many callers on one stdio server. It reads of a message only the
// id, replaces it by one of its own, and puts the caller's back into the answer.
type relay struct {
	stdin io.Writer

	mu      sync.Mutex
	waiting map[uint64]*relayed
	next    uint64
	pending []byte // lines for the server that are not written yet
	spare   []byte // the memory of the last ones
	writing bool   // a caller is writing; it takes pending along
	broken  error  // why there are no more answers
}

// relayed is one call on its way.
type relayed struct {
	id     []byte // the caller's
	answer []byte // with our id
	at     int    // where that stands in answer, and how long it is
	length int
	err    error
	done   chan struct{}
}

// playRelay serves a stdio echo server over HTTP, or over stdio.
func playRelay(args []string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.Command(self, "echo", "stdio")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	switch strings.Join(args, " ") {
	case "http":
		r := &relay{stdin: stdin, waiting: map[uint64]*relayed{}}
		go r.read(stdout) // Ends with the server, or with the process.
		return serveHTTP(r.answer)
	case "stdio":
		return relayLines(stdin, stdout)
	default:
		return errors.New("relay: say stdio or http")
	}
}

var relayedPool = sync.Pool{New: func() any { return &relayed{done: make(chan struct{}, 1)} }}

// answer passes one message on and waits for what comes back.
func (r *relay) answer(out, message []byte) ([]byte, error) {
	id := member(message, "id")
	if id == nil {
		return out, nil // A notification, of which nobody needs to know.
	}
	c := relayedPool.Get().(*relayed)
	defer relayedPool.Put(c)
	c.id, c.err = id, nil
	if err := r.send(c, message); err != nil {
		return nil, err
	}
	<-c.done
	if c.err != nil {
		return nil, c.err
	}
	out = append(append(out, c.answer[:c.at]...), c.id...)
	return append(out, c.answer[c.at+c.length:]...), nil
}

// send writes the message, or leaves that to the caller who is writing.
func (r *relay) send(c *relayed, message []byte) error {
	at := cap(message) - cap(c.id) // The id is a part of the message.
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.broken != nil {
		return r.broken
	}
	r.next++
	r.waiting[r.next] = c
	r.pending = append(r.pending, message[:at]...)
	r.pending = strconv.AppendUint(r.pending, r.next, 10)
	r.pending = append(append(r.pending, message[at+len(c.id):]...), '\n')
	if r.writing {
		return nil
	}
	r.writing = true
	for len(r.pending) > 0 {
		batch := r.pending
		r.pending = r.spare[:0]
		r.mu.Unlock()
		_, _ = r.stdin.Write(batch) // The reader hears of the server's end.
		r.mu.Lock()
		r.spare = batch
	}
	r.writing = false
	return nil
}

// read hands the answers to their callers.
func (r *relay) read(stdout io.Reader) {
	br := bufio.NewReaderSize(stdout, 1<<18)
	var line []byte
	for {
		var err error
		if line, err = readLine(br, line[:0]); err != nil {
			r.end(fmt.Errorf("the server is gone: %w", err))
			return
		}
		if line, err = r.deliver(line); err != nil {
			r.end(err)
			return
		}
	}
}

// deliver hands the line to its caller, and returns that caller's old memory.
func (r *relay) deliver(line []byte) ([]byte, error) {
	id := member(line, "id")
	n, err := strconv.ParseUint(string(id), 10, 64)
	if err != nil {
		return nil, errors.New("the server answered without an id of ours")
	}
	r.mu.Lock()
	c := r.waiting[n]
	delete(r.waiting, n)
	r.mu.Unlock()
	if c == nil {
		return nil, errors.New("the server answered twice")
	}
	spare := c.answer
	c.answer, c.at, c.length = line, cap(line)-cap(id), len(id)
	c.done <- struct{}{}
	return spare, nil
}

// end fails all calls, present and future.
func (r *relay) end(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.broken = err
	for n, c := range r.waiting {
		delete(r.waiting, n)
		c.err = err
		c.done <- struct{}{}
	}
}
