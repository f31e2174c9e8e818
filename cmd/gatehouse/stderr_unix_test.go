//go:build unix

package main

import (
	"io"
	"testing"

	"gatehouse/testkit"
)

func TestLog_whoseReaderGoesAway_costsTheLogAndNothingElse(t *testing.T) {
	t.Parallel()
	g, a := begin(t, testkit.Servers{"s": testkit.Fake(t)})
	a.Execute(t, "s", "echo", nil).Good(t)
	socketOf(t, g)
	g.CloseStderr(t)
	for range 3 {
		a.Execute(t, "s", "stderr", map[string]any{"line": "said to nobody"}).Good(t)
	}
	operate(t, g, "restart", "s").want(t, exitFine)
	a.Execute(t, "s", "echo", nil).Good(t)
	st, _ := statusOf(t, g, "s")
	if st.Log.Lost == 0 || st.Log.Err == "" {
		t.Errorf("status says %+v of the log, want lost lines and why", st.Log)
	}
	operate(t, g, "status").want(t, exitFine, "log", "lost", "broken pipe")
	operate(t, g, "logs").want(t, exitFine, "said to nobody")
	if code := g.Stop(t); code != exitFine {
		t.Errorf("it ended with %d, want %d", code, exitFine)
	}
}

func TestStdio_whoseReaderGoesAway_stopsInOrder(t *testing.T) {
	testkit.OfRunAlone(t, "TestAttach_whoseReaderGoesAway_ends shows it of the relay")
	t.Parallel()
	g := overStdio(t, testkit.Options{
		Servers: testkit.Servers{"s": testkit.Fake(t)}.JSON(), Rules: testkit.AllowAll("a"), Unclean: true,
	})
	g.Await(t, "server ready")
	g.CloseStdout(t)
	if _, err := io.WriteString(g.Stdin(), `{"jsonrpc":"2.0","id":1,"method":"ping"}`+"\n"); err != nil {
		t.Fatal(err)
	}
	g.Await(t, "gateway stopped")
	if code := g.Wait(t); code != exitNo {
		t.Errorf("it ended with %d, want %d: not by a signal", code, exitNo)
	}
}
