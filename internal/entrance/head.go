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

// read takes in bytes. It reports whether the head has ended with them, and returns what
// comes behind it.
func (h *head) read(b []byte) (rest []byte, ended bool) {
	for len(b) > 0 {
		end := bytes.IndexByte(b, '\n')
		if end < 0 {
			h.line = append(h.line, b[:min(len(b), enough+1)]...)
			h.line = h.line[:min(len(h.line), 2*enough)]
			return nil, false
		}
		line := b[:end]
		if len(h.line) > 0 {
			line = append(h.line, line[:min(len(line), enough)]...)
			h.line = h.line[:0]
		}
		b = b[end+1:]
		if len(line) == 0 || len(line) == 1 && line[0] == '\r' {
			if h.begun {
				return b, true
			}
			continue // Before a request blank lines are allowed.
		}
		h.begun = true
		h.note(line)
	}
	return nil, false
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

// tail is what was read of a connection behind the head of a request: the end of it, and
// how much.
type tail struct {
	size int64
	last []byte
}

// endOfChunks is how a body in chunks ends.
const endOfChunks = "\r\n\r\n"

func (t *tail) read(b []byte) {
	t.size += int64(len(b))
	if most := len(endOfChunks) + 1; len(b) >= most {
		t.last = append(t.last[:0], b[len(b)-most:]...)
	} else {
		t.last = append(t.last, b...)
		t.last = append(t.last[:0], t.last[max(0, len(t.last)-most):]...)
	}
}

// exceeds reports whether more was read than a body of this length, -1 for one in chunks.
// One byte more does not count: the server reads that when it looks whether the client is
// still there, and it tells nothing.
func (t *tail) exceeds(length int64) bool {
	if length < 0 {
		return !bytes.Contains(t.last, []byte(endOfChunks))
	}
	return t.size > length+1
}

// unambiguous refuses requests with two lengths: a proxy before us may have gone
// by the other one, and what follows be somebody else's request. One in chunks that
// was sent before the answer to the one before it may have had a length as well: where
// the end of one request was read together with the begin of the next, heads are not seen
// whole any more.
func unambiguous(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, _ := r.Context().Value(key{}).(*conn)
		if c == nil {
			next.ServeHTTP(w, r)
			return
		}
		c.body = r.ContentLength
		if c.ambiguous.Load() || (c.unseen.Load() || c.hasty) && len(r.TransferEncoding) > 0 {
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
