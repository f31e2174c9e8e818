package servers

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/mcpedge/jsonrpc"
	"gatehouse/internal/weight"
)

// maxOtherBody limits what is read of a body that is not an answer.
const maxOtherBody = 64 << 10

// byteOrderMark may stand before JSON, where it means nothing.
const byteOrderMark = "\uFEFF"

// readHead reads what matters of a response's headers.
func readHead(resp *http.Response, now time.Time) responseHead {
	head := responseHead{
		media:   mediaType(resp),
		session: resp.Header.Get("Mcp-Session-Id"),
		scope:   challengedScope(resp.Header.Values("WWW-Authenticate")),
		login:   challengesLogin(resp.Header.Values("WWW-Authenticate")),
	}
	if resp.StatusCode/100 == 3 {
		if target, err := resp.Location(); err == nil {
			head.redirect = target.Scheme + "://" + target.Host + target.EscapedPath()
		}
	}
	head.retryAfter = retryAfter(resp.Header.Get("Retry-After"), now)
	return head
}

// maxRetryAfter is the longest wait that is believed.
const maxRetryAfter = 24 * time.Hour

// retryAfter reads a Retry-After header: seconds, or a date.
func retryAfter(value string, now time.Time) time.Duration {
	value = strings.TrimSpace(value)
	if seconds, err := strconv.ParseFloat(value, 64); err == nil && seconds > 0 {
		return time.Duration(min(seconds, maxRetryAfter.Seconds()) * float64(time.Second))
	}
	if at, err := http.ParseTime(value); err == nil && at.After(now) {
		return min(at.Sub(now), maxRetryAfter)
	}
	return 0
}

// challengesLogin reports whether a challenge is one of the MCP authorization
// specification.
func challengesLogin(challenges []string) bool {
	return slices.ContainsFunc(challenges, func(c string) bool { return strings.Contains(strings.ToLower(c), "resource_metadata") })
}

// challengedScope returns the scope that a challenge asks for, as a person may
// need it to get other credentials.
func challengedScope(challenges []string) string {
	for _, challenge := range challenges {
		lower := lowerASCII(challenge)
		for from := 0; ; {
			i := strings.Index(lower[from:], "scope")
			if i < 0 {
				break
			}
			before, rest := challenge[:from+i], strings.TrimLeft(challenge[from+i+len("scope"):], " \t")
			from += i + len("scope")
			value, found := strings.CutPrefix(rest, "=")
			if !found || before != "" && !strings.ContainsAny(before[len(before)-1:], " \t,") {
				continue // It is part of another word, such as insufficient_scope.
			}
			if value = strings.TrimLeft(value, " \t"); strings.HasPrefix(value, `"`) {
				value, _, _ = strings.Cut(value[1:], `"`)
			} else {
				value, _, _ = strings.Cut(value, ",")
			}
			return oneLine(strings.TrimSpace(value), 200)
		}
	}
	return ""
}

// receive reads a response up to the answer. It reports whether the connection
// can be used again once the rest has been read.
func (c *conversation) receive(ctx context.Context, resp *http.Response, x *exchange) (reusable bool) {
	body := bufio.NewReaderSize(resp.Body, startSize)
	media, start := mediaType(resp), startOf(body)
	if resp.StatusCode/100 == 2 && isEventStream(media, start) {
		return c.receiveStream(ctx, body, x)
	}
	page := media == "text/html" && !isJSON(start)
	limit := int64(maxOtherBody)
	if resp.StatusCode/100 == 2 {
		limit = x.limit + envelopeRoom
	}
	share := c.h.opts.Budget.Share()
	defer share.Release()
	data, err := readAll(io.LimitReader(body, limit+1), &share)
	switch {
	case errors.Is(err, endpoint.ErrNoRoom):
		x.settle(endpoint.Response{}, err, true)
		return false
	case err != nil:
		x.note(func(f *facts) { f.err = err })
		return false
	case int64(len(data)) > limit && resp.StatusCode/100 == 2 && !page:
		x.weight.See(int64(len(data)))
		x.settle(endpoint.Response{}, &endpoint.TooLarge{Limit: x.limit}, true)
		return false
	case page || !c.accept(data, x):
		x.note(func(f *facts) { f.text = string(data[:min(len(data), maxOtherBody)]) })
	}
	return true
}

// startSize is how much of a body is looked at to see what it is.
const startSize = 16

// blank may stand before what a body begins with.
const blank = " \t\r\n" + byteOrderMark

// startOf returns the first bytes of a body, without what is blank. It waits for
// as few of them as tell what it is.
func startOf(body *bufio.Reader) []byte {
	for n := 1; n <= startSize; n++ {
		b, err := body.Peek(n)
		if err != nil {
			return nil
		}
		if strings.IndexByte(blank, b[n-1]) < 0 {
			if !isJSON(b[n-1:]) {
				b, _ = body.Peek(min(startSize, n-1+len("event:")))
			}
			return b[n-1:]
		}
	}
	return nil
}

func isJSON(start []byte) bool { return len(start) > 0 && (start[0] == '{' || start[0] == '[') }

// isEventStream reports whether a body is a stream of events: some servers, and
// proxies before them, are wrong about the type of what they send.
func isEventStream(media string, start []byte) bool {
	if isJSON(start) {
		return false
	}
	return media == "text/event-stream" || slices.ContainsFunc([]string{":", "data:", "event:", "id:", "retry:"},
		func(field string) bool { return bytes.HasPrefix(start, []byte(field)) })
}

// readAll is io.ReadAll that takes the bytes of a share first, or ends with
// endpoint.ErrNoRoom.
func readAll(from io.Reader, share *weight.Share) ([]byte, error) {
	b := make([]byte, 0, 512)
	for {
		n, err := from.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		switch {
		case errors.Is(err, io.EOF):
			return b, nil
		case err != nil:
			return b, err //nolint:wrapcheck // The caller knows by it what happened.
		case len(b) < cap(b):
			continue
		case !share.Grow(2 * cap(b)):
			return nil, endpoint.ErrNoRoom
		}
		b = append(make([]byte, 0, 2*cap(b)), b...)
	}
}

// accept takes the answer to x out of a body, whatever the type that it is said
// to have. Its id is not insisted on where the body is one message: the
// response answers this request and no other, and an error may have none. It
// reports whether there was a message.
func (c *conversation) accept(data []byte, x *exchange) bool {
	var first jsonrpc.Message
	n := 0
	data = bytes.TrimPrefix(data, []byte(byteOrderMark))
	if !jsonrpc.Scan(data, func(m jsonrpc.Message) {
		if n++; n == 1 {
			first = m
		}
	}) {
		return false
	}
	if n == 1 && first.Method == nil {
		if first.Result == nil && first.Error == nil {
			return false
		}
		x.settle(x.responseTo(first))
		return true
	}
	jsonrpc.Scan(data, func(m jsonrpc.Message) { c.message(m, x) }) // Kept all at once they could take eighty times as much.
	return true
}

// receiveStream reads the events of a response. A server of the older era may
// end a stream before the answer, on purpose, if it has given an event an id: it
// then expects to be asked for the rest.
func (c *conversation) receiveStream(ctx context.Context, body io.Reader, x *exchange) (reusable bool) {
	e := c.newEventStream(ctx, body, x)
	err := e.read()
	if err == nil && !x.state().answered && e.id != "" && x.lasts != nil {
		x.lasts()
	}
	for err == nil && !x.state().answered && e.id != "" && c.way == overStreamable {
		if err = c.resume(ctx, e, x); err == nil && x.state().answered {
			return false
		}
	}
	if broken := e.broken; broken != "" && (err == nil || errors.Is(err, io.ErrUnexpectedEOF)) {
		x.settle(endpoint.Response{}, &endpoint.BadAnswer{What: broken}, true)
	}
	x.note(func(f *facts) {
		if !f.answered {
			f.err = errStream
			if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
				f.err = err
			}
		}
	})
	return err == nil
}

// resume goes on with a stream that the server has closed. Each time costs an HTTP
// request that nobody else has asked for.
func (c *conversation) resume(ctx context.Context, e *eventStream, x *exchange) error {
	pause := time.NewTimer(max(e.retry, c.h.pace.Spend(costPosted, floodBurst, time.Now())))
	defer pause.Stop()
	select {
	case <-pause.C:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	resp, err := c.get(context.WithValue(ctx, exchangeKey{}, (*exchange)(nil)), e.id)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK || mediaType(resp) != "text/event-stream" {
		return errStream
	}
	next := c.newEventStream(ctx, resp.Body, x)
	next.id, next.retry = e.id, e.retry
	err = next.read()
	e.id, e.retry, e.broken = next.id, next.retry, cmp.Or(e.broken, next.broken)
	return err
}
