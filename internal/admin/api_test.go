package admin_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/internal/admin"
	"gatehouse/internal/logging"
	"gatehouse/internal/ownsocket"
)

func TestClient_everyQuestion_reachesTheGateway(t *testing.T) {
	f := newFake()
	c, _ := serve(t, f)
	ctx := within(t)
	if st, err := c.Status(ctx); err != nil || !cmp.Equal(st, f.status) {
		t.Errorf("status: %v, %s, want the gateway's own", err, cmp.Diff(f.status, st))
	}
	if r, err := c.Reload(ctx); err != nil || len(r) != 1 || r[0].Outcome != admin.Rejected {
		t.Errorf("reload: %+v, %v, want one rejected report", r, err)
	}
	if r, err := c.Tools(ctx, "a b&c", "agent"); err != nil || r.Tokens != 3 {
		t.Errorf("tools: %+v, %v, want 3 tokens", r, err)
	}
	search := admin.Search{Query: "two words", Agent: "a", Server: "s", Limit: 3}
	if r, err := c.Find(ctx, search); err != nil || !r.Fits || len(r.Hits) != 1 || r.Hits[0].Tool != "t" {
		t.Errorf("find: %+v, %v, want the tool t", r, err)
	}
	if st, err := c.Settled(ctx, "a/b"); err != nil || st.Name != "a/b" || st.State != "ready" {
		t.Errorf("settled: %+v, %v, want a/b, ready", st, err)
	}
	if m, err := c.Move(ctx, "e/f", "n2"); err != nil || m.String() != "it is ready at n2 now; it was at n1" {
		t.Errorf("move: %v, %v, want it ready at n2, from n1", m, err)
	}
	apply := admin.ApplyQuery{Servers: []byte("s"), Rules: []byte("r"), By: "me", WaitMS: 5, Skip: []string{"n3"}}
	if a, err := c.Apply(ctx, apply); err != nil || a.String() != "generation 7 is in force on 3 replicas" {
		t.Errorf("apply: %v, %v, want generation 7 in force", a, err)
	}
	if list, err := c.ToolChanges(ctx, "c d"); err != nil || len(list) != 1 || list[0].Server != "c d" {
		t.Errorf("changes: %+v, %v, want one of c d", list, err)
	}
	call := admin.Call{Server: "s", Tool: "t", Args: json.RawMessage(`{"n":9007199254740993}`), Agent: "a", TimeoutMS: 100}
	result, err := c.Call(ctx, call)
	if want := `{"content":[{"type":"text","text":"<b>"}],"n":9007199254740993}`; err != nil || string(result) != want {
		t.Errorf("call: %s, %v, want %s", result, err, want)
	}
	if err := c.End(ctx); err != nil {
		t.Errorf("end: got %v, want nothing", err)
	}
	if diff := cmp.Diff([]any{"a b&c", "agent", search, "e/f", "n2", apply, "changes", "c d", call, "end"}, f.asked); diff != "" {
		t.Errorf("the gateway was asked, -want +got:\n%s", diff)
	}
}

func TestLogs_ofAnotherGateway(t *testing.T) {
	f := newFake()
	c, _ := serve(t, f)
	q := admin.LogQuery{Node: "n2", Server: "db", Level: slog.LevelWarn, N: 7}
	var got []string
	each := func(line json.RawMessage) error {
		got = append(got, string(line))
		return nil
	}
	if err := c.Logs(within(t), q, each); err != nil || !slices.Equal(got, []string{`{"msg":"there"}`}) {
		t.Errorf("got %q and %v, want its line", got, err)
	}
	if diff := cmp.Diff([]any{q}, f.asked); diff != "" {
		t.Errorf("the gateway was asked, -want +got:\n%s", diff)
	}
	q.Follow = true
	if err := c.Logs(within(t), q, each); err == nil || !strings.Contains(err.Error(), "cannot be followed") {
		t.Errorf("got %v, want that it cannot be followed", err)
	}
}

func TestOperate_anyServerName_arrivesAsItIs(t *testing.T) {
	f := newFake()
	c, _ := serve(t, f)
	hold := admin.Hold{ForMS: 1500, Why: "a reason"}
	var want []any
	for _, name := range []string{"db", "a/b", "..", ".", "a/../b", "//", "%2F", "käse 🧀", "a?b=c#d", "x:y", " ", "restart", strings.Repeat("é", 64)} {
		if d, err := c.Server(within(t), name); err != nil || d.Name != name {
			t.Errorf("server %q: got %+v, %v, want it", name, d, err)
		}
		want = append(want, name)
		for _, action := range []admin.Action{admin.Restart, admin.Release, admin.HoldServer} {
			r, err := c.Operate(within(t), action, name, hold)
			if err != nil || r.Server != name || r.Action != action || r.Generation != 7 {
				t.Errorf("%s %q: %+v, %v, want generation 7", action, name, r, err)
			}
			given := admin.Hold{}
			if action == admin.HoldServer {
				given = hold
			}
			want = append(want, action, name, given)
		}
	}
	if diff := cmp.Diff(want, f.asked); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestClient_refusals_keepTextAndStatus(t *testing.T) {
	cases := map[string]struct {
		err    error
		status int
		text   string
	}{
		"a refusal":       {&admin.Error{Status: http.StatusNotFound, Message: `there is no "x"`}, http.StatusNotFound, `there is no "x"`},
		"a time limit":    {context.DeadlineExceeded, http.StatusGatewayTimeout, "deadline exceeded"},
		"any other error": {errors.New("odd"), http.StatusInternalServerError, "odd"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			f := newFake()
			f.err = c.err
			client, _ := serve(t, f)
			_, err := client.Operate(within(t), admin.Restart, "x", admin.Hold{})
			e, ok := errors.AsType[*admin.Error](err)
			if !ok || e.Status != c.status || !strings.Contains(e.Message, c.text) {
				t.Errorf("got %v, want status %d and %q", err, c.status, c.text)
			}
		})
	}
}

func TestServer_misnamedMembers_areRefused(t *testing.T) {
	for body, want := range map[string]string{
		`{"server":"db","tool":"read","Tool":"drop"}`: `write it as "tool"`,
		`{"server":"db","tool":"read","tool":"drop"}`: `"tool" occurs twice`,
	} {
		socket, err := admin.Listen(t.Context(), []string{folder(t)}, os.Getpid(), "abc")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(admin.Serve(socket, newFake(), nil, slog.New(slog.DiscardHandler)).Close)
		c := http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return ownsocket.Dial(ctx, socket.Path())
		}}}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://x/v1/call", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := c.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		got, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		var answer struct {
			Error string `json:"error"`
		}
		if err := json.Unmarshal(got, &answer); err != nil || resp.StatusCode != http.StatusBadRequest || !strings.Contains(answer.Error, want) {
			t.Errorf("%s: got %d %s, want 400 and %s", body, resp.StatusCode, got, want)
		}
	}
}

func TestServer_bodyTooLarge_isRefused(t *testing.T) {
	f := newFake()
	c, _ := serve(t, f)
	huge := json.RawMessage(`"` + strings.Repeat("x", 17<<20) + `"`)
	if _, err := c.Call(within(t), admin.Call{Args: huge}); err == nil || len(f.asked) != 0 {
		t.Errorf("err %v, asked %d, want an error before anything is asked", err, len(f.asked))
	}
	if _, err := c.Status(within(t)); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

func TestCall_clientThatGivesUp_cancelsIt(t *testing.T) {
	f := newFake()
	f.block, f.ended = make(chan struct{}), make(chan error, 1)
	c, _ := serve(t, f)
	ctx, cancel := context.WithCancel(within(t))
	done := make(chan error, 1)
	go func() {
		_, err := c.Call(ctx, admin.Call{Server: "s"})
		done <- err
	}()
	<-f.called
	cancel()
	if err := <-f.ended; !errors.Is(err, context.Canceled) {
		t.Errorf("the call ended with %v, want %v", err, context.Canceled)
	}
	if err := <-done; err == nil {
		t.Error("the client got an answer")
	}
}

func TestClose_endsWhatRuns(t *testing.T) {
	f := newFake()
	f.block, f.ended = make(chan struct{}), make(chan error, 1)
	c, s := serve(t, f)
	done := make(chan error, 2)
	go func() {
		_, err := c.Call(within(t), admin.Call{Server: "s"})
		done <- err
	}()
	go func() {
		done <- c.Logs(within(t), admin.LogQuery{Follow: true}, func(json.RawMessage) error { return nil })
	}()
	<-f.called
	s.Close()
	<-done
	<-done
	if _, err := c.Status(within(t)); err == nil {
		t.Error("a closed server answers")
	}
	s.Close() // Once more does no harm.
}

// logged asks for the lines that are there and gives their messages.
func logged(t *testing.T, c *admin.Client, q admin.LogQuery) []string {
	t.Helper()
	msgs := []string{}
	err := c.Logs(within(t), q, func(line json.RawMessage) error {
		msgs = append(msgs, message(t, line))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return msgs
}

func message(t *testing.T, line json.RawMessage) string {
	t.Helper()
	var v struct{ Msg string }
	if err := json.Unmarshal(line, &v); err != nil {
		t.Errorf("not JSON: %s", line)
	}
	return v.Msg
}

func TestLogs_filters(t *testing.T) {
	f := newFake()
	c, _ := serve(t, f)
	f.log.Debug("one", slog.String("server", "db"))
	f.log.Info("two")
	f.log.Warn("three", slog.String("server", "db"))
	f.log.Error("four", slog.String("server", "api"))
	f.log.Error("five", slog.Int("server", 5))
	cases := map[string]struct {
		q    admin.LogQuery
		want []string
	}{
		"all":                {admin.LogQuery{N: 10, Level: slog.LevelDebug}, []string{"one", "two", "three", "four", "five"}},
		"the newest":         {admin.LogQuery{N: 2, Level: slog.LevelDebug}, []string{"four", "five"}},
		"a level":            {admin.LogQuery{N: 10, Level: slog.LevelWarn}, []string{"three", "four", "five"}},
		"a server":           {admin.LogQuery{N: 10, Level: slog.LevelDebug, Server: "db"}, []string{"one", "three"}},
		"both, newest alone": {admin.LogQuery{N: 1, Level: slog.LevelInfo, Server: "db"}, []string{"three"}},
		"none":               {admin.LogQuery{N: 0}, []string{}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, logged(t, c, tc.q)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestLogs_follow_goesOnLive(t *testing.T) {
	f := newFake()
	c, _ := serve(t, f)
	f.log.Info("before")
	ctx, cancel := context.WithCancel(within(t))
	got := make(chan string, 10)
	done := make(chan error, 1)
	go func() {
		done <- c.Logs(ctx, admin.LogQuery{Follow: true, N: 5, Level: slog.LevelInfo}, func(line json.RawMessage) error {
			got <- message(t, line)
			return nil
		})
	}()
	if msg := <-got; msg != "before" {
		t.Errorf("first %q, want %q", msg, "before")
	}
	f.log.Debug("not asked for")
	f.log.Info("after")
	if msg := <-got; msg != "after" {
		t.Errorf("then %q, want %q", msg, "after")
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("it ended with %v, want %v", err, context.Canceled)
	}
}

func TestLogs_readerThatStops_losesLinesAndHoldsNobodyUp(t *testing.T) {
	f := newFake()
	c, _ := serve(t, f)
	f.log.Info("before")
	begun, goOn := make(chan struct{}), make(chan struct{})
	lines := make(chan json.RawMessage, 3*logging.RingRecords)
	ctx, cancel := context.WithCancel(within(t))
	done := make(chan error, 1)
	go func() {
		first := true
		done <- c.Logs(ctx, admin.LogQuery{Follow: true, N: 1, Level: slog.LevelInfo}, func(line json.RawMessage) error {
			if first {
				first = false
				close(begun)
				<-goOn
			}
			lines <- line
			return nil
		})
	}()
	<-begun
	text := strings.Repeat("x", 10_000)
	for range 1500 { // 15 MB: much more than pipes and ring hold.
		f.log.Info("flood", slog.String("text", text))
	}
	f.log.Info("last")
	close(goOn)
	lost := 0
	for {
		line := <-lines
		if bytes.HasPrefix(line, []byte(`{"lost":`)) {
			lost++
		}
		if message(t, line) == "last" {
			break
		}
	}
	if lost == 0 {
		t.Error("no line says how many were lost")
	}
	cancel()
	<-done
}

func TestLogs_tooManyFollowers_areToldSo(t *testing.T) {
	f := newFake()
	f.log.Info("before")
	c, _ := serve(t, f)
	ctx, cancel := context.WithCancel(within(t))
	first := make(chan struct{}, 100)
	done := make(chan error, 100)
	follow := func() {
		done <- c.Logs(ctx, admin.LogQuery{Follow: true, N: 1}, func(json.RawMessage) error {
			first <- struct{}{}
			return nil
		})
	}
	const many = 40
	for range many {
		go follow()
	}
	var errs []string
	ended := 0
	for range many - 32 { // Those that are one too many end at once.
		if err := <-done; err != nil {
			errs = append(errs, err.Error())
		}
		ended++
	}
	if len(errs) != 0 {
		t.Errorf("errors: %v, want none", slices.Compact(errs))
	}
	cancel()
	for range many - ended {
		<-done
	}
}
