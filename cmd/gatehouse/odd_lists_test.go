package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gatehouse/testkit"
)

func TestOddLists_toolsAreThereAndTheWarningIsShown(t *testing.T) {
	t.Parallel()
	g, a := begin(t, testkit.Servers{
		"number": testkit.Fake(t, "--page", "3", "--cursors", "number"),
		"same":   testkit.Fake(t, "--page", "3", "--cursors", "same"),
	})
	if tools := a.Tools(t, "number").Names(); len(tools) < 10 || !slices.Contains(tools, "mirror") {
		t.Errorf("with numbers as cursors it lists %q, want all", tools)
	}
	if tools := a.Tools(t, "same").Names(); !slices.Equal(tools, []string{"echo", "sleep", "crash"}) {
		t.Errorf("with the same cursor for ever it lists %q, want the first page once", tools)
	}
	line := g.Await(t, "tools listed", "server", "same", "level", "WARN")
	if !strings.Contains(line.Str("err"), "the same cursor") {
		t.Errorf("the log says %s, want the cursor in it", line.Raw)
	}
	for name, want := range map[string]bool{"same": true, "number": false} {
		if _, st := statusOf(t, g, name); strings.Contains(st.ToolsProblem, "may be missing") != want {
			t.Errorf("status says of %s: %q, want a warning: %v", name, st.ToolsProblem, want)
		}
	}
	operate(t, g, "status").want(t, 0, "tools    same: the server's list of tools is odd")
}

func TestFailedList_itsReasonIsInStatusAndTools(t *testing.T) {
	t.Parallel()
	list := filepath.Join(t.TempDir(), "list.json")
	if err := os.WriteFile(list, []byte(`{"tools": 5}`), 0o600); err != nil {
		t.Fatal(err)
	}
	g, a := begin(t, testkit.Servers{"db": testkit.Fake(t, "--list", list)})
	a.Execute(t, "db", "echo", nil).Good(t) // It can be called all the same.
	_, st := statusOf(t, g, "db")
	if st.ToolsProblem == "" {
		t.Error("status says nothing of tools/list, want why it failed")
	}
	operate(t, g, "tools").want(t, exitFine, "tools not known yet", st.ToolsProblem)
}
