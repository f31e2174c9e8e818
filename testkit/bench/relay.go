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
	mu      sync.Mutex
	waiting map[uint64]*relayed
	next    uint64
	pending []byte // lines for the server that are not written yet
	broken  error  // why there are no more answers

	wake chan struct{} // pending has something; room for one
}

// relayed is one call on its way.
type relayed struct {
	id     []byte // the caller's
	answer []byte
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
		r := &relay{waiting: map[uint64]*relayed{}, wake: make(chan struct{}, 1)}
		go r.write(stdin) // Both end with the server, or with the process.
		go r.read(stdout)
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
	return append(out, c.answer...), c.err
}

func (r *relay) send(c *relayed, message []byte) error {
	at := cap(message) - cap(c.id) // c.id is a part of message.
	r.mu.Lock()
	if r.broken != nil {
		r.mu.Unlock()
		return r.broken
	}
	r.next++
	r.waiting[r.next] = c
	r.pending = append(r.pending, message[:at]...)
	r.pending = strconv.AppendUint(r.pending, r.next, 10)
	r.pending = append(append(r.pending, message[at+len(c.id):]...), '\n')
	r.mu.Unlock()
	select {
	case r.wake <- struct{}{}:
	default:
	}
	return nil
}

// write writes what is pending, all that there is at once.
func (r *relay) write(stdin io.Writer) {
	var batch []byte
	for range r.wake {
		r.mu.Lock()
		batch, r.pending = r.pending, batch[:0]
		r.mu.Unlock()
		if len(batch) == 0 {
			continue // The last batch took it along.
		}
		if _, err := stdin.Write(batch); err != nil {
			return // The reader hears of the server's end as well.
		}
	}
}

// read hands the answers to their callers.
func (r *relay) read(stdout io.Reader) {
	br := bufio.NewReaderSize(stdout, 1<<16)
	var line []byte
	for {
		var err error
		if line, err = readLine(br, line[:0]); err != nil {
			r.end(fmt.Errorf("the server is gone: %w", err))
			return
		}
		if err := r.deliver(line); err != nil {
			r.end(err)
			return
		}
	}
}

func (r *relay) deliver(line []byte) error {
	id := member(line, "id")
	n, err := strconv.ParseUint(string(id), 10, 64)
	if err != nil {
		return errors.New("the server answered without an id of ours")
	}
	r.mu.Lock()
	c := r.waiting[n]
	delete(r.waiting, n)
	r.mu.Unlock()
	if c == nil {
		return errors.New("the server answered twice")
	}
	at := cap(line) - cap(id)
	c.answer = append(append(append(c.answer[:0], line[:at]...), c.id...), line[at+len(id):]...)
	c.done <- struct{}{}
	return nil
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
