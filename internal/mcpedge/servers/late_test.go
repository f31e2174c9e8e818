package servers_test

import (
	"errors"
	"io"
	"os"
	"testing"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/mcpedge/servers"
)

func TestCall_afterItsDeadline_isNotWritten(t *testing.T) {
	in, stdin, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, out := io.Pipe()
	p := newPeerOn(t, in, out)
	s := openOn(t, p, servers.Pipes{Stdin: stdin, Stdout: stdout}, servers.Options{})
	read := make(chan request, 10)
	go func() {
		for r := p.read(); r.line != ""; r = p.read() {
			read <- r
			if r.ID != nil {
				p.write(`{"jsonrpc":"2.0","id":%s,"result":{}}`, r.ID)
			}
		}
	}()
	_, err = s.Call(t.Context(), endpoint.Request{Method: "too/late", Deadline: time.Now().Add(-time.Second)})
	unsent, ok := errors.AsType[*endpoint.NotWritten](err)
	if !ok || !errors.Is(unsent, endpoint.ErrDeadline) {
		t.Errorf("got %v, want %v of a request that was not written", err, endpoint.ErrDeadline)
	}
	if _, err := s.Call(t.Context(), endpoint.Request{Method: "in/time"}); err != nil {
		t.Error(err)
	}
	if r := await(t, read); r.Method != "in/time" {
		t.Errorf("the server got %s, want in/time", r.line)
	}
}
