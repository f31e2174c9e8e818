package main

import (
	"bufio"
	"errors"
	"io"
	"os"
	"strconv"
	"sync"
)

// relayLines is the relay for one client over stdio: each line goes straight
// from one pipe into the other.
func relayLines(toServer io.WriteCloser, fromServer io.Reader) error {
	r := &lineRelay{ids: map[uint64][]byte{}}
	ended := make(chan error, 1)
	go func() { ended <- r.pass(fromServer, os.Stdout, r.back) }()
	err := r.pass(os.Stdin, toServer, r.there)
	return errors.Join(err, toServer.Close(), <-ended)
}

// lineRelay maps ids.
type lineRelay struct {
	mu   sync.Mutex
	ids  map[uint64][]byte // the client's, by ours
	next uint64
}

// pass copies lines with another id, in batches while there is more to read.
func (r *lineRelay) pass(in io.Reader, out io.Writer, other func(id []byte) []byte) error {
	br, bw := bufio.NewReaderSize(in, 1<<16), bufio.NewWriterSize(out, 1<<16)
	var line []byte
	for {
		var err error
		if line, err = readLine(br, line[:0]); err != nil {
			return errors.Join(bw.Flush(), unlessEOF(err))
		}
		at, id := 0, member(line, "id")
		if id != nil {
			at = cap(line) - cap(id) // It is a part of the line.
			_, _ = bw.Write(line[:at])
			_, _ = bw.Write(other(id))
		}
		_, _ = bw.Write(append(line[at+len(id):], '\n'))
		if br.Buffered() > 0 {
			continue
		}
		if err := bw.Flush(); err != nil {
			return err
		}
	}
}

// there returns an id of ours for the client's.
func (r *lineRelay) there(id []byte) []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.next++
	r.ids[r.next] = append([]byte(nil), id...)
	return strconv.AppendUint(nil, r.next, 10)
}

// back returns the client's id for ours, and forgets it.
func (r *lineRelay) back(id []byte) []byte {
	n, _ := strconv.ParseUint(string(id), 10, 64)
	r.mu.Lock()
	defer r.mu.Unlock()
	defer delete(r.ids, n)
	return r.ids[n]
}
