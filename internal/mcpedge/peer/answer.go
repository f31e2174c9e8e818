package peer

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/rawjson"
	"gatehouse/internal/weight"
)

// answered reads the answer to a call, plain or as the end of a stream.
func (s *Session) answered(ctx context.Context, req endpoint.Request, resp *http.Response) (endpoint.Response, error) {
	if resp.Header.Get("Content-Type") == mediaStream {
		return s.followed(ctx, req, bufio.NewReaderSize(resp.Body, 16<<10))
	}
	if resp.ContentLength < 0 {
		return endpoint.Response{}, &endpoint.BadAnswer{What: "an answer of unknown length from the gateway that runs it"}
	}
	return taken(ctx, req, resp.Header.Get(headerAnswer), resp.ContentLength, resp.Body)
}

// followed reads a stream to the answer at its end.
func (s *Session) followed(ctx context.Context, req endpoint.Request, r *bufio.Reader) (endpoint.Response, error) {
	events := eventReader{r}
	for {
		name, size, err := events.next()
		if err != nil {
			return endpoint.Response{}, broken(ctx, err)
		}
		s.received.Add(1)
		switch name {
		case answerResult, answerError, answerFailure:
			return taken(ctx, req, name, size, r)
		}
		if size > maxQueuedBytes {
			return endpoint.Response{}, broken(ctx, errStream)
		}
		data := make([]byte, size)
		if _, err = io.ReadFull(r, data); err == nil {
			err = events.end()
		}
		if err != nil {
			return endpoint.Response{}, broken(ctx, err)
		}
		hear(req, name, data)
	}
}

// hear passes an event on. One that is not known comes from a later version.
func hear(req endpoint.Request, name string, data []byte) {
	switch {
	case name == eventProgress && req.Progress != nil:
		req.Progress(data)
	case name == eventLasts && req.Lasts != nil:
		req.Lasts()
	case name == eventNotice && req.Notice != nil:
		var n notice
		if rawjson.Decode(data, &n) == nil {
			req.Notice(n.Method, n.Params)
		}
	}
}

// taken reads an answer of a size. The bytes of a result are read once, to where the
// caller wants them, and only if there is room.
func taken(ctx context.Context, req endpoint.Request, what string, size int64, r io.Reader) (endpoint.Response, error) {
	limit := req.MaxResultBytes
	if limit == 0 {
		limit = maxResultBytes
	}
	if what == answerFailure || what == answerError {
		limit = max(limit, maxFailureBytes)
	}
	if size > limit {
		req.Weight.See(size)
		return endpoint.Response{}, &endpoint.TooLarge{Limit: limit}
	}
	switch req.Weight.Answer(int(size), limit) {
	case weight.Fits:
	case weight.NoRoom:
		return endpoint.Response{}, endpoint.ErrNoRoom
	case weight.TooMuch:
		return endpoint.Response{}, &endpoint.TooLarge{Limit: limit, Together: true}
	}
	into := req.Into
	if what != answerResult {
		into = nil
	}
	start := len(into)
	all := slices.Grow(into, int(size)+answerRoom)[:start+int(size)]
	if _, err := io.ReadFull(r, all[start:]); err != nil {
		return endpoint.Response{}, broken(ctx, err)
	}
	return responseOf(what, all, start, req.Into != nil)
}

// answerRoom is what is put behind a result before it is sent: it need not be copied
// for that.
const answerRoom = 512

// responseOf makes the response of an answer that begins at start. What another gateway
// sends is checked like what a server sends.
func responseOf(what string, all []byte, start int, into bool) (endpoint.Response, error) {
	text := all[start:]
	switch what {
	case answerResult:
		resp := endpoint.Response{Result: text}
		if into {
			resp.Into = all
		}
		end := -1
		if len(text) > 0 && text[0] == '{' {
			resp.Outline, end = endpoint.ReadOutline(text, 0, 0)
		}
		if end == len(text) || end < 0 && rawjson.Valid(text) {
			return resp, nil
		}
	case answerError:
		if rawjson.Valid(text) {
			return endpoint.Response{Error: text}, nil
		}
	case answerFailure:
		var f failure
		if rawjson.Decode(text, &f) == nil {
			return endpoint.Response{}, f.err()
		}
	}
	return endpoint.Response{}, &endpoint.BadAnswer{What: fmt.Sprintf("something that is not an answer (%d bytes) from the gateway that runs it", len(text))}
}
