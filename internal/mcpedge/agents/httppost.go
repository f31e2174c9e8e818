package agents

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/mark3labs/mcp-go/mcp"

	"gatehouse/internal/fair"
	"gatehouse/internal/identity"
	"gatehouse/internal/weight"
)

// post serves a POST. It reports whether it has read the body to its end, and
// whether whoever floods with such requests has waited for it already.
func (e *Edge) post(w http.ResponseWriter, r *http.Request, v visitor) (read, paid bool) {
	if err := e.inFlight.begin(); err != nil {
		w.Header().Set("Retry-After", "1")
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return false, false
	}
	defer e.inFlight.end()
	if !isJSON(r.Header.Get("Content-Type")) {
		http.Error(w, "the content type must be application/json", http.StatusUnsupportedMediaType)
		return false, false
	}
	if packed(r.Header) {
		w.Header().Set("Accept-Encoding", "identity")
		http.Error(w, "the body is packed (Content-Encoding), which the gateway does not undo: send it as it is", http.StatusUnsupportedMediaType)
		return false, false
	}
	out := e.newReply(w, r)
	defer out.end()
	out.share = e.opts.Budget.ShareOf(cmp.Or(v.who.ID(), addressOf(r, v.who)))
	in := newBuffer()
	whole, ok := e.readBody(w, r, v.who, in.bytes, &out.share)
	if !ok {
		return false, false
	}
	body := withoutMark(whole)
	if !out.share.Grow(worked(len(whole))) {
		tooHeavy(w)
		return true, true
	}
	switch call, quick := quickToolRequest(body); {
	case quick && headersFit(r.Header, call):
		e.postCall(w, r, v, call, out)
		in.free(whole) // Nothing of a call is kept after its end.
	case isBatch(body):
		e.postBatch(w, r, v, body, out)
	default:
		e.slowRequest(r, v.who)
		e.postMessage(w, r, v, body, out)
	}
	return true, true
}

// isJSON reports whether a content type is that of JSON, which is UTF-8 whatever
// charset stands beside it (RFC 8259, section 11).
func isJSON(contentType string) bool {
	if contentType == jsonType {
		return true
	}
	kind, _, err := mime.ParseMediaType(contentType)
	return err == nil && kind == jsonType
}

// packed reports whether a body is another one once it is unpacked: what looked
// through it on the way may have seen that one.
func packed(h http.Header) bool {
	return slices.ContainsFunc(h["Content-Encoding"], func(coding string) bool {
		return coding != "" && !strings.EqualFold(coding, "identity")
	})
}

// postCall serves a tools/call that has been read, under headers that fit.
func (e *Edge) postCall(w http.ResponseWriter, r *http.Request, v visitor, call toolRequest, out *reply) {
	p, ok := e.peerOf(w, r, v, !call.stateless)
	if !ok {
		e.slowRequest(r, v.who) // A call has its place instead; this became none.
		return
	}
	if failure := e.checkParams(p, r.Header, call); failure != nil {
		a := failureAnswer(call.id, failure)
		out.finish(a, statusOf(a, true))
		return
	}
	p.deaf = !out.canStream
	out.enter(running)
	ctx, stop := r.Context(), func() {}
	if !call.stateless {
		ctx, stop = out.outlive(p, r)
	}
	defer stop()
	a := e.beginCall(ctx, p, call, nil, out.notify)()
	out.finish(a, statusOf(a, call.stateless))
}

func (e *Edge) postMessage(w http.ResponseWriter, r *http.Request, v visitor, body []byte, out *reply) {
	m, failure := parseMessage(body)
	if failure != nil {
		e.slowDown(r.Context(), v.peer(r), costNotice, len(body))
		version := cmp.Or(r.Header.Get(headerVersion), mcp.ProtocolVersion20250326)
		a := failureAnswer(orNull(m.id, version), failure)
		out.finish(a, statusOf(a, mcp.IsModernProtocol(version)))
		return
	}
	if isStateless(r.Header, m) {
		e.postStateless(r, v, m, out)
		return
	}
	initialize := m.isRequest() && m.method == string(mcp.MethodInitialize)
	p, ok := e.peerOf(w, r, v, !initialize)
	if !ok {
		return
	}
	p.deaf = !out.canStream
	if initialize { // Its answer has a header to come.
		out.enter(settling)
	} else {
		out.enter(running)
	}
	ctx, stop := out.outlive(p, r)
	defer stop()
	a := e.serve(ctx, p, m, nil, out.notify)
	if revision, _ := p.known(); initialize && revision != "" {
		w.Header().Set(headerSession, e.sessions.create(p, time.Now()))
	}
	out.finish(a, statusOf(a, false))
}

// postStateless serves a message of 2026-07-28, which has no sessions: the client
// cancels a call by closing its connection.
func (e *Edge) postStateless(r *http.Request, v visitor, m message, out *reply) {
	if m.isRequest() {
		if failure := checkStateless(r.Header, m); failure != nil {
			out.finish(failureAnswer(m.id, failure), http.StatusBadRequest)
			return
		}
	}
	p := v.peer(r)
	if m.isToolCall() {
		call, failure := readToolRequest(m, p.served())
		switch {
		case failure == nil:
			failure = e.checkParams(p, r.Header, call)
		case p.surface == nil:
			failure = nil // It is answered below.
		}
		if failure != nil {
			a := failureAnswer(m.id, failure)
			out.finish(a, statusOf(a, true))
			return
		}
	}
	out.enter(running)
	a := e.serve(r.Context(), p, m, nil, out.notify)
	out.finish(a, statusOf(a, true))
}

func (e *Edge) postBatch(w http.ResponseWriter, r *http.Request, v visitor, body []byte, out *reply) {
	p, ok := e.sessionOf(w, r, v)
	if !ok {
		e.slowRequest(r, v.who)
		return
	}
	out.enter(running)
	a := e.serveBatch(r.Context(), p, body, out.notify)
	out.finish(a, statusOf(a, false))
}

// readBody reads the body into b, within its limits, or answers that it cannot.
func (e *Edge) readBody(w http.ResponseWriter, r *http.Request, who *identity.Caller, b []byte, share *weight.Share) ([]byte, bool) {
	limited := http.MaxBytesReader(w, r.Body, int64(e.opts.MaxMessageBytes))
	toil := func(bytes int) {
		e.inFlight.toil(r.Context(), fair.Owner{Who: cmp.Or(who.ID(), addressOf(r, who))}, bytes)
	}
	body, err := readInto(b, limited, int(r.ContentLength), share, toil)
	switch {
	case err == nil:
		return body, true
	case errors.Is(err, errHeavy):
		_, _ = io.Copy(io.Discard, limited) // A client hears nothing while it sends.
		tooHeavy(w)
		return nil, false
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		why := fmt.Sprintf("the body has more than %d bytes", e.opts.MaxMessageBytes)
		http.Error(w, why, http.StatusRequestEntityTooLarge)
		return nil, false
	}
	w.Header().Set("Connection", "close")
	http.Error(w, "cannot read the body", http.StatusBadRequest)
	return nil, false
}

// tooHeavy refuses a request while others fill the budget.
func tooHeavy(w http.ResponseWriter) {
	w.Header().Set("Retry-After", "1")
	http.Error(w, errHeavy.Error(), http.StatusServiceUnavailable)
}

// worked is what a message of that size takes while it is served: it is copied
// to be changed, and once more for the wire.
func worked(size int) int {
	if size <= weight.Light {
		return 0
	}
	return 3 * size
}

// maxPiece is how much of a body is read before it is looked whether its sender
// should wait.
const maxPiece = 256 << 10

// readInto is io.ReadAll into b. size is what was announced, -1 for nothing: it
// is believed as far as the bytes come. It calls toil for each piece of a large
// body.
func readInto(b []byte, from io.Reader, size int, share *weight.Share, toil func(bytes int)) ([]byte, error) {
	for due := maxPiece; ; {
		n, err := from.Read(b[len(b):min(cap(b), len(b)+maxPiece)])
		if b = b[:len(b)+n]; len(b) >= due {
			toil(len(b) - due + maxPiece)
			due = len(b) + maxPiece
		}
		switch {
		case errors.Is(err, io.EOF):
			return b, nil
		case err != nil:
			return b, err //nolint:wrapcheck // The caller knows by it what happened.
		case len(b) == cap(b):
			room := 2 * cap(b)
			if len(b) <= size {
				room = min(max(room, maxPooled), size+1)
			}
			if !share.Grow(room) {
				return b, errHeavy
			}
			b = append(make([]byte, 0, room), b...)
		}
	}
}
