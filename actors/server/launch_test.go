package server_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/actors/server"
	"gatehouse/internal/endpoint"
	"gatehouse/internal/mcpedge/servers"
	"gatehouse/internal/redact"
	"gatehouse/internal/resolve"
	"gatehouse/internal/serversfile"
	"gatehouse/messages"
	"gatehouse/testkit"
)

// fakePlan runs the fake server with these arguments.
func fakePlan(t *testing.T, args ...string) messages.ServerPlan {
	t.Helper()
	return messages.ServerPlan{
		Generation: 1,
		Serial:     1,
		Entry:      serversfile.Entry{Name: "fake", Settings: serversfile.DefaultSettings()},
		Spec:       resolve.Spec{Transport: serversfile.Stdio, Command: testkit.FakeServer(t), Args: args, Cwd: t.TempDir(), Env: map[string]string{"OWN": "1"}},
		Cell:       endpoint.NewCell("fake", endpoint.Identity{Spec: "print"}, endpoint.Status{State: endpoint.Starting}),
		Redact:     redact.New([]redact.Secret{{Name: "TOKEN", Value: "s3cr3t-value"}}),
	}
}

// quiet are hooks of somebody who does not listen.
func quiet() server.Hooks {
	return server.Hooks{Stderr: func(string) {}, Junk: func(string) {}, ToolsChanged: func() {}, StartedOver: func(string) {}}
}

// within is a context that is long enough for any start.
func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
	t.Cleanup(cancel)
	return ctx
}

// open opens a session with a process and ends it with the test.
func open(t *testing.T, args ...string) endpoint.Session {
	t.Helper()
	l := server.NewLauncher("1", instance, nil)
	l.SetEOFGrace(testkit.Patience) // A busy machine takes its time to say why a process has ended.
	s, err := l.Open(within(t), fakePlan(t, args...), 1, quiet())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Close(endpoint.ErrStopped)
		<-s.Done()
	})
	return s
}

func TestLauncher_process_isOpenedListedCalledAndStopped(t *testing.T) {
	s := open(t)
	tools, _, err := servers.ListTools(within(t), s)
	if err != nil || !slices.ContainsFunc(tools, func(tool endpoint.Tool) bool { return tool.Name == "echo" }) {
		t.Fatalf("got tools %v, %v, want echo among them", tools, err)
	}
	got, err := s.Call(within(t), endpoint.Request{Method: "tools/call", Params: []byte(`{"name":"echo","arguments":{"text":"hello"}}`)})
	if err != nil || !strings.Contains(string(got.Result), "hello") {
		t.Fatalf("got %s, %v, want hello in it", got.Result, err)
	}
	if s.PID() == 0 || s.Err() != nil {
		t.Errorf("got pid %d, error %v, want a pid and no error", s.PID(), s.Err())
	}
	s.Close(endpoint.ErrStopped)
	<-s.Done()
	if !errors.Is(s.Err(), endpoint.ErrStopped) {
		t.Errorf("it ended with %v, want %v", s.Err(), endpoint.ErrStopped)
	}
	testkit.Gone(t, s.PID())
}

func TestLauncher_processThatIsKilled_saysSoToWhoWaits(t *testing.T) {
	record := t.TempDir() + "/record"
	s := open(t, "--record", record)
	failed := make(chan error, 1)
	go func() {
		_, err := s.Call(within(t), endpoint.Request{Method: "tools/call", Params: []byte(`{"name":"hang","arguments":{"id":"1"}}`)})
		failed <- err
	}()
	testkit.Eventually(t, "the call at the server", func() bool { return len(testkit.Calls(testkit.Record(t, record))) > 0 })
	p, err := os.FindProcess(s.PID())
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Kill(); err != nil {
		t.Fatal(err)
	}
	<-s.Done()
	exit, ok := errors.AsType[*endpoint.Exit](s.Err())
	if !ok || exit.Phase != endpoint.Serving || exit.Reason == "" || exit.At.IsZero() {
		t.Fatalf("the session ended with %#v, want an exit while it served, with reason and time", s.Err())
	}
	err = <-failed
	if got, ok := errors.AsType[*endpoint.Exit](err); !ok || got.Reason != exit.Reason {
		t.Errorf("the call failed with %v, want %v", err, exit)
	}
}

func TestLauncher_startThatFails_saysHowFarItCame(t *testing.T) {
	missing := fakePlan(t)
	missing.Spec.Command = "no-such-command-anywhere"
	refuses := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }))
	defer refuses.Close()
	web := fakePlan(t)
	web.Entry.URL = refuses.URL + "/mcp?key=s3cr3t-value"
	web.Spec = resolve.Spec{Transport: serversfile.HTTP, URL: web.Entry.URL}
	for _, c := range []struct {
		name     string
		plan     messages.ServerPlan
		phase    endpoint.Phase
		fragment string
	}{
		{"a command that does not exist", missing, endpoint.CannotStart, "no-such-command-anywhere"},
		{"a process that dies in the handshake", fakePlan(t, "--die-in-handshake"), endpoint.Handshake, ""},
		{"a url server that refuses the credentials", web, endpoint.Unauthorized, "headers"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := server.NewLauncher("1", instance, nil).Open(within(t), c.plan, 1, quiet())
			exit, ok := errors.AsType[*endpoint.Exit](err)
			if s != nil || !ok || exit.Phase != c.phase || exit.Reason == "" || !strings.Contains(exit.Reason, c.fragment) || strings.Contains(exit.Reason, "s3cr3t") {
				t.Errorf("got %v, %#v, want no session and an exit in phase %s with %q and without the secret", s, err, c.phase, c.fragment)
			}
		})
	}
}

// slowAndPinned is a server of both eras that is asked in both ways, as it does not
// answer before, and stays a legacy one if it is.
func slowAndPinned(record string) []string {
	return []string{"--era", "both", "--pins", "--discover-late", record + "-late", "--record", record, "--record-all"}
}

func TestLauncher_processThatAcceptedBothWays_isStartedOver(t *testing.T) {
	record := t.TempDir() + "/record"
	hooks := quiet()
	var why []string
	hooks.StartedOver = func(reason string) { why = append(why, reason) }
	s, err := server.NewLauncher("1", instance, nil).Open(within(t), fakePlan(t, slowAndPinned(record)...), 1, hooks)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Close(endpoint.ErrStopped)
		<-s.Done()
	})
	if len(why) != 1 || !strings.Contains(why[0], "initialize as well as server/discover") {
		t.Errorf("it was started over because of %q, want one reason: it accepted both ways", why)
	}
	got, err := s.Call(within(t), endpoint.Request{
		Method: "tools/call", Params: []byte(`{"name":"ask"}`), Capabilities: []byte(`{"elicitation":{}}`),
	})
	if err != nil || !strings.Contains(string(got.Result), `"input_required"`) {
		t.Errorf("got %s %s, %v, want a result that asks for input", got.Result, got.Error, err)
	}
	seen := testkit.Record(t, record)
	if got := fmt.Sprint(testkit.Methods(seen)); got != "[[server/discover initialize] [server/discover subscriptions/listen tools/call]]" {
		t.Errorf("the processes were sent %s, want %q", got, "[[server/discover initialize] [server/discover subscriptions/listen tools/call]]")
	}
	testkit.Gone(t, seen[0].PID)
}

func TestLauncher_startedOverTooLate_isStillKnownToBeStateless(t *testing.T) {
	ctx, cancel := context.WithCancelCause(within(t))
	hooks, record := quiet(), t.TempDir()+"/record"
	hooks.StartedOver = func(string) {
		_ = os.Remove(record + "-late") // The second process does not answer before the end is noticed.
		cancel(context.DeadlineExceeded)
	}
	plan := fakePlan(t, slowAndPinned(record)...)
	s, err := server.NewLauncher("1", instance, nil).Open(ctx, plan, 1, hooks)
	if err == nil {
		t.Fatalf("got %v of a start without time", s)
	}
	if got := plan.Cell.Era(); got != endpoint.EraStateless {
		t.Errorf("the next run begins with %q after %v, want %q", got, err, endpoint.EraStateless)
	}
}

func TestLauncher_startThatIsGivenUp_leavesNoProcess(t *testing.T) {
	record := t.TempDir() + "/record"
	ctx, cancel := context.WithCancelCause(t.Context())
	given := make(chan error, 1)
	go func() {
		_, err := server.NewLauncher("1", instance, nil).Open(ctx, fakePlan(t, "--never-answer", "--record", record), 1, quiet())
		given <- err
	}()
	testkit.Eventually(t, "the start of the process", func() bool { return len(testkit.Record(t, record)) > 0 })
	cancel(endpoint.ErrStopped)
	if err := <-given; err == nil {
		t.Fatal("a start that was given up gave a session")
	}
	testkit.Gone(t, testkit.Record(t, record)[0].PID)
}

func TestLauncher_environmentOfAChild(t *testing.T) {
	t.Setenv("GATEWAYS_OWN_SECRET", "s3cr3t-value")
	t.Setenv("LANG", "xx")
	env := server.NewLauncher("1", instance, nil).Environment(resolve.Spec{Env: map[string]string{"B": "2", "A": "1"}})
	for _, want := range []string{"A=1", "B=2", "LANG=xx", server.ParentVariable + "=" + instance} {
		if !slices.Contains(env, want) {
			t.Errorf("%s is missing in %v", want, env)
		}
	}
	if text := strings.Join(env, " "); strings.Contains(text, "GATEWAYS_OWN_SECRET") {
		t.Errorf("the gateway's own variables must not be passed on: %s", text)
	}
}

func TestLauncher_killAll_endsWhatDoesNotStop(t *testing.T) {
	l := server.NewLauncher("1", instance, nil)
	s, err := l.Open(within(t), fakePlan(t, "--ignore-term"), 1, quiet())
	if err != nil {
		t.Fatal(err)
	}
	l.KillAll()
	select {
	case <-s.Done():
	case <-time.After(testkit.Patience):
		t.Fatal("the session goes on")
	}
	testkit.Gone(t, s.PID())
	l.KillAll() // Nothing is left to kill.
}
