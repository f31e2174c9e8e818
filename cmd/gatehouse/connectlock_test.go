package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"gatehouse/internal/attach"
)

// Of two at once one waits for the other, or changes nothing: not even what is kept of a
// connection whose file it would not write.
func TestConnect_whileAnotherIsAtIt_changesNothing(t *testing.T) {
	for _, args := range [][]string{{"connect", "cursor", "--agent", "codex"}, {"disconnect", "cursor"}, {"disconnect", "--all"}} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			home, path := inCursor(t, ofCursor(t), true)
			atHome(t, "connect", "cursor", "--replace").want(t, exitFine)
			if err := os.WriteFile(path, []byte(cursorFile), 0o600); err != nil {
				t.Fatal(err)
			}
			want := left(t, home, path)
			lock, err := attach.AwaitLock(t.Context(), connectionsLock())
			if err != nil {
				t.Fatal(err)
			}
			err = impatiently(t, args)
			lock.Release()
			if err == nil || !strings.Contains(err.Error(), "right now: nothing is written; try again") {
				t.Errorf("got %v, want that nothing is written", err)
			}
			same(t, 0, "another command", left(t, home, path), want)
			if err := impatiently(t, args); err != nil {
				t.Errorf("once the other one is done: got %v, want it to work", err)
			}
		})
	}
}

// impatiently runs a connect or disconnect that waits for nobody.
func impatiently(t *testing.T, args []string) error {
	t.Helper()
	root := &cobra.Command{Use: "gatehouse", SilenceErrors: true, SilenceUsage: true}
	root.AddCommand(newConnectCommand(), newDisconnectCommand())
	root.SetArgs(args)
	root.SetOut(&bytes.Buffer{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return root.ExecuteContext(ctx)
}

// Whoever is killed leaves the file of the lock, but not the lock.
func TestConnect_afterAnotherWasKilled_doesNotWait(t *testing.T) {
	home, _ := inCursor(t, ofCursor(t), true)
	homeFile(t, home, filepath.Join(connections, "lock"), "")
	if err := impatiently(t, []string{"connect", "cursor"}); err != nil {
		t.Errorf("got %v, want it connected", err)
	}
}

// A file that connect has made, and that somebody has changed since it was read, is not
// ours alone to remove.
func TestDisconnect_whileTheFileChanges_leavesIt(t *testing.T) {
	_, path := inCursor(t, ofCursor(t), false)
	atHome(t, "connect", "cursor").want(t, exitFine)
	target, err := openTarget(mustFind(t, "cursor"))
	if err != nil {
		t.Fatal(err)
	}
	steps := target.disconnect(nil, false)
	const theirs = `{"mcpServers": {"theirs": {"command": "t"}}}`
	if err := os.WriteFile(path, []byte(theirs), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := runSteps(steps); err == nil || !strings.Contains(err.Error(), "try again") {
		t.Errorf("got %v, want that somebody has changed the file", err)
	}
	if got := readText(t, path); got != theirs {
		t.Errorf("got %s, want it left as it is", got)
	}
}
