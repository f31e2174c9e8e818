package entrance

import (
	"bytes"
	"net/http"
)

// head reads the head of a request, for two of its headers. What is wrong with
// it otherwise net/http says.
type head struct {
	line             []byte // the begin of the line that has not ended
	begun            bool   // a line with something in it has been read
	length, encoding bool
}

// enough is how much of a line is looked at.
const enough = len("transfer-encoding:")

// read takes in bytes and reports whether the head has ended with them.
func (h *head) read(b []byte) (ended bool) {
	for len(b) > 0 {
		end := bytes.IndexByte(b, '\n')
		if end < 0 {
			h.line = append(h.line, b[:min(len(b), enough+1)]...)
			h.line = h.line[:min(len(h.line), 2*enough)]
			return false
		}
		line := b[:end]
		if len(h.line) > 0 {
			line = append(h.line, line[:min(len(line), enough)]...)
			h.line = h.line[:0]
		}
		b = b[end+1:]
		if len(line) == 0 || len(line) == 1 && line[0] == '\r' {
			if h.begun {
				return true
			}
			continue // Before a request blank lines are allowed.
		}
		h.begun = true
		h.note(line)
	}
	return false
}

func (h *head) note(line []byte) {
	switch line[0] {
	case 'c', 'C':
		h.length = h.length || named(line, "content-length:")
	case 't', 'T':
		h.encoding = h.encoding || named(line, "transfer-encoding:")
	}
}

func named(line []byte, name string) bool {
	return len(line) >= len(name) && bytes.EqualFold(line[:len(name)], []byte(name))
}

// unambiguous refuses requests with two lengths: a proxy before us may have gone
// by the other one, and what follows be somebody else's request. One in chunks that
// was sent before the answer to the one before it may have had a length as well.
func unambiguous(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c, _ := r.Context().Value(key{}).(*conn); c != nil && (c.ambiguous.Load() || c.unseen.Load() && len(r.TransferEncoding) > 0) {
			w.Header().Set("Connection", "close")
			why := "a request has a Content-Length or a Transfer-Encoding, not both"
			if !c.ambiguous.Load() {
				why = "a request in chunks cannot be sent before the answer to the one before it has come"
			}
			http.Error(w, why, http.StatusBadRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}
