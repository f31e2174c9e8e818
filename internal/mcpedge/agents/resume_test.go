package agents_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/mcpedge/agents"
)

// scene is a Surface whose calls run as a test says.
type scene struct {
	place

	began  chan *play
	ended  chan error // why the context of a call ended, or nil
	answer string
}

// play is a running call.
type play struct {
	progress func(json.RawMessage)
	lasts    func()
	goOn     chan struct{}
}

func newScene() *scene {
	return &scene{place{name: "one"}, make(chan *play, 100), make(chan error, 100), `{"content":[]}`}
}

func (s *scene) Serve(ctx context.Context, _ agents.Caller, r agents.Request, dst []byte) ([]byte, *agents.Error) {
	p := &play{r.Progress, r.Lasts, make(chan struct{})}
	s.began <- p
	select {
	case <-p.goOn:
		s.ended <- nil
	case <-ctx.Done():
		s.ended <- context.Cause(ctx)
	}
	return append(dst, s.answer...), nil
}

// say has the client of a call hear of its progress.
func (p *play) say(n int) { p.progress(fmt.Appendf(nil, `{"progress":%d}`, n)) }

// stage serves a scene at an address.
func (s *scene) serve(t *testing.T, opts agents.Options) (url string, edge *agents.Edge) {
	t.Helper()
	edge = agents.New(newScript(), opts)
	return serveSurface(t, edge, s) + "/s/one", edge
}

// broken is an event stream as a client reads it.
type broken struct {
	t    *testing.T
	resp *http.Response
	in   *bufio.Reader
}

// open opens an event stream by a request.
func open(t *testing.T, method, url, body string, headers ...string) *broken {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(request(ctx, method, url, body, headers...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = resp.Body.Close() })
	return &broken{t, resp, bufio.NewReader(resp.Body)}
}

// event reads the next event: its id, and its data. Both are empty at the end.
func (b *broken) event() (id, data string) {
	b.t.Helper()
	for {
		line, err := b.in.ReadString('\n')
		switch field, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": "); {
		case err != nil:
			return "", ""
		case field == "id":
			id = value
		case field == "data":
			data = value
		case line == "\n" && id != "":
			return id, data
		}
	}
}

func (b *broken) close() { _ = b.resp.Body.Close() }

const (
	slowCall   = `{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"x","_meta":{"progressToken":"p"}}}`
	slowAnswer = `{"jsonrpc":"2.0","id":7,"result":{"content":[]}}`
)

// call makes a call in a session, of whose progress one message has been sent on the
// stream.
func (s *scene) call(t *testing.T, url, session string) (call *play, on *broken) {
	t.Helper()
	opened := make(chan *broken, 1)
	go func() { opened <- open(t, http.MethodPost, url, slowCall, "Mcp-Session-Id", session) }()
	call = await(t, s.began)
	call.say(1)
	return call, await(t, opened)
}

func progressOf(n int) string {
	return fmt.Sprintf(`{"jsonrpc":"2.0","method":"notifications/progress","params":{"progress":%d,"progressToken":"p"}}`, n)
}

// A client whose connection breaks in the middle of a call hears the rest of it, each
// event once and in order, and the call does not notice.
func TestResume_aCallWhoseConnectionBreaks_goesOn(t *testing.T) {
	s := newScene()
	url, _ := s.serve(t, agents.Options{})
	session := openSession(t, url, "2025-11-25")
	call, first := s.call(t, url, session)
	if id, data := first.event(); id == "" || data != "" {
		t.Errorf("got the event %q %q, want one that names the stream and says nothing", id, data)
	}
	last, data := first.event()
	if data != progressOf(1) {
		t.Errorf("got %s, want %s", data, progressOf(1))
	}
	first.close()
	call.say(2)
	call.say(3)
	second := open(t, http.MethodGet, url, "", "Mcp-Session-Id", session, "Last-Event-ID", last)
	for _, n := range []int{2, 3} {
		if last, data = second.event(); data != progressOf(n) {
			t.Errorf("got %s, want %s", data, progressOf(n))
		}
	}
	second.close()
	close(call.goOn)
	if err := await(t, s.ended); err != nil {
		t.Errorf("the call ended by %v, want that it went on", err)
	}
	// The third comes after the answer, and the fourth for all of it once more.
	for range 2 {
		third := open(t, http.MethodGet, url, "", "Mcp-Session-Id", session, "Last-Event-ID", last)
		if _, data := third.event(); data != slowAnswer {
			t.Errorf("got %s, want %s", data, slowAnswer)
		}
		if id, data := third.event(); id != "" {
			t.Errorf("got %s after the answer, want the end", data)
		}
	}
}

func TestResume_aCallThatNobodyTakesUp_isCancelled(t *testing.T) {
	for _, c := range []struct {
		name, revision, token string
		goOn                  time.Duration
		want                  string
	}{
		{"after a while", "2025-11-25", "p", time.Millisecond, "did not take its stream up again"},
		{"at once, without an event to go on with", "2025-11-25", "", time.Hour, "context canceled"},
	} {
		s := newScene()
		url, _ := s.serve(t, agents.Options{GoOnTime: c.goOn})
		session := openSession(t, url, c.revision)
		body := slowCall
		if c.token == "" {
			body = `{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"x"}}`
		}
		ctx, leave := context.WithCancel(t.Context())
		headers, left := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(left)
			resp, err := plainTransport.RoundTrip(request(ctx, http.MethodPost, url, body, "Mcp-Session-Id", session))
			if err != nil {
				return
			}
			defer resp.Body.Close()
			close(headers)
			_, _ = bufio.NewReader(resp.Body).ReadString(0)
		}()
		call := await(t, s.began)
		if c.token != "" {
			call.say(1)
			await(t, headers) // Before that there is no stream to take up.
		}
		leave()
		if err := await(t, s.ended); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: the call ended by %v, want %q", c.name, err, c.want)
		}
		await(t, left)
	}
}

// Once its server shows that a call takes a while, its client can take its stream up,
// though nothing has been said on it.
func TestResume_aCallThatTakesAWhile_isNamedAtOnce(t *testing.T) {
	const quiet = `{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"x"}}`
	s := newScene()
	url, _ := s.serve(t, agents.Options{})
	session := openSession(t, url, "2025-11-25")
	opened := make(chan *broken, 1)
	go func() { opened <- open(t, http.MethodPost, url, quiet, "Mcp-Session-Id", session) }()
	call := await(t, s.began)
	call.lasts()
	first := await(t, opened)
	named, data := first.event()
	if named == "" || data != "" {
		t.Errorf("got the event %q %q, want one that names the stream and says nothing", named, data)
	}
	first.close()
	again := open(t, http.MethodGet, url, "", "Mcp-Session-Id", session, "Last-Event-ID", named)
	close(call.goOn)
	if _, data := again.event(); data != slowAnswer {
		t.Errorf("got %s, want %s", data, slowAnswer)
	}
	if err := await(t, s.ended); err != nil {
		t.Errorf("the call ended by %v, want that it went on", err)
	}
	call.lasts() // Late: it does nothing.
	// Others have no event to go on with.
	older := openSession(t, url, "2025-06-18")
	go func() { opened <- open(t, http.MethodPost, url, quiet, "Mcp-Session-Id", older) }()
	if call = await(t, s.began); call.lasts != nil {
		t.Error("a client of 2025-06-18 can be named its stream, want not")
	}
	close(call.goOn)
	await(t, opened)
}

// An event is one of its session: others have no such id, and hear nothing of it.
func TestResume_idsOfOtherSessions_areOfNoUse(t *testing.T) {
	s := newScene()
	url, edge := s.serve(t, agents.Options{})
	session, other := openSession(t, url, "2025-11-25"), openSession(t, url, "2025-11-25")
	_, first := s.call(t, url, session)
	id, _ := first.event()
	stream, _, _ := strings.Cut(id, "-")
	for _, forged := range []string{id, stream + "-0", stream + "-1", stream + "-99999999999999999999", "c-", "c1", "c1--1", "cc1-1", "c18446744073709551615-0", "c0-0"} {
		r := open(t, http.MethodGet, url, "", "Mcp-Session-Id", other, "Last-Event-ID", forged)
		if r.resp.StatusCode != http.StatusBadRequest {
			t.Errorf("%q in another session: got %d, want 400", forged, r.resp.StatusCode)
		}
		r.close()
	}
	for _, session := range []string{session + "x", "gh-20251125-AAAAAAAAAAAAAAAAAAAAAAAAAA"} {
		if r := open(t, http.MethodGet, url, "", "Mcp-Session-Id", session, "Last-Event-ID", id); r.resp.StatusCode != http.StatusNotFound {
			t.Errorf("in the session %q: got %d, want 404", session, r.resp.StatusCode)
		}
	}
	// What does not name a stream of a call begins a new one, on which nothing is said.
	r := open(t, http.MethodGet, url, "", "Mcp-Session-Id", other, "Last-Event-ID", "u1-0")
	if got, data := r.event(); r.resp.StatusCode != http.StatusOK || data != "" || got == id {
		t.Errorf("got %d %q %q, want a new stream", r.resp.StatusCode, got, data)
	}
	edge.Close()
	await(t, s.ended)
}

// What comes unasked is not lost between two connections.
func TestResume_whatComesUnasked_isHeardOnce(t *testing.T) {
	lists := &marks{}
	s := newScene()
	s.lists = lists
	url, _ := s.serve(t, agents.Options{})
	session := openSession(t, url, "2025-11-25")
	first := open(t, http.MethodGet, url, "", "Mcp-Session-Id", session)
	named, _ := first.event()
	lists.set(agents.Marks{agents.ToolsList: 1})
	const notice = `{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}`
	id, data := first.event()
	if data != notice {
		t.Errorf("got %s, want %s", data, notice)
	}
	first.close()
	for last, want := range map[string][]string{named: {notice}, id: nil} {
		again := open(t, http.MethodGet, url, "", "Mcp-Session-Id", session, "Last-Event-ID", last)
		var got []string
		for range want {
			_, data := again.event()
			got = append(got, data)
		}
		if !slices.Equal(got, want) {
			t.Errorf("after %s: got %v, want %v", last, got, want)
		}
		again.close()
	}
}

// The end of a session ends its calls, whether anybody reads or not, and what was
// kept of them.
func TestResume_theEndOfASession_endsWhatGoesOn(t *testing.T) {
	s := newScene()
	url, _ := s.serve(t, agents.Options{})
	session := openSession(t, url, "2025-11-25")
	_, first := s.call(t, url, session)
	id, _ := first.event()
	first.close()
	r := open(t, http.MethodDelete, url, "", "Mcp-Session-Id", session)
	if r.resp.StatusCode != http.StatusOK {
		t.Errorf("got %d, want 200", r.resp.StatusCode)
	}
	if err := await(t, s.ended); err == nil || !strings.Contains(err.Error(), "session was deleted") {
		t.Errorf("the call ended by %v, want the end of its session", err)
	}
	if r := open(t, http.MethodGet, url, "", "Mcp-Session-Id", session, "Last-Event-ID", id); r.resp.StatusCode != http.StatusNotFound {
		t.Errorf("got %d, want 404", r.resp.StatusCode)
	}
}

// Clients of before don't know events without data.
func TestResume_olderRevisions_areNotPrimed(t *testing.T) {
	s := newScene()
	url, _ := s.serve(t, agents.Options{})
	session := openSession(t, url, "2025-06-18")
	call, first := s.call(t, url, session)
	if id, data := first.event(); id == "" || data != progressOf(1) {
		t.Errorf("got the event %q %q, want the progress with an id", id, data)
	}
	close(call.goOn)
	if _, data := first.event(); data != slowAnswer {
		t.Errorf("got %s, want %s", data, slowAnswer)
	}
}

// await takes what a channel brings, or ends the test.
func await[T any](t *testing.T, from <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-from:
	case <-time.After(patience):
		t.Fatal("waited in vain")
	}
	return v
}

// Many connections at once take up one stream: each hears what it had not heard, in
// order and without gaps, and one hears the answer.
func TestResume_manyAtOnce_eachGoesOnInOrder(t *testing.T) {
	const connections, steps = 8, 60
	s := newScene()
	url, _ := s.serve(t, agents.Options{})
	session := openSession(t, url, "2025-11-25")
	call, first := s.call(t, url, session)
	named, _ := first.event()
	first.close()
	go func() {
		for n := 2; n <= steps; n++ {
			call.say(n)
			runtime.Gosched() // So that they come while the others connect.
		}
		close(call.goOn)
	}()
	heard := make(chan []string, connections)
	for range connections {
		go func() {
			again := open(t, http.MethodGet, url, "", "Mcp-Session-Id", session, "Last-Event-ID", named)
			var ids []string
			for id, _ := again.event(); id != ""; id, _ = again.event() {
				ids = append(ids, id)
			}
			heard <- ids
		}()
	}
	whole := 0
	for range connections {
		ids := await(t, heard)
		for i, id := range ids {
			if want := fmt.Sprintf("c1-%d", i+1); id != want {
				t.Errorf("got %s, want %s", id, want)
				break
			}
		}
		if len(ids) == steps+1 {
			whole++
		}
	}
	if whole == 0 {
		t.Errorf("got %d connections that heard all of it, want one at least", whole)
	}
	await(t, s.ended)
}
