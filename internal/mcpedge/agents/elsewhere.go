package agents

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"net/http"
	"strings"

	"github.com/mark3labs/mcp-go/mcp"
)

// Fleet is what makes an Edge one of several that share their agents: a session of a
// surface lives at the one that opened it, and the others pass its requests on.
type Fleet struct {
	// Node names this one.
	Node string
	// Key is the same for all of them, and unknown to agents: it marks the ids of their
	// sessions.
	Key []byte
	// Pass has another one serve a request of a session that it has, and answers it, to
	// its end. It returns false, with nothing read and nothing written, if that one is
	// gone.
	Pass func(w http.ResponseWriter, r *http.Request, node string) bool
}

// sealMark stands before what a fleet puts behind the id of a session: the node that has
// the session, and again before the seal of both. Neither agents nor nodes have it in
// their names.
const sealMark = "@"

// seal returns an id with the node that has the session. A nil Fleet changes nothing.
func (f *Fleet) seal(id string) string {
	if f == nil {
		return id
	}
	id += sealMark + f.Node
	return id + sealMark + f.mark(id)
}

// mark is the seal of an id and its node.
func (f *Fleet) mark(id string) string {
	h := hmac.New(sha256.New, f.Key)
	_, _ = h.Write([]byte("gatehouse session of a fleet\x00" + id)) // It never fails.
	return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(h.Sum(nil)[:20])
}

// elsewhere returns which other node has a session, by its id; "" if none has, or nobody
// of the fleet has made the id.
func (f *Fleet) elsewhere(id string) (node string) {
	last := strings.LastIndex(id, sealMark)
	if last < 0 {
		return ""
	}
	_, node, _ = strings.Cut(id[:last], sealMark)
	if node == f.Node || !hmac.Equal([]byte(f.mark(id[:last])), []byte(id[last+len(sealMark):])) {
		return ""
	}
	return node
}

// passOn has another node of the fleet serve a request whose session that one has. It
// reports whether it did: a session whose node is gone is one that nobody knows here.
func (e *Edge) passOn(w http.ResponseWriter, r *http.Request, v visitor) bool {
	f := e.opts.Fleet
	if f == nil || v.surface == nil || v.passedOn || mcp.IsModernProtocol(r.Header.Get(headerVersion)) {
		return false
	}
	node := f.elsewhere(r.Header.Get(headerSession))
	if node == "" {
		return false
	}
	if r.Method == http.MethodGet {
		ctx, end, ok := e.openStream(w, r, v, v.peer(r))
		if !ok {
			return true
		}
		defer end()
		return f.Pass(w, r.WithContext(ctx), node)
	}
	if r.ContentLength > int64(e.opts.MaxMessageBytes) {
		http.Error(w, fmt.Sprintf("the body has more than %d bytes", e.opts.MaxMessageBytes), http.StatusRequestEntityTooLarge)
		return true
	}
	if err := e.inFlight.begin(); err != nil {
		return false // post says so.
	}
	defer e.inFlight.end()
	ctx, cancel := context.WithCancelCause(r.Context())
	defer cancel(nil)
	c := &call{who: v.who, cancel: cancel}
	e.inFlight.track(c)
	defer e.inFlight.untrack(c)
	r = r.WithContext(ctx)
	r.Body = http.MaxBytesReader(w, r.Body, int64(e.opts.MaxMessageBytes))
	return f.Pass(w, r, node)
}
