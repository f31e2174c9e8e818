package admin_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"gatehouse/internal/admin"
	"gatehouse/internal/logging"
)

// A connection that is closed before its request was read to the end lingers
// for 500 ms, so that the client gets the answer; that is net/http's own doing.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*conn).closeWriteAndWait"))
}

// patience is how long a test waits for what must come.
const patience = 2 * time.Minute

// fake is a gateway that answers what the test tells it to.
type fake struct {
	status admin.Status
	ring   *logging.Ring
	log    *slog.Logger
	err    error // of every method that gives one

	mu     sync.Mutex
	asked  []any         // what the methods were called with
	called chan struct{} // one for each call

	block chan struct{} // if set, Call waits for it or for its context
	ended chan error    // gets the cause when Call's context ends
}

func newFake() *fake {
	f := &fake{ring: logging.NewRing(), called: make(chan struct{}, 1000), status: admin.Status{PID: os.Getpid(), Instance: "abc", Servers: []admin.ServerStatus{{Name: "db"}}}}
	f.log = f.ring.Tee(slog.New(slog.NewTextHandler(discard{}, &slog.HandlerOptions{Level: slog.LevelDebug})))
	return f
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

func (f *fake) note(v ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = append(f.asked, v...)
	f.called <- struct{}{}
}

func (f *fake) Status() admin.Status { return f.status }
func (f *fake) Logs() *logging.Ring  { return f.ring }

func (f *fake) NodeLogs(_ context.Context, q admin.LogQuery) ([]json.RawMessage, error) {
	f.note(q)
	return []json.RawMessage{json.RawMessage(`{"msg":"there"}`)}, f.err
}

func (f *fake) Apply(_ context.Context, q admin.ApplyQuery) (admin.Applied, error) {
	f.note(q)
	return admin.Applied{Outcome: admin.InForce, Generation: 7, Following: 3}, f.err
}

func (f *fake) Settled(_ context.Context, name string) (admin.ServerStatus, error) {
	return admin.ServerStatus{Name: name, State: "ready"}, nil
}

func (f *fake) Server(name string) (admin.ServerDetail, error) {
	f.note(name)
	return admin.ServerDetail{ServerStatus: admin.ServerStatus{Name: name}}, f.err
}

func (f *fake) Reload(context.Context) ([]admin.Report, error) {
	return []admin.Report{{File: "/f", Outcome: admin.Rejected}}, f.err
}

func (f *fake) Operate(_ context.Context, action admin.Action, server string, hold admin.Hold) (admin.Operated, error) {
	f.note(action, server, hold)
	return admin.Operated{Server: server, Action: action, Generation: 7}, f.err
}

func (f *fake) Move(_ context.Context, server, node string) (admin.Moved, error) {
	f.note(server, node)
	return admin.Moved{Server: server, From: []string{"n1"}, Nodes: []string{node}, State: "ready"}, f.err
}

func (f *fake) Tools(server, agent string) (admin.Tools, error) {
	f.note(server, agent)
	return admin.Tools{Agent: agent, Tokens: 3}, f.err
}

func (f *fake) OpsLink(admin.OpsLinkQuery) (admin.OpsLink, error) {
	return admin.OpsLink{URL: "http://127.0.0.1:8001/open?code=x", ExpiresMS: 60_000}, f.err
}

func (f *fake) End() { f.note("end") }

func (f *fake) Reloads() []admin.Report { return nil }

func (f *fake) Access(admin.AccessQuery) admin.Access { return admin.Access{} }

func (f *fake) ToolChanges(server string) ([]admin.ToolChange, error) {
	f.note("changes", server)
	return []admin.ToolChange{{Server: server, Tool: "t", Change: "new"}}, f.err
}

func (f *fake) Find(s admin.Search) (admin.SearchAnswer, error) {
	f.note(s)
	return admin.SearchAnswer{Fits: true, Hits: []admin.FoundTool{{Server: "s", Tool: "t"}}}, f.err
}

func (f *fake) Call(ctx context.Context, call admin.Call) (json.RawMessage, error) {
	f.note(call)
	if f.block != nil {
		select {
		case <-f.block:
		case <-ctx.Done():
			f.ended <- ctx.Err()
			return nil, ctx.Err()
		}
	}
	return json.RawMessage(`{"content":[{"type":"text","text":"<b>"}],"n":9007199254740993}`), f.err
}

// folder is a short private folder: paths of sockets are limited.
func folder(t *testing.T) string {
	t.Helper()
	base, err := os.MkdirTemp("", "gh")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(base) })
	return filepath.Join(base, "run")
}

// serve runs a server for the fake and gives a client of it.
func serve(t *testing.T, f admin.Gateway) (*admin.Client, *admin.Server) {
	t.Helper()
	socket, err := admin.Listen(t.Context(), []string{folder(t)}, os.Getpid(), "abc")
	if err != nil {
		t.Fatal(err)
	}
	s := admin.Serve(socket, f, nil, slog.New(slog.DiscardHandler))
	t.Cleanup(s.Close)
	return admin.NewClient(socket.Path()), s
}

func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}
