package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
)

// answerer appends the answer to one message to out, or nothing where none is
// due.
type answerer func(out, message []byte) ([]byte, error)

// exchange is the memory of one request, used again by later ones.
type exchange struct{ in, out []byte }

// serveHTTP answers POSTs at /mcp of a free port on loopback, which it prints,
// until the process is killed or its input ends. It does what net/http needs
// and no more.
func serveHTTP(answer answerer) error {
	pool := sync.Pool{New: func() any { return &exchange{} }}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /mcp", func(w http.ResponseWriter, r *http.Request) {
		x := pool.Get().(*exchange)
		defer pool.Put(x)
		if err := x.read(r); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		var err error
		if x.out, err = answer(x.out[:0], x.in); err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		x.write(w)
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(l.Addr())
	go func() { // The end of the bench, however it came, ends this too.
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	return http.Serve(l, mux)
}

func (x *exchange) read(r *http.Request) error {
	if r.ContentLength < 0 {
		return fmt.Errorf("a Content-Length is needed")
	}
	n := int(r.ContentLength)
	if cap(x.in) < n {
		x.in = make([]byte, n)
	}
	x.in = x.in[:n]
	_, err := io.ReadFull(r.Body, x.in)
	return err
}

func (x *exchange) write(w http.ResponseWriter) {
	if len(x.out) == 0 {
		w.WriteHeader(http.StatusAccepted)
		return
	}
	h := w.Header()
	h["Content-Type"] = contentJSON
	h["Content-Length"] = []string{strconv.Itoa(len(x.out))}
	if bytes.Contains(x.in[:min(len(x.in), 100)], []byte(`"initialize"`)) {
		h.Set("Mcp-Session-Id", sessionID)
	}
	_, _ = w.Write(x.out) // The client finds out.
}

var contentJSON = []string{"application/json"}
