package attach

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"gatehouse/internal/mcpedge/jsonrpc"
	"gatehouse/internal/rawjson"
)

// opened notes the session that an answer to initialize has opened.
func (r *urlRelay) opened(resp *http.Response) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if resp.StatusCode == http.StatusOK {
		r.session = resp.Header.Get("Mcp-Session-Id")
	}
}

// agreed notes the revision that the answer to initialize names.
func (r *urlRelay) agreed(m message, answer []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.protocol = rawjson.Text(rawjson.Get(rawjson.Get(answer, "result"), "protocolVersion"))
	if r.protocol != "" {
		r.params = bytes.Clone(m.params)
	}
}

// reopen opens a session in the place of one that the gateway does not know any more,
// by the client's own initialize. Of many that ask, one does.
func (r *urlRelay) reopen(ctx context.Context, lost string) error {
	r.opening.Lock()
	defer r.opening.Unlock()
	r.mu.Lock()
	params, ready := r.params, r.ready
	done := r.session != lost
	if !done {
		r.session = ""
	}
	r.mu.Unlock()
	if done {
		return nil
	}
	m := message{method: methodInitialize, params: params}
	resp, err := r.post(ctx, m, jsonrpc.AppendRequest(nil, resumeID, methodInitialize, params))
	if err != nil {
		r.restore(lost)
		return errors.New("it cannot be connected to")
	}
	session := resp.Header.Get("Mcp-Session-Id")
	if resp.StatusCode != http.StatusOK {
		discard(resp)
		r.restore(lost)
		return fmt.Errorf("it answers %s", resp.Status)
	}
	if why := refusalIn(resp); why != "" {
		r.restore(lost)
		return errors.New("it does not take the session over: " + why)
	}
	r.restore(session)
	if ready {
		done := message{method: methodInitialized}
		if resp, err := r.post(ctx, done, jsonrpc.AppendNotification(nil, methodInitialized, nil)); err == nil {
			discard(resp)
		}
		r.tell(jsonrpc.AppendNotification(nil, "notifications/tools/list_changed", nil)) // It may have.
	}
	return nil
}

// refusalIn says why the answer to the repeated initialize is an error; empty if it
// is none.
func refusalIn(resp *http.Response) (why string) {
	defer func() { _ = resp.Body.Close() }() // It was only read.
	l := Link{resume: resumeID}
	judge := func(message []byte) { why = cmp.Or(why, l.refusal(message)) }
	body := io.LimitReader(resp.Body, maxMessage)
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") {
		_ = events(body, judge) // The connection may break once it was said.
		return why
	}
	all, err := io.ReadAll(body)
	if err != nil {
		return "its answer breaks off"
	}
	judge(all)
	return why
}

func (r *urlRelay) restore(session string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.session = session
}

// listen hands what the gateway says unasked to the client, in a goroutine that ends
// with ctx, or when the gateway has no such stream.
func (r *urlRelay) listen(ctx context.Context) {
	r.mu.Lock()
	already := r.listening
	r.listening = true
	r.mu.Unlock()
	if already {
		return
	}
	go func() {
		for pause := reconnectPause; ctx.Err() == nil; pause = min(2*pause, maxReconnectPause) {
			begun := time.Now()
			if !r.hear(ctx) {
				return
			}
			if time.Since(begun) > maxReconnectPause {
				pause = reconnectPause
			}
			select {
			case <-time.After(pause):
			case <-ctx.Done():
			}
		}
	}()
}

// hear listens once, and reports whether it is worth doing that again.
func (r *urlRelay) hear(ctx context.Context) bool {
	req, err := r.request(ctx, http.MethodGet, nil)
	if err != nil {
		return true
	}
	req.Header.Set("Accept", "text/event-stream")
	resp, err := r.do(req)
	if err != nil {
		return true
	}
	if resp.StatusCode != http.StatusOK {
		discard(resp)
		return resp.StatusCode != http.StatusMethodNotAllowed
	}
	_ = r.pass(resp, nil) // It is opened again.
	r.forsake()
	return true
}

// bye ends the session.
func (r *urlRelay) bye() {
	ctx, cancel := context.WithTimeout(context.Background(), byePatience)
	defer cancel()
	r.mu.Lock()
	open := r.session != ""
	r.mu.Unlock()
	if !open {
		return
	}
	if req, err := r.request(ctx, http.MethodDelete, nil); err == nil {
		if resp, err := r.do(req); err == nil {
			discard(resp)
		}
	}
	r.forsake()
}
